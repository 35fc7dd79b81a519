"""Numbers of payments' receipts: the n-th payment whose money was captured has n, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.payments.events import PaymentSucceeded
from ledger.payments.stream import id_of
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.numbering import Numbering
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class PaymentReceiptRow(Row):
    payment_id: str
    receipt_number: int
    position: int


PAYMENT_RECEIPTS = Table("payment_receipts", PaymentReceiptRow, ("payment_id",))


class PaymentReceipts(Projection):
    NAME: ClassVar[str] = "payment_receipts"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset({PaymentSucceeded})

    def __init__(self) -> None:
        self._receipts = Rows(PAYMENT_RECEIPTS)
        self._numbers = Numbering(PAYMENT_RECEIPTS, "receipt_number")

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._receipts,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        captured = {id_of(one.stream) for one in batch if isinstance(one.event, PaymentSucceeded)}
        if captured:
            self._receipts.load(cursor, captured)
            self._numbers.load(cursor)

    def project(self, recorded: Recorded) -> None:
        if not isinstance(recorded.event, PaymentSucceeded):
            return
        payment_id = id_of(recorded.stream)
        if self._receipts.find(payment_id) is None:
            row = PaymentReceiptRow(
                payment_id=payment_id, receipt_number=self._numbers.next(), position=recorded.position
            )
            self._receipts.put(payment_id, row)
