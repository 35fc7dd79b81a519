"""What is remembered of an enrolment to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentExpiring,
    EnrolmentReleased,
    EnrolmentReserved,
    EnrolmentRestored,
    EnrolmentRevoked,
    OrderedCourseDeclined,
    RedeemedCourseDeclined,
    ReservationSuperseded,
    ReturnRequested,
    ReturnWithdrawn,
    SurplusPaymentFound,
    SurplusPaymentReturned,
)
from ledger.enrolments.learning.events import EnrolmentCompleted, LearningEvent
from ledger.enrolments.learning.state import Learning, begun
from ledger.enrolments.learning.state import evolve as evolve_learning
from ledger.enrolments.reviews import state as reviews
from ledger.enrolments.reviews.events import ReviewEvent
from ledger.enrolments.reviews.state import Review
from ledger.persistent import PersistentMap

EnrolmentStatus = Literal["reserved", "released", "active", "completed", "revoked"]
LIVE = frozenset({"active", "completed"})
"""The learner has the course."""


class Attempt(Struct, frozen=True, gc=False):
    """One payment for the course, and what was last said of it."""

    enrolment_id: str = ""
    number: int = 0
    buyer_id: str = ""
    revision: int = 0
    amount_minor: int = 0
    currency: str = ""
    as_of: int = 0
    """The version of the payment's stream that is followed here."""
    given_back: bool = False
    surplus: bool = False
    coupon: str = ""
    returning: str = ""
    """The refund that was asked for; what it bought is frozen meanwhile."""


class Enrolment(Struct, frozen=True):
    status: Literal[EnrolmentStatus, ""] = ""
    """Empty before anything was asked."""
    enrolment_id: str = ""
    attempt: int = 0
    """How many there were."""
    payment_id: str = ""
    """By which it is reserved or active, or was; empty for nothing."""
    sold: bool = False
    """The learner has it, or had it last, by a sale at a price, whatever a coupon left of that to pay."""
    reservation: EnrolmentReserved | None = None
    """While it is reserved."""
    expiring: bool = False
    attempts: PersistentMap[Attempt] = PersistentMap()
    """By payment."""
    learning: Learning = Learning()
    review: Review = Review()

    @property
    def is_live(self) -> bool:
        """Whether the learner has the course."""
        return self.status in LIVE

    @property
    def returning(self) -> str:
        """The refund that was asked for of what gives access, or gave it last; empty for none."""
        return self.returning_of(self.payment_id)

    def returning_of(self, payment_id: str) -> str:
        return self.attempts.get(payment_id, Attempt()).returning

    @property
    def is_known(self) -> bool:
        """Whether the learner has the course, had it, or is about to."""
        return self.is_live or self.status in {"reserved", "revoked"} or bool(self.learning.attempts)

    def is_granted(self, attempt: Attempt) -> bool:
        """Whether that attempt has the course for nothing, so that no payment of it counts any more."""
        ours = bool(attempt.enrolment_id) and attempt.enrolment_id == self.enrolment_id
        return ours and self.is_live and not self.payment_id

    def is_live_by_another(self, payment_id: str) -> bool:
        return self.is_live and self.payment_id != payment_id


def evolve(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
    enrolment: Enrolment, event: EnrolmentEvent
) -> Enrolment:
    if isinstance(event, ReviewEvent):
        return replace(enrolment, review=reviews.evolve(enrolment.review, event))
    match event:
        case EnrolmentReserved():
            attempt = Attempt(
                event.enrolment_id,
                event.attempt,
                event.buyer_id,
                event.sale.revision,
                event.amount_minor,
                event.currency,
                coupon=event.coupon,
            )
            return replace(
                enrolment,
                status="reserved",
                enrolment_id=event.enrolment_id,
                attempt=event.attempt,
                payment_id=event.payment_id,
                reservation=event,
                expiring=False,
                attempts=enrolment.attempts.put(event.payment_id, attempt),
            )
        case EnrolmentActivated():
            return _activated(enrolment, event)
        case EnrolmentReleased():
            after = _followed(enrolment, event.payment_id, event.as_of)
            return _unreserved(after, event.payment_id)
        case EnrolmentExpiring():
            return replace(enrolment, expiring=True)
        case ReservationSuperseded():
            return _unreserved(enrolment, event.payment_id)
        case SurplusPaymentFound():
            return _followed(enrolment, event.payment_id, event.as_of, surplus=True)
        case SurplusPaymentReturned():
            return _given_back(enrolment, event, surplus=not _gave_access(enrolment, event.payment_id))
        case RedeemedCourseDeclined() | OrderedCourseDeclined():
            return enrolment
        case EnrolmentRevoked(payment_id=""):
            return _revoked(enrolment, event)
        case EnrolmentRevoked():
            return _revoked(_given_back(enrolment, event), event)
        case EnrolmentRestored():
            after = _followed(enrolment, event.payment_id, event.as_of)
            after = _returned(after, event.payment_id, event.cause_id)
            held = _held_by(after, event.enrolment_id, event.payment_id, event.activated_at)
            return replace(held, sold=True)
        case ReturnRequested():
            return _returning(enrolment, event.payment_id, event.refund_id)
        case ReturnWithdrawn():
            return _returned(enrolment, event.payment_id or enrolment.payment_id, event.refund_id)
        case _ if isinstance(event, LearningEvent):
            return _learnt(enrolment, event)
        case _:
            assert_never(event)


