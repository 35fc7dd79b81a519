"""Whether a course is sold, to whom and on which terms; and how long it is held for its payment."""

from __future__ import annotations

from datetime import timedelta

from ledger import money
from ledger.enrolments import access
from ledger.enrolments.commands import ExpireReservation, GrantEnrolment, Offer, ReserveEnrolment
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentExpiring,
    EnrolmentReserved,
    ReservationSuperseded,
)
from ledger.enrolments.refusals import (
    AlreadyEnrolled,
    CourseNotForSale,
    GiftNotPossible,
    GiftToSelf,
    InvalidText,
    NotChargeable,
    OwnCourse,
    PaymentMethodRequired,
    PriceChanged,
    PurchaseInProgress,
)
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.split import Sale, basis, given, parts_fault, sale_fault

RESERVATION_LASTS = timedelta(minutes=30)
"""As long as somebody may take to confirm a payment with their bank. One that is paid on a page of Stripe's
lasts as long as that."""
TEXT_MAX = 255
"""Also of the stream's name, which the payment carries."""
_Events = tuple[EnrolmentEvent, ...]


def reserve(command: ReserveEnrolment, enrolment: Enrolment) -> _Events:
    """A learner's own purchase, and another giver's, take the place of a gift that is not paid: else whoever
    begins one and never pays would hold the course for as long as they like.
    """
    _check_texts(command)
    check_buyer(command, enrolment)
    offer = command.offer
    sale = sale_of(command.course_id, offer)
    amount = sale.charged_minor
    _check_price(command, amount)
    _check_terms(command, sale, amount)
    _check_recipient(command, enrolment)
    before = superseded(enrolment, command.payment_id)
    attempt = enrolment.attempt + 1
    if amount == 0 and not command.coupon:
        activated = EnrolmentActivated(
            enrolment_id=command.enrolment_id,
            course_id=command.course_id,
            learner_id=command.learner_id,
            buyer_id=command.buyer_id,
            attempt=attempt,
            revision=offer.revision,
            sale=sale,
            currency=offer.currency,
            activated_at=command.effective_at,
            split=given(sale, offer.currency),
        )
        return *before, activated, *access.regained(enrolment, command.enrolment_id, command)
    reserved = EnrolmentReserved(
        enrolment_id=command.enrolment_id,
        course_id=command.course_id,
        learner_id=command.learner_id,
        buyer_id=command.buyer_id,
        attempt=attempt,
        payment_id=command.payment_id,
        amount_minor=amount,
        currency=offer.currency,
        sale=sale,
        payment_method_id=command.payment_method_id,
        expires_at=command.page.expires_at if command.page else command.effective_at + RESERVATION_LASTS,
        stripe_customer_id=command.stripe_customer_id,
        save_payment_method=command.save_payment_method,
        coupon=command.coupon,
        author_id=offer.author_id if command.coupon else "",
        page=command.page,
    )
    return *before, reserved


def grant(command: GrantEnrolment, enrolment: Enrolment) -> _Events:
    """One that is to end, and waits for its release, is not: it will be released."""
    held = enrolment.reservation
    if held is None or held.enrolment_id != command.enrolment_id or held.amount_minor or enrolment.expiring:
        return ()
    activated = EnrolmentActivated(
        enrolment_id=held.enrolment_id,
        course_id=held.course_id,
        learner_id=held.learner_id,
        buyer_id=held.buyer_id,
        attempt=held.attempt,
        revision=held.sale.revision,
        sale=held.sale,
        currency=held.currency,
        split=given(held.sale, held.currency),
        coupon=held.coupon,
        activated_at=command.effective_at,
    )
    return activated, *access.regained(enrolment, held.enrolment_id, command)


def sale_of(course_id: str, offer: Offer) -> Sale:
    """The terms on which `offer` is sold."""
    included = offer.tax_minor if offer.tax_included else 0
    return Sale(
        course_id=course_id,
        revision=offer.revision,
        price_minor=offer.price_minor,
        discount_minor=offer.discount_minor,
        discount_borne_by=offer.discount_borne_by,
        tax_minor=offer.tax_minor,
        tax_included=offer.tax_included,
        basis_minor=basis(offer.price_minor, offer.discount_minor, offer.discount_borne_by, included),
        share_bp=offer.share_bp,
        instructors=offer.instructors,
        catalogue_version=offer.catalogue_version,
    )


