"""Where something is kept of a person, and what of it the export says.

A test walks all tables: a column that names a user is in `SECTIONS` or in `ELSEWHERE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

import msgspec


class Section(msgspec.Struct, frozen=True):
    """A table's rows of one user: those whose column `by` names them, or with `through` those whose `by`
    stands in another table's rows of that user.
    """

    domain: str
    table: str
    key: tuple[str, ...]
    """Which orders the rows, and in which no two are alike."""
    by: str = "user_id"
    array: bool = False
    """`by` is a list of users."""
    through: tuple[str, str, str] | None = None
    """The other table, its column that names the user, its column that is `by`."""
    name: str = ""
    """Where a table is in two sections, what this one is called."""
    omit: tuple[str, ...] = ()
    """Columns that are not told: what protects data, and what is another's."""
    further: LiteralString = ""
    """A condition in SQL on %(user_id)s."""
    added: LiteralString = ""
    """A JSON object in SQL that is joined to each row."""

    @property
    def title(self) -> str:
        return self.name or self.table


_OF_PAYMENTS = ("payments", "user_id", "payment_id")
_OF_INVOICES = ("invoices", "user_id", "stripe_invoice_id")
_SECRET = ("salt",)
_FRIENDS: LiteralString = """
    (friends
        OR asked_by = %(user_id)s
        OR (asked_by <> '' AND NOT unheard)
        OR CASE WHEN lesser = %(user_id)s THEN lesser_blocks ELSE greater_blocks END)
"""
"""That somebody else blocks them, and what was asked of them unheard, is not theirs to know."""
_BLOCKED: LiteralString = """
    jsonb_build_object('blocked', CASE WHEN lesser = %(user_id)s THEN lesser_blocks ELSE greater_blocks END)
"""
_HIDDEN = ("lesser_blocks", "greater_blocks", "unheard")