def _followed(
    enrolment: Enrolment, payment_id: str, as_of: int, *, given_back: bool = False, surplus: bool = False
) -> Enrolment:
    known = enrolment.attempts.get(payment_id, Attempt())
    now = replace(known, as_of=as_of, given_back=given_back, surplus=surplus)
    return replace(enrolment, attempts=enrolment.attempts.put(payment_id, now))


def _given_back(
    enrolment: Enrolment, event: EnrolmentRevoked | SurplusPaymentReturned, *, surplus: bool = False
) -> Enrolment:
    """Whose it was is kept also where the reservation is not known here, for who asks for what is left."""
    after = _followed(enrolment, event.payment_id, event.as_of, given_back=True, surplus=surplus)
    known = after.attempts[event.payment_id]
    if event.buyer_id and not known.buyer_id:
        named = replace(known, buyer_id=event.buyer_id)
        after = replace(after, attempts=after.attempts.put(event.payment_id, named))
    return _returned(after, event.payment_id, event.cause_id)


def _gave_access(enrolment: Enrolment, payment_id: str) -> bool:
    """It did, and was given back: it is no surplus, however the learner has the course now."""
    known = enrolment.attempts.get(payment_id, Attempt())
    return known.given_back and not known.surplus


def _returned(enrolment: Enrolment, payment_id: str, cause_id: str) -> Enrolment:
    """The return is over where this refund is the one that was asked for."""
    is_over = bool(cause_id) and enrolment.returning_of(payment_id) == cause_id
    return _returning(enrolment, payment_id, "") if is_over else enrolment


def _returning(enrolment: Enrolment, payment_id: str, refund_id: str) -> Enrolment:
    attempt = replace(enrolment.attempts.get(payment_id, Attempt()), returning=refund_id)
    return replace(enrolment, attempts=enrolment.attempts.put(payment_id, attempt))


def _held_by(
    enrolment: Enrolment, enrolment_id: str, payment_id: str, activated_at: datetime | None
) -> Enrolment:
    """What an attempt had completed when it was lost is completed when it comes back."""
    learning = begun(enrolment.learning, enrolment_id, activated_at)
    return replace(
        enrolment,
        learning=learning,
        status="active" if learning.of(enrolment_id).completed is None else "completed",
        enrolment_id=enrolment_id,
        payment_id=payment_id,
        reservation=None,
        expiring=False,
    )


def _activated(enrolment: Enrolment, event: EnrolmentActivated) -> Enrolment:
    held = _held_by(enrolment, event.enrolment_id, event.payment_id, event.activated_at)
    sold = bool(event.payment_id) or (event.sale is not None and event.sale.price_minor > 0)
    held = replace(held, attempt=max(held.attempt, event.attempt), sold=sold)
    if not event.payment_id:
        return held
    attempt = Attempt(
        event.enrolment_id,
        event.attempt,
        event.buyer_id,
        event.revision,
        event.amount_minor,
        event.currency,
        event.as_of,
        coupon=event.coupon,
        returning=held.returning_of(event.payment_id),
    )
    return replace(held, attempts=held.attempts.put(event.payment_id, attempt))


def _learnt(enrolment: Enrolment, event: LearningEvent) -> Enrolment:
    after = replace(enrolment, learning=evolve_learning(enrolment.learning, event))
    of_this = isinstance(event, EnrolmentCompleted) and event.enrolment_id == enrolment.enrolment_id
    return replace(after, status="completed") if of_this and enrolment.status == "active" else after


def _unreserved(enrolment: Enrolment, payment_id: str) -> Enrolment:
    """Where this payment held the course; that of any other stays as it is."""
    if enrolment.status != "reserved" or enrolment.payment_id != payment_id:
        return enrolment
    return replace(enrolment, status="released", reservation=None, expiring=False)


def _revoked(enrolment: Enrolment, event: EnrolmentRevoked) -> Enrolment:
    """One that was never active here is revoked too: what is said of its payment comes in any order."""
    if enrolment.status and enrolment.payment_id != event.payment_id:
        return enrolment
    return replace(
        enrolment,
        status="revoked",
        enrolment_id=event.enrolment_id,
        payment_id=event.payment_id,
        reservation=None,
        expiring=False,
    )
