"""`stripe webhook-endpoint`: what the endpoint at Stripe must be, and making it so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from api.cli.errors import FOUND, UNUSABLE, CommandError, unwritable
from api.cli.terminal import json_option, print_json

if TYPE_CHECKING:
    from api.settings import Settings
    from api.webhooks.endpoint import Endpoint


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    settings: Settings
    url: str
    create: bool
    update: bool
    connect: bool
    secret_out: Path | None


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is empty unless it was made just now and is to be printed."""

    endpoint: Endpoint
    outcome: str
    differences: list[str]
    secret: str = ""


@click.command("webhook-endpoint")
@click.option("--url", default="", help="Where Stripe reaches the service.  [default: LIBERATION_PUBLIC_URL]")
@click.option("--create", is_flag=True, help="Make it at Stripe, unless there is one with this address.")
@click.option("--update", is_flag=True, help="Bring one that is there in line.")
@click.option("--connect", is_flag=True, help="The one for connected accounts, beside the platform's own.")
@click.option(
    "--secret-out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the secret into this new file, for its owner alone, instead of printing it.",
)
@json_option
def webhook_endpoint(
    url: str, secret_out: Path | None, *, create: bool, update: bool, connect: bool, as_json: bool
) -> None:
    """Show the webhook endpoint that Stripe needs, or make it. Both are at one address, each with a secret of
    its own: the platform's, and with --connect that of its connected accounts.

    Without --create and --update Stripe is not asked. The secret is shown this one time: it is
    LIBERATION_STRIPE_WEBHOOK_SECRET. Exit 1 when an endpoint is there and differs, and says in what; 2 when
    it is there and --secret-out is given, as its secret cannot be had again.
    """
    from api.settings import SettingsError, load
    from api.webhooks.endpoint import address

    settings = load()
    where = address(url, settings)
    if secret_out is not None and not create:
        raise click.UsageError("--secret-out is for the secret of a new endpoint: give --create too.")
    if not create and not update:
        _print_wanted(where, connect=connect, as_json=as_json)
        return
    if not where:
        raise SettingsError("Say where Stripe reaches the service: give --url, or set LIBERATION_PUBLIC_URL.")
    if not settings.stripe_api_key:
        raise SettingsError("LIBERATION_STRIPE_API_KEY is not set, so there is no account to look into.")
    asked = _Asked(
        settings=settings, url=where, create=create, update=update, connect=connect, secret_out=secret_out
    )
    done = asyncio.run(_bring_in_line(asked))
    _print_done(done, as_json=as_json)
    if secret_out is not None and done.outcome != "created":
        raise CommandError(_NOT_WRITTEN.format(file=secret_out), UNUSABLE)
    if done.differences:
        click.get_current_context().exit(FOUND)


def _wanted(url: str, *, connect: bool) -> dict[str, Any]:
    from api.stripe.client import STRIPE_VERSION
    from api.webhooks.endpoint import types_of

    wanted = {"url": url, "api_version": STRIPE_VERSION, "enabled_events": list(types_of(connect=connect))}
    return wanted | ({"connect": True} if connect else {})


def _print_wanted(url: str, *, connect: bool, as_json: bool) -> None:
    from api.webhooks.endpoint import WEBHOOK_PATH

    wanted = _wanted(url or f"https://…{WEBHOOK_PATH}", connect=connect)
    if as_json:
        print_json(wanted)
        return
    listens = "Listens to   connected accounts\n" if connect else ""
    click.echo(f"Address      {wanted['url']}\nAPI version  {wanted['api_version']}\n{listens}Event types")
    for name in wanted["enabled_events"]:
        click.echo(f"  {name}")
    if not url:
        click.echo("Give --url, or set LIBERATION_PUBLIC_URL, and the address is told whole.", err=True)


async def _bring_in_line(asked: _Asked) -> _Done:
    import stripe

    from api.stripe.client import open_stripe
    from api.webhooks.endpoint import differences, find, update

    settings = asked.settings
    async with open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base) as client:
        try:
            found = await find(client, asked.url, connect=asked.connect)
            if not found:
                return await _create(client, asked)
            endpoint = await update(client, found[0]) if asked.update else found[0]
        except stripe.PermissionError as error:
            raise CommandError(_NOT_PERMITTED, UNUSABLE) from error
        except stripe.InvalidRequestError as error:
            raise CommandError(f"Stripe refuses the endpoint: {error.user_message}", UNUSABLE) from error
    remaining = differences(endpoint)
    if len(found) > 1:
        remaining.append(f"{len(found)} endpoints have this address, and each tells of every event")
    outcome = "updated" if asked.update else "exists"
    return _Done(endpoint=endpoint, outcome=outcome, differences=remaining)


_NOT_PERMITTED = """
    The key may not work on webhook endpoints: give it the permission to write them for this one time, or
    make the endpoint by hand as `liberation stripe webhook-endpoint` prints it.
"""


async def _create(client: Any, asked: _Asked) -> _Done:
    from api.webhooks.endpoint import create

    if not asked.create:
        raise CommandError(f"No endpoint at Stripe has the address {asked.url}: give --create.", UNUSABLE)
    with _secret_file(asked.secret_out) as write:
        endpoint, secret = await create(client, asked.url, connect=asked.connect)
        write(secret)
    shown = "" if asked.secret_out else secret
    return _Done(endpoint=endpoint, outcome="created", differences=[], secret=shown)


@contextmanager
def _secret_file(path: Path | None) -> Iterator[Any]:
    """Opened before the endpoint is made, as its secret would be lost with a file that cannot be written."""
    if path is None:
        yield lambda _: None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} is there already: name a new file.", UNUSABLE) from None
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield lambda secret: file.write(f"{secret}\n")
    except BaseException:
        path.unlink()
        raise


def _print_done(done: _Done, *, as_json: bool) -> None:
    endpoint = done.endpoint
    if as_json:
        print_json(
            {
                **msgspec.to_builtins(endpoint),
                "outcome": done.outcome,
                "differences": done.differences,
                **({"secret": done.secret} if done.secret else {}),
            }
        )
        return
    click.echo(f"{endpoint.id} {done.outcome}: {endpoint.url}", err=bool(done.secret))
    for difference in done.differences:
        click.echo(f"  {difference}")
    if not endpoint.pinned:
        click.echo(_VERSION_STAYS)
    elif done.differences:
        click.echo("--update brings its event types in line and enables it.")
    if done.secret:
        click.echo(
            "Keep the secret now, as LIBERATION_STRIPE_WEBHOOK_SECRET: it is not shown again.", err=True
        )
        click.echo(done.secret)


_NOT_WRITTEN = """
    {file} is not written: Stripe showed the endpoint's secret once, when it was made. Roll it at Stripe and
    keep the new one, or delete the endpoint there and run this again.
"""

_VERSION_STAYS = (
    "Stripe changes no endpoint's version. Delete this one in the dashboard and run this with --create; what "
    "happens in between is caught up with."
)
