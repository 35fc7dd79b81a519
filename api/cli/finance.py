"""What finance's commands of licences and orders have in common: how money is asked for, told, recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.terminal import Day, MinorUnits

if TYPE_CHECKING:
    from api.cli.installation import Installation
    from ledger.message import Command
    from ledger.store import Store
    from ledger.store.batched_queries import Connection

    Make = Callable[[Store, dict[str, Any]], Awaitable[Command]]
    """Given the store and what every command has but its stream."""

reference_option = click.option("--reference", required=True, help="As the bank's statement has it.")
amount_argument = click.argument("amount_minor", metavar="AMOUNT", type=MinorUnits())
day_option = click.option("--on", "day", type=Day(), help="That day (UTC).  [default: today]")


async def recorded(here: Installation, make: Make, causation_id: str) -> tuple[Any, datetime]:
    """The state after the command that `make` answers, and when that was sent."""
    from api.clock import SystemClock
    from ledger.ids import new_id
    from ledger.message import Origin
    from ledger.store import Store

    now = SystemClock().now()
    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id=causation_id)
    async with Store.open(here.url, schema=here.settings.schema) as store:
        command = await make(store, {"command_id": new_id("cmd"), "effective_at": now})
        return (await store.handle(command, origin)).state, now


def dated(fields: dict[str, Any], day: datetime | None, name: str) -> dict[str, Any]:
    """In the books within its day, as the routes date it."""
    from api.http.days import within

    now: datetime = fields["effective_at"]
    on = (day or now).date()
    return {**fields, "effective_at": within(on, now), name: on}


def amount(amount_minor: int, currency: str) -> str:
    from ledger.money import format_minor

    return format_minor(amount_minor, currency)


async def named(here: Installation, org_ids: Iterable[str]) -> dict[str, str]:
    """How organisations are called, by their ids; without those whose names are erased."""
    from api.organisations.reads import names_of

    async with reading(here) as conn:
        return await names_of(conn, org_ids)


@asynccontextmanager
async def reading(here: Installation) -> AsyncIterator[Connection]:
    from psycopg import AsyncConnection

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        yield conn
