"""Facts about one payment, its refunds and its disputes."""

from __future__ import annotations

from typing import ClassVar

from ledger.balance import BalanceTransaction
from ledger.hosted import HostedPage
from ledger.message import Event, Instant
from ledger.split import Sale, SettledSplit, Stakes


class PaymentInitiated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.initiated.v1"
    payment_id: str
    user_id: str
    amount_minor: int
    currency: str
    payment_method_id: str
    purpose: str = "plain"
    purpose_ref: str = ""
    description: str = ""
    stripe_customer_id: str = ""
    save_payment_method: bool = False
    sale: Sale | None = None
    org_id: str = ""
    """The organisation for whose licence it pays; empty for any other purpose."""
    page: HostedPage | None = None
    """Of Stripe's, on which it is paid; None where the card is known."""


class PaymentPageOpened(Event, frozen=True, kw_only=True):
    """Stripe shows the page on which it is paid. Its address is a credential: it is fetched when wanted."""

    TYPE: ClassVar[str] = "payments.page_opened.v1"
    payment_id: str
    session_id: str


class PaymentProcessing(Event, frozen=True, kw_only=True):
    """Stripe works on it; the outcome comes by webhook."""

    TYPE: ClassVar[str] = "payments.processing.v1"
    payment_intent_id: str


class PaymentActionRequired(Event, frozen=True, kw_only=True):
    """The cardholder must do something, such as 3-D Secure."""

    TYPE: ClassVar[str] = "payments.action_required.v1"
    payment_intent_id: str
    action: str


class PaymentSucceeded(Event, frozen=True, kw_only=True):
    """The money is captured. `captured_at` is Stripe's time for the charge."""

    TYPE: ClassVar[str] = "payments.succeeded.v1"
    payment_intent_id: str
    charge_id: str
    amount_minor: int
    currency: str
    captured_at: Instant | None = None


class PaymentSettled(Event, frozen=True, kw_only=True):
    """Stripe's balance moved by the charge; may come after `PaymentSucceeded` (asynchronous capture)."""

    TYPE: ClassVar[str] = "payments.settled.v1"
    charge_id: str
    balance_transaction: BalanceTransaction
    purpose: str = "plain"
    split: SettledSplit | None = None
    """Whose it is; None for what is no sale, which is all the platform's."""
    stakes: Stakes | None = None
    """Of a sale that a dispute holds already; None else, as all of it is left then."""


class PaymentFundsAvailable(Event, frozen=True, kw_only=True):
    """Stripe's hold is over: the net moved from pending to available."""

    TYPE: ClassVar[str] = "payments.funds_available.v1"
    balance_transaction_id: str
    net_minor: int
    currency: str


class PaymentFailed(Event, frozen=True, kw_only=True):
    """The attempt was declined or refused by Stripe; `decline_code` is the issuer's reason."""

    TYPE: ClassVar[str] = "payments.failed.v1"
    code: str
    decline_code: str = ""
    payment_intent_id: str = ""


