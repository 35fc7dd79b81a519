"""Enrolments as they are now: one row for a learner at a course, of the attempt that counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, cast, get_args

from psycopg import Cursor

from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentExpiring,
    EnrolmentReleased,
    EnrolmentReserved,
    EnrolmentRestored,
    EnrolmentRevoked,
    ReservationSuperseded,
    ReturnRequested,
    ReturnWithdrawn,
)
from ledger.enrolments.learning.events import LearningEvent
from ledger.enrolments.state import EnrolmentStatus
from ledger.enrolments.stream import parts_of
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table
from projections.learning import LEARNING, LEARNING_FACTS, LearningRow, learn


class EnrolmentRow(Row):
    stream: str
    """Names the course and the learner, who have one row together."""
    course_id: str
    learner_id: str
    buyer_id: str
    enrolment_id: str
    attempt: int
    status: Literal[EnrolmentStatus, ""]
    """Empty when all that is known is that a payment, whose reservation was lost, came to nothing."""
    payment_id: str
    """Empty for nothing."""
    amount_minor: int
    """What is to pay, or was paid; currency and revision belong to it."""
    currency: str
    revision: int
    expiring: bool
    refund_id: str
    """The refund that was asked for."""
    reserved_at: datetime | None
    expires_at: datetime | None
    """Of a reservation, while there is one."""
    activated_at: datetime | None
    revoked_at: datetime | None
    position: int
    last_position: int
    progress_bp: int
    """Of the attempt that counts, as all that follows."""
    completed_at: datetime | None
    completed_revision: int | None
    certificate_id: str
    price_minor: int
    """Before any discount, in the same currency; 0 also where its terms are not known here."""
    discount_minor: int
    coupon: str
    """The code of the one by which; empty for none."""
    order_id: str
    """Of the organisation's order by which; empty for none."""


ENROLMENTS = Table("enrolments", EnrolmentRow, ("stream",))

_FACTS: frozenset[type[Event]] = frozenset(get_args(EnrolmentEvent))


class Enrolments(Projection):
    NAME: ClassVar[str] = "enrolments"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._enrolments = Rows(ENROLMENTS)
        self._learning = Rows(LEARNING)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._enrolments, self._learning

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """Of a stream that begins in this batch nothing is there yet."""
        ours = [one for one in batch if type(one.event) in _FACTS]
        begun = {one.stream for one in ours if one.version == 1}
        streams = {one.stream for one in ours} - begun
        self._enrolments.load(cursor, streams)
        self._learning.load(cursor, streams, by="stream")

    def project(self, recorded: Recorded) -> None:
        if recorded.version == 1:
            self._enrolments.put(recorded.stream, _begin(recorded))
        row = self._enrolments.change(recorded.stream)
        row.last_position = recorded.position
        if type(recorded.event) in LEARNING_FACTS:
            learn(self._learning, recorded, cast("LearningEvent", recorded.event))
        else:
            _advance(row, recorded)
        _show(row, self._learning.find(row.enrolment_id))


def _begin(recorded: Recorded) -> EnrolmentRow:
    course_id, learner_id = parts_of(recorded.stream)
    return EnrolmentRow(
        stream=recorded.stream,
        course_id=course_id,
        learner_id=learner_id,
        buyer_id="",
        enrolment_id="",
        attempt=0,
        status="",
        payment_id="",
        amount_minor=0,
        currency="",
        revision=0,
        expiring=False,
        refund_id="",
        reserved_at=None,
        expires_at=None,
        activated_at=None,
        revoked_at=None,
        position=recorded.position,
        last_position=recorded.position,
        progress_bp=0,
        completed_at=None,
        completed_revision=None,
        certificate_id="",
        price_minor=0,
        discount_minor=0,
        coupon="",
        order_id="",
    )


def _show(row: EnrolmentRow, learnt: LearningRow | None) -> None:
    """What the attempt that counts now has learnt; what it had completed before it was lost is completed."""
    row.progress_bp = learnt.progress_bp if learnt else 0
    row.completed_at = learnt.completed_at if learnt else None
    row.completed_revision = learnt.completed_revision if learnt else None
    row.certificate_id = learnt.certificate_id if learnt else ""
    if row.status == "active" and row.completed_at is not None:
        row.status = "completed"


def _advance(row: EnrolmentRow, recorded: Recorded) -> None:
    """The same rules as the decider's `evolve`."""
    event, at = recorded.event, recorded.metadata.effective_at
    match event:
        case EnrolmentReserved():
            _reserve(row, event, at)
        case EnrolmentActivated() | EnrolmentRestored():
            _activate(row, event, at)
        case EnrolmentReleased(payment_id=payment_id) | ReservationSuperseded(payment_id=payment_id):
            if row.status == "reserved" and row.payment_id == payment_id:
                _end(row, "released")
        case EnrolmentRevoked():
            if not row.status or row.payment_id == event.payment_id:
                _revoke(row, event, at)
        case EnrolmentExpiring():
            row.expiring = True
        case ReturnRequested(refund_id=refund_id, payment_id=payment_id) if payment_id == row.payment_id:
            row.refund_id = refund_id
        case ReturnWithdrawn(refund_id=refund_id) if refund_id == row.refund_id:
            row.refund_id = ""
        case _:
            pass  # a payment too many, or of before, changes nothing of the enrolment


def _reserve(row: EnrolmentRow, event: EnrolmentReserved, at: datetime) -> None:
    row.status = "reserved"
    _identify(row, event, event.sale.revision)
    row.expiring, row.refund_id = False, ""
    row.reserved_at, row.expires_at = at, event.expires_at
    row.activated_at = row.revoked_at = None


def _activate(row: EnrolmentRow, event: EnrolmentActivated | EnrolmentRestored, at: datetime) -> None:
    restored = isinstance(event, EnrolmentRestored) and row.payment_id == event.payment_id
    row.activated_at = (row.activated_at if restored else None) or at
    _identify(row, event, event.revision)
    row.revoked_at = None
    of_another = isinstance(event, EnrolmentRestored) and row.refund_id != event.cause_id
    returning = row.refund_id if of_another else ""
    _end(row, "active")
    row.refund_id = returning


def _revoke(row: EnrolmentRow, event: EnrolmentRevoked, at: datetime) -> None:
    """A return of what is left goes on, unless this is it."""
    row.enrolment_id, row.payment_id = event.enrolment_id, event.payment_id
    row.revoked_at = row.revoked_at or at
    returning = row.refund_id if row.refund_id != event.cause_id else ""
    _end(row, "revoked")
    row.refund_id = returning


def _identify(
    row: EnrolmentRow, event: EnrolmentReserved | EnrolmentActivated | EnrolmentRestored, revision: int
) -> None:
    sale = None if isinstance(event, EnrolmentRestored) else event.sale
    if sale is not None or row.enrolment_id != event.enrolment_id:
        row.price_minor = sale.price_minor if sale else 0
        row.discount_minor = sale.discount_minor if sale else 0
    row.coupon = event.coupon
    row.order_id = event.order_id if isinstance(event, EnrolmentActivated) else ""
    row.enrolment_id, row.payment_id, row.buyer_id = event.enrolment_id, event.payment_id, event.buyer_id
    row.attempt, row.revision = event.attempt, revision
    row.amount_minor, row.currency = event.amount_minor, event.currency


def _end(row: EnrolmentRow, status: EnrolmentStatus) -> None:
    """Of a reservation, and of a return that was asked for."""
    row.status = status
    row.expiring, row.expires_at, row.refund_id = False, None, ""
