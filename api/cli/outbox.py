"""`outbox`: effects that were set aside after their last try."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from projections.outbox import Parked

LIMIT = 1_000
_KEY = re.compile(r"(?P<position>[0-9]{1,18})\.(?P<policy>[a-z_]+)\.(?P<index>[0-9]{1,9})")


class EffectKey(click.ParamType[tuple[int, str, int]]):
    """`POSITION.POLICY.INDEX`, as `outbox list` shows it."""

    name = "key"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str, int]:
        if isinstance(value, tuple):
            return value
        found = _KEY.fullmatch(value)
        if found is None:
            return self.fail(
                f"{value!r} names no effect: write it as `outbox list` does, such as 123.payments.0.",
                param,
                ctx,
            )
        return int(found["position"]), found["policy"], int(found["index"])


@click.group()
def outbox() -> None:
    """Effects that could not be delivered: list, requeue."""


@outbox.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show parked effects, the longest parked first."""
    with installation() as here:
        found = asyncio.run(_parked(here))
    if as_json:
        print_json(found)
        return
    print_table(
        ("key", "kind", "#tries", "parked", "why"),
        (
            (one.key, one.kind, one.attempts, f"{one.parked_at:%Y-%m-%d %H:%M}", one.last_error)
            for one in found
        ),
        empty="Nothing is parked.",
    )


@outbox.command()
@click.argument("keys", nargs=-1, type=EffectKey(), metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="All that is parked.")
@json_option
def requeue(keys: tuple[tuple[int, str, int], ...], *, everything: bool, as_json: bool) -> None:
    """Have parked effects tried again, with all their tries anew.

    Exit 2 when one of them is not parked; the others are requeued all the same.
    """
    if everything == bool(keys):
        raise click.UsageError("Name the effects as `outbox list` does, or give --all.")
    with installation() as here:
        done, missing = asyncio.run(_requeue(here, keys))
    if as_json:
        print_json({"requeued": done, "not_parked": missing})
    elif done:
        click.echo(f"Requeued {', '.join(done)}.")
    else:
        click.echo("Nothing is parked.")
    if missing:
        raise CommandError(f"Not parked: {', '.join(missing)}.", UNUSABLE)


async def _parked(here: Installation) -> list[Parked]:
    from psycopg import AsyncConnection

    from projections.outbox import parked

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return await parked(conn, LIMIT)


async def _requeue(here: Installation, keys: tuple[tuple[int, str, int], ...]) -> tuple[list[str], list[str]]:
    """Names of those requeued, and of those that were not parked."""
    from psycopg import AsyncConnection

    from projections.outbox import Key, parked, requeue

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        wanted = [Key(*key) for key in keys] or [one.key for one in await parked(conn, LIMIT)]
        done = {key: await requeue(conn, key) for key in dict.fromkeys(wanted)}
    return [str(key) for key, was in done.items() if was], [str(key) for key, was in done.items() if not was]
