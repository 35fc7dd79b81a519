"""Facts about one learner's enrolment in one course."""

from __future__ import annotations

from typing import ClassVar

from ledger.enrolments.learning.events import LearningEvent
from ledger.enrolments.reviews.events import ReviewEvent
from ledger.hosted import HostedPage
from ledger.message import Event, Instant
from ledger.split import Sale, SettledSplit


class EnrolmentReserved(Event, frozen=True, kw_only=True):
    """The course is held for the learner until it is paid. All that the payment needs is here."""

    TYPE: ClassVar[str] = "enrolments.reserved.v1"
    enrolment_id: str
    course_id: str
    learner_id: str
    buyer_id: str
    attempt: int
    """The learner's how manyth at this course, from 1."""
    payment_id: str
    amount_minor: int
    currency: str
    sale: Sale
    payment_method_id: str
    expires_at: Instant
    stripe_customer_id: str = ""
    save_payment_method: bool = False
    coupon: str = ""
    """The code of the one by which the sale is discounted; empty for none."""
    author_id: str = ""
    """Of the course, where there is a coupon."""
    page: HostedPage | None = None
    """Of Stripe's, on which it is paid; None where the card is known."""


class EnrolmentActivated(Event, frozen=True, kw_only=True):
    """The learner has access, by a payment or for nothing."""

    TYPE: ClassVar[str] = "enrolments.activated.v1"
    enrolment_id: str
    course_id: str
    learner_id: str
    buyer_id: str
    attempt: int
    revision: int
    """Of the course; 0 when it is not known which was bought."""
    payment_id: str = ""
    """Empty when nothing was to be paid."""
    amount_minor: int = 0
    """What was paid, as it was reserved; 0 also when that is not known here."""
    currency: str = ""
    sale: Sale | None = None
    """Of one for nothing: on which terms. A paid one's are with its reservation and its payment."""
    as_of: int = 0
    activated_at: Instant | None = None
    """None in facts of 0.2.0, which did not say it."""
    split: SettledSplit | None = None
    """Of one for nothing that the platform pays all of: whose its price is."""
    coupon: str = ""
    """The code of the one that it was reserved with; empty for none."""
    completed: bool = False
    """This attempt was completed before its money was given back: that came to nothing after another one."""
    reward_id: str = ""
    redemption_id: str = ""
    """By which tokens were spent on it; empty for none."""
    order_id: str = ""
    """Of the organisation that pays it; empty for none."""


class RedeemedCourseDeclined(Event, frozen=True, kw_only=True):
    """Tokens were spent on the course, and it could not be given any more: they are to be given back."""

    TYPE: ClassVar[str] = "enrolments.redeemed_course_declined.v1"
    learner_id: str
    reward_id: str
    redemption_id: str
    reason: str
    """The code of what would have refused a purchase."""


class OrderedCourseDeclined(Event, frozen=True, kw_only=True):
    """An organisation ordered the course for the learner, and it could not be given any more."""

    TYPE: ClassVar[str] = "enrolments.ordered_course_declined.v1"
    learner_id: str
    order_id: str
    reason: str
    """The code of what would have refused a purchase, or `not_a_member`."""


class EnrolmentReleased(Event, frozen=True, kw_only=True):
    """Nothing was paid, and nothing is held any more."""

    TYPE: ClassVar[str] = "enrolments.released.v1"
    enrolment_id: str
    payment_id: str
    reason: str
    as_of: int
    coupon: str = ""
    """The code of the one that it was reserved with; empty for none."""


class EnrolmentExpiring(Event, frozen=True, kw_only=True):
    """Held too long: the payment is to be canceled, and may still be captured before it is."""

    TYPE: ClassVar[str] = "enrolments.expiring.v1"
    enrolment_id: str
    payment_id: str


class ReservationSuperseded(Event, frozen=True, kw_only=True):
    """Another purchase has its place, which was captured or is instead of a gift: it is to be canceled."""

    TYPE: ClassVar[str] = "enrolments.reservation_superseded.v1"
    enrolment_id: str
    payment_id: str
    by_payment_id: str
    coupon: str = ""
    """The code of the one that it was reserved with; empty for none."""


class SurplusPaymentFound(Event, frozen=True, kw_only=True):
    """Paid twice: the learner has the course by another payment, and this one is to be given back."""

    TYPE: ClassVar[str] = "enrolments.surplus_payment_found.v1"
    payment_id: str
    buyer_id: str
    kept_payment_id: str
    """Empty when the course was had for nothing."""
    as_of: int


class SurplusPaymentReturned(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.surplus_payment_returned.v1"
    payment_id: str
    as_of: int
    cause_id: str = ""
    """The refund or the dispute."""
    buyer_id: str = ""


class EnrolmentRevoked(Event, frozen=True, kw_only=True):
    """The money was given back, and the access with it. Said again when a return of what was left is done."""

    TYPE: ClassVar[str] = "enrolments.revoked.v1"
    enrolment_id: str
    payment_id: str
    cause: str
    """`refunded` or `dispute_lost`; without a payment `redemption_cancelled` for tokens, and `order_returned`
    or `order_unpaid` for what an organisation ordered.
    """
    cause_id: str
    as_of: int
    coupon: str = ""
    """The code of the one that it was reserved with; empty for none."""
    buyer_id: str = ""
    """Who may ask for what is left of the money; empty in facts that did not say it."""
    reason: str = ""
    """Why what was ordered is returned, in the words of who returns it."""


class EnrolmentRestored(Event, frozen=True, kw_only=True):
    """What had revoked it is undone."""

    TYPE: ClassVar[str] = "enrolments.restored.v1"
    enrolment_id: str
    payment_id: str
    buyer_id: str
    attempt: int
    revision: int
    cause: str
    """`refund_failed`, `refund_canceled` or `dispute_won`; `refunded` for a return that is done and was not
    all of it, as something else came back meanwhile.
    """
    cause_id: str
    as_of: int
    amount_minor: int = 0
    currency: str = ""
    activated_at: Instant | None = None
    """When access began anew; None in facts of 0.2.0, which did not say it."""
    coupon: str = ""
    """The code of the one that it was reserved with; empty for none."""


class ReturnRequested(Event, frozen=True, kw_only=True):
    """Of the course, or of what is left of the money where the access is gone."""

    TYPE: ClassVar[str] = "enrolments.return_requested.v1"
    enrolment_id: str
    payment_id: str
    refund_id: str
    buyer_id: str
    reason: str = "requested_by_customer"
    """As the buyer says it, and Stripe is told; `note` is in their words."""
    note: str = ""


class ReturnWithdrawn(Event, frozen=True, kw_only=True):
    """It is over, and the enrolment goes on: the refund came to nothing, or the access came back since."""

    TYPE: ClassVar[str] = "enrolments.return_withdrawn.v1"
    enrolment_id: str
    refund_id: str
    payment_id: str = ""
    """Which was asked back; empty, in facts of before, for the one that gave access."""


EnrolmentEvent = (
    EnrolmentReserved
    | EnrolmentActivated
    | RedeemedCourseDeclined
    | OrderedCourseDeclined
    | EnrolmentReleased
    | EnrolmentExpiring
    | ReservationSuperseded
    | SurplusPaymentFound
    | SurplusPaymentReturned
    | EnrolmentRevoked
    | EnrolmentRestored
    | ReturnRequested
    | ReturnWithdrawn
    | LearningEvent
    | ReviewEvent
)
