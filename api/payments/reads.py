"""Reads of the projections: point reads merged on one connection, lists from a small pool.

A row comes back as the struct that the projection wrote it from, so a column cannot mean two things.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from api.invoices.resources import InvoiceStory
from api.payments.resources import PaymentFact, Story
from ledger.message import Metadata
from ledger.payments.stream import id_of, stream_of
from ledger.store.lane import Connection, Kind
from projections.engine.tables import Row, Table
from projections.invoices.credit_notes import CREDIT_NOTES
from projections.invoices.lines import INVOICE_LINES
from projections.invoices.projection import INVOICE_DISPUTES, INVOICES
from projections.payments.disputes import DISPUTES
from projections.payments.projection import PAYMENTS
from projections.payments.refunds import REFUNDS

R = TypeVar("R", bound=Row)
Arguments = Sequence[Any] | Mapping[str, Any]


class Told(msgspec.Struct, frozen=True):
    """A payment with its history; of one moment, since the queries run in one transaction."""

    story: Story
    history: Sequence[PaymentFact]


_BY_ID = "SELECT {columns} FROM {table} WHERE {by} = ANY(%s) ORDER BY position"
_FACTS = """
    SELECT stream, type, position, metadata, recorded_at
    FROM events
    WHERE stream = ANY(%s)
    ORDER BY position
"""
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_metadata = msgspec.json.Decoder(Metadata).decode


def select(template: LiteralString, table: Table[Any], **names: str) -> Composed:
    """`template` with {table}, {columns} of it, and further names as quoted identifiers."""
    return table.compose(template, **{key: SQL("{}").format(Identifier(name)) for key, name in names.items()})


_PAYMENTS = select(_BY_ID, PAYMENTS, by="payment_id")
_REFUNDS = select(_BY_ID, REFUNDS, by="payment_id")
_DISPUTES = select(_BY_ID, DISPUTES, by="payment_id")


async def rows(connection: Connection, query: Composed, table: Table[R], arguments: Arguments) -> list[R]:
    return rows_of(table, await (await connection.execute(query, arguments)).fetchall())


def rows_of(table: Table[R], found: Iterable[tuple[Any, ...]]) -> list[R]:
    columns = table.columns
    return [table.row(**dict(zip(columns, values, strict=True))) for values in found]


async def _tell(connection: Connection, payment_ids: Sequence[str]) -> list[Told | None]:
    """All that wait, in five round trips at most, whatever their number."""
    ids = list(dict.fromkeys(payment_ids))
    async with connection.pipeline():
        await connection.execute(_SNAPSHOT)
        payments = await connection.execute(_PAYMENTS, (ids,))
        refunds = await connection.execute(_REFUNDS, (ids,))
        disputes = await connection.execute(_DISPUTES, (ids,))
        facts = await connection.execute(_FACTS, ([stream_of(each) for each in ids],))
        await connection.execute("COMMIT")
    refunds_of = _by(rows_of(REFUNDS, await refunds.fetchall()), "payment_id")
    disputes_of = _by(rows_of(DISPUTES, await disputes.fetchall()), "payment_id")
    history_of = _histories(await facts.fetchall())
    known = {
        row.payment_id: Told(
            Story(row, refunds_of[row.payment_id], disputes_of[row.payment_id]),
            [fact for fact in history_of[row.payment_id] if fact.position <= row.last_position],
        )
        for row in rows_of(PAYMENTS, await payments.fetchall())
    }
    return [known.get(each) for each in payment_ids]


def _by(of: Iterable[R], column: str) -> defaultdict[str, list[R]]:
    groups: defaultdict[str, list[R]] = defaultdict(list)
    for row in of:
        groups[getattr(row, column)].append(row)
    return groups


def _histories(facts: Iterable[tuple[Any, ...]]) -> defaultdict[str, list[PaymentFact]]:
    histories: defaultdict[str, list[PaymentFact]] = defaultdict(list)
    for stream, type_, position, metadata, recorded_at in facts:
        fact = PaymentFact(
            type=type_,
            position=position,
            effective_at=_metadata(metadata).effective_at,
            recorded_at=recorded_at,
        )
        histories[id_of(stream)].append(fact)
    return histories


PAYMENT_BY_ID: Kind[str, Told | None] = Kind(_tell)

_INVOICES = select(_BY_ID, INVOICES, by="stripe_invoice_id")
_LINES = select(_BY_ID, INVOICE_LINES, by="stripe_invoice_id")
_CREDITS = select(_BY_ID, CREDIT_NOTES, by="stripe_invoice_id")
_INVOICE_DISPUTES = select(_BY_ID, INVOICE_DISPUTES, by="payment_id")


async def _tell_invoices(connection: Connection, invoice_ids: Sequence[str]) -> list[InvoiceStory | None]:
    """As `_tell`."""
    ids = list(dict.fromkeys(invoice_ids))
    async with connection.pipeline():
        await connection.execute(_SNAPSHOT)
        invoices = await connection.execute(_INVOICES, (ids,))
        lines = await connection.execute(_LINES, (ids,))
        credits_ = await connection.execute(_CREDITS, (ids,))
        disputes = await connection.execute(_INVOICE_DISPUTES, (ids,))
        await connection.execute("COMMIT")
    lines_of = _by(rows_of(INVOICE_LINES, await lines.fetchall()), "stripe_invoice_id")
    credits_of = _by(rows_of(CREDIT_NOTES, await credits_.fetchall()), "stripe_invoice_id")
    disputes_of = _by(rows_of(INVOICE_DISPUTES, await disputes.fetchall()), "payment_id")
    known = {
        row.stripe_invoice_id: InvoiceStory(
            row,
            lines_of[row.stripe_invoice_id],
            credits_of[row.stripe_invoice_id],
            disputes_of[row.stripe_invoice_id],
        )
        for row in rows_of(INVOICES, await invoices.fetchall())
    }
    return [known.get(each) for each in invoice_ids]


INVOICE_BY_ID: Kind[str, InvoiceStory | None] = Kind(_tell_invoices)
