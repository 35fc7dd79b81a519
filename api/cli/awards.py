"""`tokens`, as far as it gives and takes them: by hand, in the name of the command line."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from api.tokens.resources import AwardRequest, TokenAward
    from ledger.message import Command, Recorded
    from ledger.store import Store
    from ledger.tokens.events import TokensPenalised
    from ledger.tokens.following import Now
    from projections.tokens.tables import TokenRequestRow

OPERATOR = "operator"
WAITING = 1_000

reason_option = click.option(
    "--reason", required=True, help="Their user reads it; kept for ever, so it must name nobody."
)


@click.command()
@click.argument("user_id", metavar="USER")
@click.argument("amount", type=int)
@reason_option
@click.option("--for", "source_ref", default="", help="What it is for, of which there is one award.")
def award(user_id: str, amount: int, reason: str, source_ref: str) -> None:
    """Award tokens by hand. More than an administrator may give a user on a day waits for a second one, who
    is another than the command line. Sent again, it awards again, but for what --for names.
    """
    _check_user(user_id)
    with installation() as here:
        awarded = asyncio.run(_awarded(here, user_id, amount, reason, source_ref))
    if awarded.status == "waiting":
        click.echo(
            f"{awarded.asked} tokens for {user_id} wait for another administrator, who confirms them by "
            f"POST /api/tokens/awards/{awarded.request_id}/confirm."
        )
        return
    _say_awarded(awarded)


@click.command()
@json_option
def waiting(*, as_json: bool) -> None:
    """Show awards that wait for a second administrator. The newest first."""
    with installation() as here:
        found = asyncio.run(_waiting(here))
    if as_json:
        print_json(found)
        return
    print_table(
        ("request", "user", "#amount", "asked by", "at", "reason"),
        (
            (
                one.request_id,
                one.user_id,
                one.amount,
                one.requested_by,
                f"{one.requested_at:%Y-%m-%d %H:%M}",
                one.reason,
            )
            for one in found
        ),
        empty="No award waits for a second administrator.",
    )


@click.command()
@click.argument("request_id", metavar="REQUEST")
def confirm(request_id: str) -> None:
    """Award what another administrator asked for. Exit 2 when it does not wait, or was asked for here."""
    with installation() as here:
        awarded = asyncio.run(_confirmed(here, request_id))
    _say_awarded(awarded)


@click.command()
@click.argument("request_id", metavar="REQUEST")
def decline(request_id: str) -> None:
    """Have an award wait no more; nothing is awarded. Exit 2 when it does not wait."""
    with installation() as here:
        asyncio.run(_declined(here, request_id))
    click.echo(f"{request_id} is declined.")


@click.command()
@click.argument("user_id", metavar="USER")
@click.argument("amount", type=int)
@reason_option
def penalise(user_id: str, amount: int, reason: str) -> None:
    """Take tokens, those that expire first before the others. What the balance does not have is owed, and
    later awards repay it first.
    """
    _check_user(user_id)
    with installation() as here:
        taken = asyncio.run(_penalised(here, user_id, amount, reason))
    click.echo(f"{taken.amount - taken.owed} tokens are taken from {user_id}, and {taken.owed} are owed.")


@click.command()
def expire() -> None:
    """Record what has expired and matured by now. The worker does so, too, and balances tell it at once
    anyway: this is for history, books and exports where no worker runs.
    """
    with installation() as here:
        users = asyncio.run(_expired(here))
    recorded = f"Recorded for {users} user{'s' if users > 1 else ''}."
    click.echo(recorded if users else "Nothing has expired or matured.")


def _check_user(user_id: str) -> None:
    """Nothing is given to what can be nobody."""
    import re

    from api.words import USER

    if not re.match(USER, user_id):
        raise CommandError(f"{user_id!r:.80} is no user: write the `sub` of their credential.", UNUSABLE)


def _say_awarded(awarded: TokenAward) -> None:
    until = f", good until {awarded.expires_at:%Y-%m-%d %H:%M} UTC" if awarded.expires_at else ""
    repaid = f"; {awarded.repaid} of them repaid what was owed" if awarded.repaid else ""
    click.echo(f"{awarded.granted} tokens are awarded to {awarded.user_id}{until}{repaid}.")


@asynccontextmanager
async def _store(here: Installation) -> AsyncIterator[Store]:
    from ledger.store import Store

    async with Store.open(here.url, schema=here.settings.schema) as store:
        yield store


async def _handled(store: Store, command: Command) -> Sequence[Recorded]:
    from ledger.message import Origin

    origin = Origin(actor=OPERATOR, roles=frozenset({"admin"}), causation_id="tokens")
    return (await store.handle(command, origin)).recorded


async def now_of(here: Installation, store: Store, user_id: str) -> Now:
    from api.clock import SystemClock
    from api.services import catalogue_of
    from api.subscriptions.entitlements import tier_at
    from ledger.tokens.following import Now

    at, catalogue = SystemClock().now(), catalogue_of(here.settings)
    return Now(at, await tier_at(store, user_id, at, catalogue), catalogue)


async def _awarded(here: Installation, user_id: str, amount: int, reason: str, source_ref: str) -> TokenAward:
    from api.tokens.by_hand import award_of, award_shown, awarded_once
    from ledger.ids import new_id
    from ledger.rewards import BY_HAND
    from ledger.tokens.commands import RequestAward
    from ledger.tokens.following import Source
    from ledger.tokens.refusals import SecondAdminNeeded

    source = Source(user_id, BY_HAND, source_ref or new_id("gift"))
    async with _store(here) as store:
        now = await now_of(here, store, user_id)
        command: Command = await award_of(store, source, now, amount, reason)
        try:
            with awarded_once(source):
                return award_shown(await _handled(store, command))
        except SecondAdminNeeded:
            command = RequestAward(
                command_id=new_id("cmd"),
                effective_at=now.at,
                user_id=user_id,
                request_id=new_id("awr"),
                source_ref=source.source_ref,
                amount=amount,
                reason=reason,
                admin_id=OPERATOR,
            )
            return award_shown(await _handled(store, command))


async def _waiting(here: Installation) -> list[AwardRequest]:
    from psycopg import AsyncConnection

    from api.http.paging import LARGEST
    from api.reads import rows
    from api.tokens.giving import WAITING as QUERY
    from api.tokens.resources import request_of
    from projections.tokens.tables import TOKEN_REQUESTS

    arguments = {"before": LARGEST, "limit": WAITING}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [request_of(row) for row in await rows(conn, QUERY, TOKEN_REQUESTS, arguments)]


async def _asked(here: Installation, request_id: str) -> TokenRequestRow:
    from psycopg import AsyncConnection

    from api.tokens.by_hand import no_request, request_at

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        found = await request_at(conn, request_id)
    if found is None:
        raise no_request(request_id)
    return found


async def _confirmed(here: Installation, request_id: str) -> TokenAward:
    from api.tokens.by_hand import award_shown, confirmation_of, decided_once

    asked = await _asked(here, request_id)
    async with _store(here) as store:
        now = await now_of(here, store, asked.user_id)
        command = await confirmation_of(store, asked, now, OPERATOR)
        with decided_once(asked):
            return award_shown(await _handled(store, command))


async def _declined(here: Installation, request_id: str) -> None:
    from api.clock import SystemClock
    from api.tokens.by_hand import decided_once
    from ledger.ids import new_id
    from ledger.tokens.commands import DeclineAward

    asked = await _asked(here, request_id)
    command = DeclineAward(
        command_id=new_id("cmd"),
        effective_at=SystemClock().now(),
        user_id=asked.user_id,
        request_id=request_id,
    )
    async with _store(here) as store:
        with decided_once(asked):
            await _handled(store, command)


async def _penalised(here: Installation, user_id: str, amount: int, reason: str) -> TokensPenalised:
    from api.clock import SystemClock
    from ledger.ids import new_id
    from ledger.tokens.commands import PenaliseTokens
    from ledger.tokens.events import TokensPenalised

    command = PenaliseTokens(
        command_id=new_id("cmd"),
        effective_at=SystemClock().now(),
        user_id=user_id,
        penalty_id=new_id("pen"),
        amount=amount,
        reason=reason,
    )
    async with _store(here) as store:
        event = (await _handled(store, command))[-1].event
    assert isinstance(event, TokensPenalised)
    return event


async def _expired(here: Installation) -> int:
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.tokens.settling import settle_tokens
    from ledger.store import APPLICATION

    async with (
        _store(here) as store,
        await AsyncConnection.connect(here.conninfo(APPLICATION), autocommit=True) as conn,
    ):
        return await settle_tokens(conn, store, SystemClock())


COMMANDS = (award, waiting, confirm, decline, penalise, expire)
