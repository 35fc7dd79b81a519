"""Close days: recognise of every invoice, and of every licence, what was earned on each of them.

Any number of times, and by several at once: a closed day is not closed again, and a day that was left out is
made up for. What is interrupted goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, timedelta

import msgspec
import structlog
from psycopg import AsyncConnection

from api.clock import Clock
from ledger.errors import Refused
from ledger.invoices.commands import CloseDay
from ledger.invoices.events import InvoiceRecognised
from ledger.invoices.recognition import end_of
from ledger.licences.commands import CloseLicenceDay
from ledger.licences.events import LicenceRecognised
from ledger.message import Command, Origin
from ledger.store import Store
from projections.queries.due import OpenDays, open_days
from projections.queries.licences import LicenceDays, licence_days

BATCH = 200
"""Invoices or licences at a time; the days of one are closed one after the other."""
_DAY = timedelta(days=1)
_LAST_INSTANT = timedelta(microseconds=1)
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="day_closed")

log = structlog.get_logger()


class Recognised(msgspec.Struct):
    """What was recognised by one run."""

    entries: int = 0
    invoices: int = 0
    """And licences, each with all of its invoices."""
    totals_minor: Counter[str] = msgspec.field(default_factory=Counter)
    """By currency."""


async def close_days(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """All days that are over by `clock`; answers how many entries were made."""
    return (await recognise(conn, store, last_closed(clock))).entries


def last_closed(clock: Clock) -> date:
    """Yesterday, in UTC."""
    return clock.now().astimezone(UTC).date() - _DAY


async def recognise(
    conn: AsyncConnection,
    store: Store,
    until: date,
    *,
    origin: Origin = _ORIGIN,
    advance: Callable[[int], None] = lambda _: None,
) -> Recognised:
    """Close all days up to and with `until`, which must be over. Calls `advance` with the number of invoices
    and licences done.
    """
    made = Recognised()
    async for batch in _all_open(conn, until):
        for one in await asyncio.gather(*(_close(store, days, origin) for days in batch)):
            made.invoices += bool(one.entries)
            made.entries += one.entries
            made.totals_minor += one.totals_minor
        advance(made.invoices)
    return made


async def _all_open(conn: AsyncConnection, until: date) -> AsyncIterator[list[OpenDays | LicenceDays]]:
    after: OpenDays | None = None
    while batch := await open_days(conn, until, BATCH, after=after):
        yield [*batch]
        after = batch[-1]
    behind: LicenceDays | None = None
    while licences := await licence_days(conn, until, BATCH, after=behind):
        yield [*licences]
        behind = licences[-1]


async def _close(store: Store, days: OpenDays | LicenceDays, origin: Origin) -> Recognised:
    """A day at a time, so that each month has its own revenue, however late it is closed."""
    made, day = Recognised(), days.first
    while day <= days.last:
        command = _command(days, day)
        try:
            outcome = await store.handle(command, origin)
        except Refused as refusal:
            log.warning("day_not_closed", command_id=command.command_id, code=refusal.code)
            return made
        if not outcome.repeated:
            for recorded in outcome.recorded:
                if isinstance(recorded.event, InvoiceRecognised | LicenceRecognised):
                    made.entries += 1
                    made.totals_minor[recorded.event.currency] += recorded.event.total_minor
        day += _DAY
    return made


def _command(days: OpenDays | LicenceDays, day: date) -> Command:
    at = end_of(day) - _LAST_INSTANT
    if isinstance(days, LicenceDays):
        return CloseLicenceDay(
            command_id=f"close_licence:{days.licence_id}:{day.isoformat()}",
            effective_at=at,
            licence_id=days.licence_id,
            day=day,
        )
    return CloseDay(
        command_id=f"close:{days.stripe_invoice_id}:{day.isoformat()}",
        effective_at=at,
        stripe_invoice_id=days.stripe_invoice_id,
        day=day,
    )
