"""A course that is paid with tokens: given for nothing, at the platform's cost, and taken again with them."""

from __future__ import annotations

from msgspec.structs import replace

from ledger.enrolments import access
from ledger.enrolments.commands import EnrolRedeemer, Offer, RevokeRedeemed
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentRevoked,
    RedeemedCourseDeclined,
)
from ledger.enrolments.purchasing import check_for_sale, sale_of, sellers_of, superseded
from ledger.enrolments.refusals import AlreadyEnrolled, CourseNotForSale, OwnCourse, PurchaseInProgress
from ledger.enrolments.state import Enrolment
from ledger.errors import Refused
from ledger.ids import derived_id
from ledger.split import given, parts_fault

CANCELLED = "redemption_cancelled"
_Events = tuple[EnrolmentEvent, ...]


def enrolment_id_of(redemption_id: str) -> str:
    return derived_id("enr", "redemption", redemption_id)


def check(learner_id: str, offer: Offer, enrolment: Enrolment) -> None:
    """Whether the course can be given to that user for tokens. Raises what a purchase is refused with."""
    if learner_id in sellers_of(offer):
        raise OwnCourse("This is a course of your own; no tokens are taken for it.")
    if enrolment.is_live:
        raise AlreadyEnrolled("You have this course already; no tokens are taken for it.")
    under_way = enrolment.reservation
    if under_way is not None and under_way.buyer_id == learner_id:
        raise PurchaseInProgress(under_way.payment_id, None if enrolment.expiring else under_way.expires_at)
    check_for_sale(offer)
    if not offer.price_minor:
        raise CourseNotForSale(
            "This course is free: begin it with POST /api/courses/purchase, for no tokens."
        )


def enrol(command: EnrolRedeemer, enrolment: Enrolment) -> _Events:
    """A gift that is not paid yet bars it as little as it bars a purchase."""
    try:
        check(command.learner_id, command.offer, enrolment)
        return _enrolled(command, enrolment)
    except Refused as refusal:
        declined = RedeemedCourseDeclined(
            learner_id=command.learner_id,
            reward_id=command.reward_id,
            redemption_id=command.redemption_id,
            reason=refusal.code,
        )
        return (declined,)


def _enrolled(command: EnrolRedeemer, enrolment: Enrolment) -> _Events:
    """As with a coupon of the platform's own that takes off all of the price: instructors have their part."""
    offer = command.offer
    terms = replace(
        offer, discount_minor=offer.price_minor, discount_borne_by="platform", tax_minor=0, tax_included=False
    )
    sale = sale_of(command.course_id, terms)
    if fault := parts_fault(sale):
        raise CourseNotForSale(f"The terms of this course do not add up: its sale {fault}.")
    activated = EnrolmentActivated(
        enrolment_id=enrolment_id_of(command.redemption_id),
        course_id=command.course_id,
        learner_id=command.learner_id,
        buyer_id=command.learner_id,
        attempt=enrolment.attempt + 1,
        revision=offer.revision,
        sale=sale,
        currency=offer.currency,
        activated_at=command.effective_at,
        split=given(sale, offer.currency),
        reward_id=command.reward_id,
        redemption_id=command.redemption_id,
    )
    back = access.regained(enrolment, activated.enrolment_id, command)
    return *superseded(enrolment, ""), activated, *back


def revoke(command: RevokeRedeemed, enrolment: Enrolment) -> _Events:
    """Nothing where the learner has the course by something else."""
    enrolment_id = enrolment_id_of(command.redemption_id)
    if not enrolment.is_live or enrolment.enrolment_id != enrolment_id:
        return ()
    revoked = EnrolmentRevoked(
        enrolment_id=enrolment_id,
        payment_id="",
        cause=CANCELLED,
        cause_id=command.redemption_id,
        as_of=0,
        buyer_id=command.learner_id,
    )
    return revoked, *access.lost(enrolment, enrolment_id, CANCELLED, command.redemption_id)
