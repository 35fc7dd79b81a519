"""A payment with all that belongs to it, of one moment; those who ask at the same time share the queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from api.payments.resources import PaymentFact, Story
from api.reads import BY_ID, SNAPSHOT, grouped, rows_of, select
from ledger.message import Metadata
from ledger.payments.stream import id_of, stream_of
from ledger.store.batched_queries import BatchedQuery, Connection
from projections.payments.disputes import DISPUTES
from projections.payments.payment import PAYMENTS
from projections.payments.refunds import REFUNDS


class PaymentRows(msgspec.Struct, frozen=True):
    """A payment with its history; of one moment, since the queries run in one transaction."""

    story: Story
    history: Sequence[PaymentFact]


_FACTS = """
    SELECT stream, type, position, metadata, recorded_at
    FROM events
    WHERE stream = ANY(%s)
    ORDER BY position
"""
_metadata = msgspec.json.Decoder(Metadata).decode
_PAYMENTS = select(BY_ID, PAYMENTS, by="payment_id")
_REFUNDS = select(BY_ID, REFUNDS, by="payment_id")
_DISPUTES = select(BY_ID, DISPUTES, by="payment_id")


async def _tell(connection: Connection, payment_ids: Sequence[str]) -> list[PaymentRows | None]:
    """All that wait, in five round trips at most, whatever their number."""
    ids = list(dict.fromkeys(payment_ids))
    async with connection.pipeline():
        await connection.execute(SNAPSHOT)
        payments = await connection.execute(_PAYMENTS, (ids,))
        refunds = await connection.execute(_REFUNDS, (ids,))
        disputes = await connection.execute(_DISPUTES, (ids,))
        facts = await connection.execute(_FACTS, ([stream_of(each) for each in ids],))
        await connection.execute("COMMIT")
    refunds_of = grouped(rows_of(REFUNDS, await refunds.fetchall()), "payment_id")
    disputes_of = grouped(rows_of(DISPUTES, await disputes.fetchall()), "payment_id")
    history_of = _histories(await facts.fetchall())
    known = {
        row.payment_id: PaymentRows(
            Story(row, refunds_of[row.payment_id], disputes_of[row.payment_id]),
            [fact for fact in history_of[row.payment_id] if fact.position <= row.last_position],
        )
        for row in rows_of(PAYMENTS, await payments.fetchall())
    }
    return [known.get(each) for each in payment_ids]


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


PAYMENT_BY_ID: BatchedQuery[str, PaymentRows | None] = BatchedQuery(_tell)
