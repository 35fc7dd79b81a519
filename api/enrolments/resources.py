"""What the API shows of enrolments. Rows come from the projection, or from its own code over one stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from api.http.problems import Problem
from api.payments.answers import PaymentDeclined
from api.payments.resources import Payment
from ledger.enrolments.learning.state import Progress
from ledger.enrolments.state import LIVE, EnrolmentStatus
from ledger.enrolments.state import Enrolment as State
from ledger.message import Recorded
from projections.engine.buffers import Rows
from projections.enrolments import EnrolmentRow, Enrolments


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """One learner at one course. `payment_id` is empty for what cost nothing; `expires_at` is until when a
    reservation waits for its payment, null once that is over and Stripe has yet to say how the payment ended.
    `position` is that of its first fact. Whoever gave it to somebody sees that it is `active`, and nothing of
    what they make of it: neither progress nor that it is completed.
    """

    enrolment_id: str
    course_id: str
    learner_id: str
    buyer_id: str
    status: EnrolmentStatus
    attempt: int
    revision: int
    """Of the course, as it was bought."""
    payment_id: str
    amount_minor: int
    """What was to pay."""
    currency: str
    price_minor: int
    """Before any discount; 0 also where it is not known any more."""
    discount_minor: int
    coupon: str
    """By which; empty for none, and for a learner who was given the course."""
    order_id: str
    """Of the organisation that ordered the course and pays `price_minor`; empty for none."""
    reserved_at: datetime | None
    expires_at: datetime | None
    activated_at: datetime | None
    revoked_at: datetime | None
    progress_percent: int
    completed_at: datetime | None
    completed_revision: int | None
    certificate_id: str
    """Also of one that is revoked; empty for none."""
    position: int


class Gift(msgspec.Struct, frozen=True, kw_only=True):
    """What one gave to somebody. What they make of it is theirs: it is `active` also once it is completed."""

    enrolment_id: str
    course_id: str
    learner_id: str
    status: Literal["reserved", "released", "active", "revoked"]
    payment_id: str
    amount_minor: int
    currency: str
    price_minor: int
    discount_minor: int
    coupon: str
    reserved_at: datetime | None
    expires_at: datetime | None
    activated_at: datetime | None
    revoked_at: datetime | None
    position: int


class EnrolmentDetail(Enrolment, frozen=True, kw_only=True):
    items_done: list[str]
    """Also those that the course has no more."""


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """What the learner has done of a course, as the ledger has it now."""

    enrolment_id: str
    course_id: str
    learner_id: str
    status: EnrolmentStatus
    progress_percent: int
    completed_at: datetime | None
    completed_revision: int | None
    certificate_id: str
    """Also of one that is revoked; empty for none."""


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """`payment` is null where nothing was to pay, and until the payment is begun."""

    enrolment: Enrolment
    payment: Payment | None


class PurchaseDeclined(PaymentDeclined, kw_only=True):
    """The card was not charged. `payment` is the attempt, which stays on record; once `enrolment` is released
    the course can be bought again, with a new key.
    """

    enrolment: Enrolment


class PriceProblem(Problem, kw_only=True):
    """What the course costs now; `to_pay_minor` is what is to be expected, after the `coupon`, if any."""

    price_minor: int
    discount_minor: int
    to_pay_minor: int
    coupon: str
    currency: str


def fold(facts: Sequence[Recorded]) -> EnrolmentRow:
    """The row that the projection makes of one enrolment's facts, without waiting for it."""
    projection = Enrolments()
    projection.project_batch(facts)
    enrolments, _ = cast("tuple[Rows[EnrolmentRow], Any]", projection.buffers)
    row = enrolments.find(facts[0].stream)
    assert row is not None, "an enrolment's first fact makes its row"
    return row


def enrolment_of(row: EnrolmentRow, *, to_buyer: bool = False) -> Enrolment:
    """`to_buyer`: also where the learner is somebody else."""
    return Enrolment(**_shown(row, to_buyer=to_buyer))


def gift_of(row: EnrolmentRow) -> Gift:
    shown = _shown(row, to_buyer=True)
    return Gift(**{name: shown[name] for name in Gift.__struct_fields__})


def detail_of(row: EnrolmentRow, progress: Progress, *, to_buyer: bool) -> EnrolmentDetail:
    """As `enrolment_of`."""
    hidden = to_buyer and _is_gift(row)
    return EnrolmentDetail(
        **_shown(row, to_buyer=to_buyer), items_done=[] if hidden else sorted(progress.done)
    )


def _is_gift(row: EnrolmentRow) -> bool:
    return row.buyer_id != row.learner_id


def learnt_of(enrolment: State, course_id: str, learner_id: str) -> Learnt:
    progress = enrolment.learning.of(enrolment.enrolment_id)
    completed, certificate = progress.completed, progress.certificate
    assert enrolment.status, "somebody learns there"
    return Learnt(
        enrolment_id=enrolment.enrolment_id,
        course_id=course_id,
        learner_id=learner_id,
        status=enrolment.status,
        progress_percent=progress.percent,
        completed_at=completed.completed_at if completed else None,
        completed_revision=completed.revision if completed else None,
        certificate_id=certificate.certificate_id if certificate else "",
    )


def _shown(row: EnrolmentRow, *, to_buyer: bool = False) -> dict[str, Any]:
    assert row.status, "lists leave out what never came to be an enrolment, and a purchase is one"
    shown = {
        "enrolment_id": row.enrolment_id,
        "course_id": row.course_id,
        "learner_id": row.learner_id,
        "buyer_id": row.buyer_id,
        "status": row.status,
        "attempt": row.attempt,
        "revision": row.revision,
        "payment_id": row.payment_id,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "price_minor": row.price_minor,
        "discount_minor": row.discount_minor,
        "order_id": row.order_id,
        "coupon": row.coupon if to_buyer or not _is_gift(row) else "",
        "reserved_at": row.reserved_at,
        "expires_at": None if row.expiring else row.expires_at,
        "activated_at": row.activated_at,
        "revoked_at": row.revoked_at,
        "progress_percent": row.progress_bp // 100,
        "completed_at": row.completed_at,
        "completed_revision": row.completed_revision,
        "certificate_id": row.certificate_id,
        "position": row.position,
    }
    return shown | _unlearnt(row) if to_buyer and _is_gift(row) else shown


def _unlearnt(row: EnrolmentRow) -> dict[str, Any]:
    """What the learner makes of a gift is theirs: it is `active` also once it is completed."""
    return {
        "status": "active" if row.status in LIVE else row.status,
        "progress_percent": 0,
        "completed_at": None,
        "completed_revision": None,
        "certificate_id": "",
    }