def _check_texts(command: ReserveEnrolment) -> None:
    for name in ("enrolment_id", "payment_id", "course_id", "learner_id", "buyer_id"):
        text = getattr(command, name)
        if not text or len(text) > TEXT_MAX or "\0" in text:
            raise InvalidText(f"`{name}` must have from 1 to {TEXT_MAX} characters, and no NUL.")
    if "-" in command.course_id:
        raise InvalidText("`course_id` must not have a hyphen: the id of a course has none.")
    if len(stream_of(command.course_id, command.learner_id)) > TEXT_MAX:
        raise InvalidText(
            f"`course_id` and `learner_id` together must be shorter than {TEXT_MAX} characters."
        )


def check_buyer(command: ReserveEnrolment, enrolment: Enrolment) -> None:
    """All that can be told without a look at the price, and nothing of whom a gift is for."""
    is_gift = command.learner_id != command.buyer_id
    if command.gift and not is_gift:
        raise GiftToSelf("A gift is for another user; leave the recipient out to buy it for yourself.")
    if command.buyer_id in sellers_of(command.offer):
        raise OwnCourse("This is a course of the buyer's own; it cannot be bought.")
    if enrolment.is_live and not is_gift:
        raise AlreadyEnrolled("You have this course already; nothing was charged.")
    under_way = enrolment.reservation
    if under_way is not None and under_way.buyer_id == command.buyer_id:
        raise PurchaseInProgress(under_way.payment_id, None if enrolment.expiring else under_way.expires_at)
    check_for_sale(command.offer)


def _check_recipient(command: ReserveEnrolment, enrolment: Enrolment) -> None:
    """The last of all, and one answer for all: what somebody has or buys is not the giver's to learn."""
    if command.learner_id == command.buyer_id:
        return
    under_way = enrolment.reservation
    buys_it = under_way is not None and under_way.buyer_id == command.learner_id
    if buys_it or enrolment.is_live or command.learner_id in sellers_of(command.offer):
        raise GiftNotPossible(
            "This course cannot be given to that user now: they have it, teach it or are about to have it. "
            "Nothing was charged."
        )


def sellers_of(offer: Offer) -> set[str]:
    """Who sells it, and so has it."""
    return {offer.author_id, *(part.user_id for part in offer.instructors)}


def superseded(enrolment: Enrolment, by_payment_id: str) -> _Events:
    """Somebody else's gift, which is not paid yet. If it is captured before it is canceled, that counts."""
    held = enrolment.reservation
    if held is None:
        return ()
    ended = ReservationSuperseded(
        enrolment_id=held.enrolment_id,
        payment_id=held.payment_id,
        by_payment_id=by_payment_id,
        coupon=held.coupon,
    )
    return (ended,)


def check_for_sale(offer: Offer) -> None:
    """To anybody. Raises `CourseNotForSale`."""
    if offer.status != "published":
        raise CourseNotForSale(f"This course is {offer.status or 'not published'}, and not for sale.")
    if offer.author_gone:
        raise CourseNotForSale("The instructor of this course is gone, and it is not for sale any more.")


def _check_price(command: ReserveEnrolment, amount: int) -> None:
    offer = command.offer
    if (command.expected_minor, command.expected_currency) == (amount, offer.currency):
        return
    price, to_pay = (money.format_minor(each, offer.currency) for each in (offer.price_minor, amount))
    costs = (
        f"This course now costs {to_pay}"
        if amount == offer.price_minor
        else f"This course now costs {price}, and {to_pay} is to pay for it"
        + (f" with the coupon {command.coupon}" if command.coupon else "")
    )
    raise PriceChanged(f"{costs}; send that as the expected price to buy it.", offer, amount, command.coupon)


def _check_terms(command: ReserveEnrolment, sale: Sale, amount: int) -> None:
    """A free course has none that could be wrong."""
    fault = sale_fault(sale, amount) if amount else parts_fault(sale) if sale.given_minor else ""
    if fault:
        raise CourseNotForSale(f"The terms of this course do not add up: its sale {fault}.")
    if amount:
        _check_charge(command, amount)


def _check_charge(command: ReserveEnrolment, amount: int) -> None:
    if fault := money.charge_fault(amount, command.offer.currency):
        written = money.format_minor(amount, command.offer.currency)
        raise NotChargeable(f"What is to pay {fault}; it is {written}.")
    if not (command.payment_method_id or command.page):
        raise PaymentMethodRequired("This course is not free: send the `payment_method` that pays it.")


def expire(command: ExpireReservation, enrolment: Enrolment) -> _Events:
    reservation = enrolment.reservation
    if reservation is None or reservation.enrolment_id != command.enrolment_id or enrolment.expiring:
        return ()
    if command.effective_at < reservation.expires_at:
        return ()
    return (EnrolmentExpiring(enrolment_id=command.enrolment_id, payment_id=reservation.payment_id),)
