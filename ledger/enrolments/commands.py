"""What can be asked of one learner's enrolment in one course.

What is said of a payment carries `as_of`, the version of the payment's stream: it may come late, twice and in
any order, and only what is newer counts.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ledger.enrolments.learning.commands import LearningCommand, Syllabus
from ledger.enrolments.reviews.commands import ReviewCommand
from ledger.hosted import HostedPage
from ledger.message import Command
from ledger.split import Part, Sale


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A course as it is for sale now, as it was read for the purchase."""

    status: str
    revision: int
    price_minor: int
    """0 for a free one."""
    currency: str
    instructors: tuple[Part, ...]
    share_bp: int
    catalogue_version: str
    author_id: str
    author_gone: bool = False
    """Nobody is there any more who could be paid."""
    discount_minor: int = 0
    discount_borne_by: str = ""
    tax_minor: int = 0
    tax_included: bool = False


class ReserveEnrolment(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "enrolments.reserve"
    GENERATED: ClassVar[frozenset[str]] = frozenset(
        {"enrolment_id", "payment_id", "offer", "stripe_customer_id", "page"}
    )
    ADDED: ClassVar[frozenset[str]] = frozenset({"coupon"})
    enrolment_id: str
    payment_id: str
    course_id: str
    learner_id: str
    buyer_id: str
    """Another than the learner for a gift."""
    offer: Offer
    expected_minor: int
    """What the buyer was shown that it costs."""
    expected_currency: str
    gift: bool = False
    payment_method_id: str = ""
    stripe_customer_id: str = ""
    save_payment_method: bool = False
    coupon: str = ""
    """The code of the one by which the offer is discounted; its use is taken before anything is paid."""
    page: HostedPage | None = None
    """Of Stripe's, on which it is paid; then `payment_method_id` is empty."""


class GrantEnrolment(Command, frozen=True, kw_only=True):
    """Its coupon, which takes off all of the price, has a use for it: nothing is left to pay."""

    NAME: ClassVar[str] = "enrolments.grant"
    course_id: str
    learner_id: str
    enrolment_id: str


class EnrolRedeemer(Command, frozen=True, kw_only=True):
    """Tokens were spent on the course. What it comes to is recorded, be it had or not: never refused."""

    NAME: ClassVar[str] = "enrolments.enrol_redeemer"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"offer"})
    course_id: str
    learner_id: str
    reward_id: str
    redemption_id: str
    offer: Offer


class RevokeRedeemed(Command, frozen=True, kw_only=True):
    """The redemption was cancelled, and its tokens are given back."""

    NAME: ClassVar[str] = "enrolments.revoke_redeemed"
    course_id: str
    learner_id: str
    redemption_id: str


class EnrolMember(Command, frozen=True, kw_only=True):
    """An organisation ordered the course for the learner. What it comes to is recorded: never refused."""

    NAME: ClassVar[str] = "enrolments.enrol_member"
    course_id: str
    learner_id: str
    order_id: str
    sale: Sale
    """As it was ordered, whatever became of the course since."""
    currency: str


class DeclineMember(Command, frozen=True, kw_only=True):
    """The learner left the organisation before they had what it ordered for them."""

    NAME: ClassVar[str] = "enrolments.decline_member"
    course_id: str
    learner_id: str
    order_id: str
    reason: str


class ReturnOrdered(Command, frozen=True, kw_only=True):
    """The organisation gives back what it ordered for the learner."""

    NAME: ClassVar[str] = "enrolments.return_ordered"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"syllabuses", "by_admin"})
    course_id: str
    learner_id: str
    order_id: str
    reason: str
    syllabuses: tuple[Syllabus, ...] = ()
    """As of a return by who paid it."""
    by_admin: bool = False
    """Whenever, and however much is learnt."""


class RevokeOrdered(Command, frozen=True, kw_only=True):
    """What was ordered is not paid, or had fallen out of the order before it was given."""

    NAME: ClassVar[str] = "enrolments.revoke_ordered"
    course_id: str
    learner_id: str
    order_id: str


class ActivateEnrolment(Command, frozen=True, kw_only=True):
    """The money was captured."""

    NAME: ClassVar[str] = "enrolments.activate"
    course_id: str
    learner_id: str
    payment_id: str
    as_of: int
    buyer_id: str
    revision: int


class ReleaseEnrolment(Command, frozen=True, kw_only=True):
    """The payment failed or was canceled."""

    NAME: ClassVar[str] = "enrolments.release"
    course_id: str
    learner_id: str
    payment_id: str
    as_of: int
    reason: str


class RevokeEnrolment(Command, frozen=True, kw_only=True):
    """The money was given back: by a refund, or by a lost dispute."""

    NAME: ClassVar[str] = "enrolments.revoke"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"buyer_id"})
    course_id: str
    learner_id: str
    payment_id: str
    as_of: int
    cause: str
    cause_id: str
    buyer_id: str = ""


class RestoreEnrolment(Command, frozen=True, kw_only=True):
    """The money is there again: the refund failed later, or the dispute was won."""

    NAME: ClassVar[str] = "enrolments.restore"
    course_id: str
    learner_id: str
    payment_id: str
    as_of: int
    buyer_id: str
    revision: int
    cause: str
    cause_id: str


class ExpireReservation(Command, frozen=True, kw_only=True):
    """Its time is over. The payment is canceled first: Stripe's answer ends it, or activates it after all."""

    NAME: ClassVar[str] = "enrolments.expire"
    course_id: str
    learner_id: str
    enrolment_id: str


class RequestReturn(Command, frozen=True, kw_only=True):
    """Its buyer wants the money back, or what is left of it. Nothing more is learnt on it meanwhile."""

    NAME: ClassVar[str] = "enrolments.request_return"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"refund_id", "syllabuses"})
    course_id: str
    learner_id: str
    refund_id: str
    user_id: str
    """Who asks: must be the buyer."""
    payment_id: str = ""
    """Which payment is asked back; empty for the one that gives access."""
    reason: str = "requested_by_customer"
    note: str = ""
    syllabuses: tuple[Syllabus, ...] = ()
    """The course as it was bought and as it is now: what is done is the least that it comes to of either."""


class WithdrawReturn(Command, frozen=True, kw_only=True):
    """The refund was refused, or failed."""

    NAME: ClassVar[str] = "enrolments.withdraw_return"
    course_id: str
    learner_id: str
    refund_id: str


PaymentNews = ActivateEnrolment | ReleaseEnrolment | RevokeEnrolment | RestoreEnrolment
EnrolmentCommand = (
    ReserveEnrolment
    | GrantEnrolment
    | EnrolRedeemer
    | RevokeRedeemed
    | EnrolMember
    | DeclineMember
    | ReturnOrdered
    | RevokeOrdered
    | ActivateEnrolment
    | ReleaseEnrolment
    | RevokeEnrolment
    | RestoreEnrolment
    | ExpireReservation
    | RequestReturn
    | WithdrawReturn
    | LearningCommand
    | ReviewCommand
)