class PaymentCanceled(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.canceled.v1"
    payment_intent_id: str
    reason: str = ""


class PaymentCancelRequested(Event, frozen=True, kw_only=True):
    """Its owner, or what it was for, wants it no more, or nobody confirmed it in time (`expired`). It may be
    captured all the same.
    """

    TYPE: ClassVar[str] = "payments.cancel_requested.v1"
    payment_id: str
    reason: str


class PaymentOutcomeUnknown(Event, frozen=True, kw_only=True):
    """Stripe timed out or said 5xx: charged or not, nobody knows yet."""

    TYPE: ClassVar[str] = "payments.outcome_unknown.v1"
    cause: str


class RefundRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.refund_requested.v1"
    payment_id: str
    refund_id: str
    payment_intent_id: str
    amount_minor: int
    currency: str
    reason: str
    note: str = ""
    revoke_access: bool = False
    is_return: bool = False
    """All that was left, as its buyer gave back what was bought: that is taken for as long as nothing of it
    comes back.
    """


class RefundMadeOutside(Event, frozen=True, kw_only=True):
    """Somebody refunded in Stripe's dashboard; `refund_id` is Stripe's own."""

    TYPE: ClassVar[str] = "payments.refund_made_outside.v1"
    payment_id: str
    refund_id: str
    amount_minor: int
    currency: str
    reason: str = ""


class RefundPending(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.refund_pending.v1"
    refund_id: str
    stripe_refund_id: str


class RefundSettled(Event, frozen=True, kw_only=True):
    """Stripe's balance moved by the refund (a negative balance transaction)."""

    TYPE: ClassVar[str] = "payments.refund_settled.v1"
    refund_id: str
    stripe_refund_id: str
    balance_transaction: BalanceTransaction
    purpose: str = "plain"
    split: SettledSplit | None = None
    """Whom it is taken from, each amount negative; None for what is no sale."""
    stakes: Stakes | None = None
    """How the sale stands after it; None for what is no sale, and in facts of 0.2.0, which did not say it."""


class RefundSucceeded(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.refund_succeeded.v1"
    refund_id: str
    stripe_refund_id: str
    amount_minor: int
    currency: str


class RefundFailed(Event, frozen=True, kw_only=True):
    """The money did not reach the card; also after it had succeeded, which this reverts."""

    TYPE: ClassVar[str] = "payments.refund_failed.v1"
    refund_id: str
    reason: str
    stripe_refund_id: str = ""
    purpose_ref: str = ""
    """Of a sale: what was sold, as the payment says it."""


class RefundCanceled(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.refund_canceled.v1"
    refund_id: str
    stripe_refund_id: str = ""
    purpose_ref: str = ""
    """As in `RefundFailed`."""


class RefundReversed(Event, frozen=True, kw_only=True):
    """Stripe gave the money of a failed or canceled refund back (a positive balance transaction)."""

    TYPE: ClassVar[str] = "payments.refund_reversed.v1"
    refund_id: str
    balance_transaction: BalanceTransaction
    purpose: str = "plain"
    split: SettledSplit | None = None
    """To whom it comes back; None for what is no sale."""
    stakes: Stakes | None = None
    """How the sale stands after it; None for what is no sale, and in facts of 0.2.0, which did not say it."""


class RefundOutcomeUnknown(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.refund_outcome_unknown.v1"
    refund_id: str
    cause: str


class DisputeOpened(Event, frozen=True, kw_only=True):
    """`inquiry` is true for an early warning that moves no money (`warning_*` statuses)."""

    TYPE: ClassVar[str] = "payments.dispute_opened.v1"
    payment_id: str
    dispute_id: str
    charge_id: str
    amount_minor: int
    currency: str
    reason: str
    opened_at: Instant
    evidence_due_at: Instant | None = None
    inquiry: bool = False


class DisputeFundsWithdrawn(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.dispute_funds_withdrawn.v1"
    dispute_id: str
    balance_transaction: BalanceTransaction
    purpose: str = "plain"
    stakes: Stakes | None = None
    """How the sale stands after it; None for what is no sale, and in facts of 0.2.0, which did not say it."""


class DisputeFundsReinstated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payments.dispute_funds_reinstated.v1"
    dispute_id: str
    balance_transaction: BalanceTransaction
    purpose: str = "plain"
    stakes: Stakes | None = None
    """How the sale stands after it; None for what is no sale, and in facts of 0.2.0, which did not say it."""


class DisputeStatusChanged(Event, frozen=True, kw_only=True):
    """Between opening and closing: `needs_response`, `under_review` and their `warning_` twins."""

    TYPE: ClassVar[str] = "payments.dispute_status_changed.v1"
    dispute_id: str
    status: str


class DisputeWon(Event, frozen=True, kw_only=True):
    """Also an inquiry closed without a chargeback. Said again when money comes back after it.

    In `currency` (settlement): `recovered_minor` undoes an earlier loss; `difference_minor` is what the
    reinstatement missed of the withdrawal, by another exchange rate (negative when more came back).
    """

    TYPE: ClassVar[str] = "payments.dispute_won.v1"
    dispute_id: str
    recovered_minor: int = 0
    difference_minor: int = 0
    currency: str = ""
    purpose: str = "plain"
    split: SettledSplit | None = None
    """To whom what is recovered comes back; None for what is no sale."""
    stakes: Stakes | None = None
    """How the sale stands after it; None for what is no sale, and in facts of 0.2.0, which did not say it."""


class DisputeLost(Event, frozen=True, kw_only=True):
    """`withdrawn_minor` of `currency` (settlement) stays with the cardholder.

    Said again when Stripe moves money after the loss, with what that adds to it (negative: gives back).
    """

    TYPE: ClassVar[str] = "payments.dispute_lost.v1"
    dispute_id: str
    withdrawn_minor: int
    currency: str
    purpose: str = "plain"
    split: SettledSplit | None = None
    """Whom it is taken from, each amount negative; None for what is no sale."""
    stakes: Stakes | None = None
    """How the sale stands after it; None for what is no sale, and in facts of 0.2.0, which did not say it."""


class SaleStandingChanged(Event, frozen=True, kw_only=True):
    """What became of the money of a sale: `paid`, `unpaid` (declined or canceled) or `given_back`.

    Said by the payment, since no fact of a refund tells whether it was the last one, or whether another one
    or a dispute still stands. A partial refund leaves a sale paid, unless it was to take the access;
    one that fails is told as `paid` again, as there is more to give back then. A return that is done is
    always told of, as who returned waits for it.

    What pays for a licence is no sale, and tells of itself by this fact as well: each time that it keeps more
    or less of the charge, be it `paid` before and after.
    """

    TYPE: ClassVar[str] = "payments.sale_standing_changed.v1"
    payment_id: str
    user_id: str
    """Who pays."""
    purpose: str
    purpose_ref: str
    standing: str
    cause: str
    """The fact that changed it: `captured`, `failed`, `canceled`, `refunded`, `refund_failed`,
    `refund_canceled`, `dispute_lost`, `dispute_won`."""
    cause_id: str = ""
    """Of the refund or dispute."""
    revision: int = 0
    """Of what was sold; 0 when that is not known, as of a payment that was taken up from Stripe."""
    kept_minor: int = 0
    """For a licence: what of the charge is not given back, in its currency. 0 for any other purpose."""


PaymentEvent = (
    PaymentInitiated
    | PaymentPageOpened
    | PaymentProcessing
    | PaymentActionRequired
    | PaymentSucceeded
    | PaymentSettled
    | PaymentFundsAvailable
    | PaymentFailed
    | PaymentCanceled
    | PaymentCancelRequested
    | PaymentOutcomeUnknown
    | RefundRequested
    | RefundMadeOutside
    | RefundPending
    | RefundSettled
    | RefundSucceeded
    | RefundFailed
    | RefundCanceled
    | RefundReversed
    | RefundOutcomeUnknown
    | DisputeOpened
    | DisputeFundsWithdrawn
    | DisputeFundsReinstated
    | DisputeStatusChanged
    | DisputeWon
    | DisputeLost
    | SaleStandingChanged
)