SECTIONS: tuple[Section, ...] = (
    Section("contact", "contacts", ("user_id",)),
    Section("contact", "visibilities", ("user_id",)),
    Section("customer", "customers", ("user_id",)),
    Section("customer", "payment_methods", ("payment_method_id",)),
    Section("customer", "trial_cards", ("claimed_at", "card"), omit=("card",)),
    Section("payments", "payments", ("payment_id",)),
    Section("payments", "refunds", ("refund_id",), "payment_id", through=_OF_PAYMENTS),
    Section("payments", "disputes", ("dispute_id",), "payment_id", through=_OF_PAYMENTS),
    Section("payments", "payment_receipts", ("payment_id",), "payment_id", through=_OF_PAYMENTS),
    Section("subscriptions", "subscriptions", ("subscription_id",)),
    Section("subscriptions", "subscription_movements", ("position", "currency")),
    Section("invoices", "invoices", ("stripe_invoice_id",)),
    Section("invoices", "invoice_lines", ("line_id",), "stripe_invoice_id", through=_OF_INVOICES),
    Section("invoices", "invoice_parts", ("charge_id",), "stripe_invoice_id", through=_OF_INVOICES),
    Section("invoices", "credit_notes", ("credit_id",)),
    Section("invoices", "invoice_disputes", ("dispute_id",), "payment_id", through=_OF_INVOICES),
    Section("courses", "courses", ("course_id",), "author"),
    Section("courses", "courses", ("course_id",), "instructors", array=True, name="taught"),
    Section("courses", "courses", ("course_id",), "invited", array=True, name="invitations"),
    Section(
        "courses",
        "course_revisions",
        ("course_id", "revision"),
        "course_id",
        through=("courses", "author", "course_id"),
    ),
    Section("courses", "course_words", ("words_id",), "author", omit=(*_SECRET, "search")),
    Section("coupons", "coupons", ("code",), "maker"),
    Section("enrolments", "enrolments", ("stream",), "learner_id"),
    Section(
        "enrolments", "enrolments", ("stream",), "buyer_id", name="gifts", further="buyer_id <> learner_id"
    ),
    Section(
        "enrolments", "learning", ("enrolment_id",), "stream", through=("enrolments", "learner_id", "stream")
    ),
    Section("enrolments", "certificates", ("certificate_id",), "learner_id"),
    Section("enrolments", "certificate_words", ("words_id",), "learner_id", omit=_SECRET),
    Section("reviews", "reviews", ("review_id",), "learner_id"),
    Section("reviews", "review_words", ("words_id",), "author", omit=_SECRET),
    Section("earnings", "earnings_days", ("currency", "happened_on", "available_on")),
    Section("earnings", "earnings_movements", ("position",)),
    Section("earnings", "connected_accounts", ("user_id",)),
    Section("earnings", "instructor_payouts", ("payout_id",)),
    Section(
        "earnings",
        "payout_recalls",
        ("recall_id",),
        "payout_id",
        through=("instructor_payouts", "user_id", "payout_id"),
    ),
    Section("earnings", "payouts_withheld", ("stream",)),
    Section("earnings", "bank_payouts", ("payout_id",)),
    Section("tokens", "token_accounts", ("user_id",)),
    Section("tokens", "token_lots", ("lot_id",)),
    Section("tokens", "token_movements", ("position",)),
    Section("tokens", "token_requests", ("request_id",)),
    Section("tokens", "redemptions", ("redemption_id",)),
    Section("tokens", "leaderboard_scores", ("board",)),
    Section(
        "friendships", "friendships", ("stream",), "lesser", omit=_HIDDEN, further=_FRIENDS, added=_BLOCKED
    ),
    Section(
        "friendships",
        "friendships",
        ("stream",),
        "greater",
        name="friendships_of_greater",
        omit=_HIDDEN,
        further=_FRIENDS,
        added=_BLOCKED,
    ),
    Section("organisations", "organisation_members", ("membership",)),
    Section("organisations", "organisation_invitations", ("invitation_id",), further="user_id <> ''"),
    Section("organisations", "organisation_invitations", ("invitation_id",), "invited_by", name="invited"),
    Section("organisations", "class_members", ("place",)),
    Section("organisations", "seats", ("seat_id",)),
    Section("organisations", "organisation_words", ("words_id",), "author", omit=_SECRET),
    Section("organisations", "brand_words", ("words_id",), "author", omit=_SECRET),
    Section("books", "postings", ("position", "leg"), "party", further="party <> ''"),
    Section("audit", "audit", ("position",), "actor"),
    Section("audit", "audit", ("position",), "on_behalf_of", name="done_for", further="on_behalf_of <> ''"),
)
"""In the order of the document."""

ELSEWHERE: Mapping[str, str] = {
    "balances.party": "the sums of `postings`",
    "coupon_uses.buyer_id": "`enrolments` and `gifts` name their coupon",
    "coupon_uses.learner_id": "`enrolments` name their coupon",
    "courses.named": "every instructor whom a revision of the course names, who is `taught` or an invitation",
    "earnings_months.user_id": "the sums of `earnings_movements`",
    "friendships.asked_by": "one of the two, whose friendships those are",
    "idempotency_keys.user_id": "answers to requests, kept for days: what they say is in all other sections",
    "licence_payments.user_id": "`payments` name the licence that they are for",
    "order_items.learner_id": "`enrolments` name the order that they are of",
    "payout_recalls.user_id": "by their payouts",
    "payout_turns.user_id": "a place in a queue, which is over with the next payout",
    "reviews.reply_by": "what was replied is in `review_words`, beside another learner's review",
    "reward_user_counts.user_id": "the number of `redemptions`",
    "token_requests.requested_by": "an administrator's office; what they did is in `audit`",
    "token_strips.user_id": "the sums of `token_lots`",
    "velocity.admin_id": "an administrator's office; what they did is in `audit`",
    "velocity.user_id": "`token_movements` by the hour, for whoever looks for abuse",
}
"""What names a user and is in no section, and why."""
