"""Why a purchase or a return is refused; each detail says what to do in the one case, and `remedy` in any."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.enrolments.commands import Offer
from ledger.errors import Invalid, Refused


class InvalidText(Invalid):
    """An id is empty, too long, or holds what it may not."""

    code: ClassVar[str] = "invalid_text"
    remedy: ClassVar[str] = "Shorten or correct the field that `detail` names."


class PaymentMethodRequired(Invalid):
    """The course costs something, and nothing says which card pays."""

    code: ClassVar[str] = "payment_method_required"
    remedy: ClassVar[str] = "Send a `payment_method`."


class GiftToSelf(Invalid):
    """A gift is for another user."""

    code: ClassVar[str] = "gift_to_self"
    remedy: ClassVar[str] = "Buy the course for yourself, or name another user."


class OwnCourse(Refused):
    """Nobody buys a course that they sell, and nobody is given one."""

    code: ClassVar[str] = "own_course"
    remedy: ClassVar[str] = "Nothing is to be done: instructors see their own courses."
    passing: ClassVar[bool] = False


class GiftNotPossible(Refused):
    """The course cannot be given to that user now; why is theirs to know."""

    code: ClassVar[str] = "gift_not_possible"
    remedy: ClassVar[str] = "Ask them whether they have it, or give another course."
    passing: ClassVar[bool] = True


class AlreadyEnrolled(Refused):
    """The learner has the course."""

    code: ClassVar[str] = "already_enrolled"
    remedy: ClassVar[str] = "Nothing is to be paid; open the course."
    passing: ClassVar[bool] = False


class PurchaseInProgress(Refused):
    """A purchase of this course for this learner is under way."""

    code: ClassVar[str] = "purchase_in_progress"
    remedy: ClassVar[str] = "Finish or cancel the payment that `detail` names, or wait until it expires."
    passing: ClassVar[bool] = True

    def __init__(self, payment_id: str, until: datetime | None) -> None:
        """`until` is None when its time is over, and the end of its payment is waited for."""
        of = f"payment {payment_id} for this course"
        super().__init__(
            f"The {of} is under way: finish it, on its page if it has one (GET /api/checkout/{payment_id} "
            f"has the address), or cancel it (POST /api/payments/{payment_id}/cancel). It "
            f"holds the course until {until:%Y-%m-%dT%H:%M:%SZ}, and longer only while its bank is at it."
            if until
            else f"The time of {of} is over, and it is being canceled. Where its bank is at it, that takes "
            "until the bank has answered: then the course is yours, or can be bought."
        )
        self.payment_id, self.until = payment_id, until


class CourseNotForSale(Refused):
    """The course is not published, or nobody is there who could sell it."""

    code: ClassVar[str] = "course_not_for_sale"
    remedy: ClassVar[str] = "Choose a course of `GET /api/courses/list`."
    passing: ClassVar[bool] = True


class PriceChanged(Refused):
    """The course costs another amount than the buyer was shown."""

    code: ClassVar[str] = "price_changed"
    remedy: ClassVar[str] = "Show the new price, and send it once the buyer agrees."
    passing: ClassVar[bool] = True

    def __init__(self, detail: str, offer: Offer, to_pay_minor: int, coupon: str) -> None:
        super().__init__(detail)
        self.offer, self.to_pay_minor, self.coupon = offer, to_pay_minor, coupon


class NotChargeable(Refused):
    """What is left to pay is an amount that Stripe does not charge."""

    code: ClassVar[str] = "not_chargeable"
    remedy: ClassVar[str] = "Buy without the discount, or with another one."
    passing: ClassVar[bool] = True


class NotEnrolled(Refused):
    """The learner has no access that could be returned."""

    code: ClassVar[str] = "not_enrolled"
    remedy: ClassVar[str] = "Look at the enrolment's `status`."
    passing: ClassVar[bool] = True


class NothingPaid(Refused):
    """The enrolment cost nothing, so that nothing can be given back."""

    code: ClassVar[str] = "nothing_paid"
    remedy: ClassVar[str] = "Nothing is to be done."
    passing: ClassVar[bool] = False


class ReturnInProgress(Refused):
    """The money was asked back before, and its refund is under way."""

    code: ClassVar[str] = "return_in_progress"
    remedy: ClassVar[str] = "Wait for the refund that `detail` names."
    passing: ClassVar[bool] = True
