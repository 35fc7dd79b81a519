"""Facts about one user's tokens.

All lots that expire at one moment lie end to end on one *strip*, in the order in which they were awarded; a
lot is a stretch of it. Each fact says what it takes and gives: who follows it need not know the rules.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.message import Event, Instant


class Stretch(Struct, frozen=True, omit_defaults=True):
    """So many tokens of a strip, from the one at `begins`; the first has 0."""

    amount: int
    begins: int = 0
    expires_at: Instant | None = None
    """Which strip it is: always midnight, UTC. None for those that never expire."""


class Part(Struct, frozen=True):
    """What an award is made of: `base`, or a bonus by its name."""

    name: str
    amount: int


class TokensAwarded(Event, frozen=True, kw_only=True):
    """A lot. Pending, it is neither balance nor score until it matures."""

    TYPE: ClassVar[str] = "tokens.awarded.v1"
    user_id: str
    rule: str
    """By its name in the rules: `course_completed`, `streak_7`, `by_hand` and so on."""
    source_ref: str
    """What it is for. Among awards that are not reversed a user, a rule and a source have one."""
    attempt: int = 1
    """Its how manyth, counting those that were reversed."""
    lot_id: str
    asked: int
    amount: int
    """What is granted of it, within the month's cap; 0 where nothing was left of that."""
    parts: tuple[Part, ...] = ()
    """What was asked, as the rules have it."""
    awarded_at: Instant
    """Whose month and day count. Of a lot that is awarded again, as a refund came to nothing, the first's."""
    stretch: Stretch
    """Where the lot lies; all of `amount`."""
    pending_until: Instant | None = None
    """When the time in which the course can be refunded is over; None for at once."""
    repaid: int = 0
    """What of it went to the debt at once: the first of the stretch. A pending lot repays when it matures."""
    counted: bool = True
    """Whether it uses up the month's cap."""
    tier: str = ""
    cap: int | None = None
    """Of the tier at that time, for a month; None where the rule has none."""
    a_day: int | None = None
    """What the rule gives a user on one day (UTC) at most; None for any."""
    rules_version: str = ""
    reason: str = ""
    """Of one by hand, in the words of who gave it."""
    cause_id: str = ""
    """What led to it beside its source, such as the enrolment of a course that was completed."""
    request_id: str = ""
    """Of one by hand that a second administrator confirmed."""
    reinstates: str = ""
    """The lot that was reversed, and is awarded again."""
    expired: int = 0
    """What had expired of a lot that is awarded again: it was earned, and is no part of `amount`."""


class AwardRequested(Event, frozen=True, kw_only=True):
    """By hand, and above what one administrator may give: another one confirms it or declines."""

    TYPE: ClassVar[str] = "tokens.award_requested.v1"
    user_id: str
    request_id: str
    source_ref: str
    amount: int
    reason: str
    requested_by: str
    requested_at: Instant


class AwardDeclined(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "tokens.award_declined.v1"
    user_id: str
    request_id: str


class TokensMatured(Event, frozen=True, kw_only=True):
    """A lot is pending no more: it is balance and score."""

    TYPE: ClassVar[str] = "tokens.matured.v1"
    user_id: str
    lot_id: str
    rule: str
    source_ref: str
    amount: int
    repaid: int = 0
    """What of it went to the debt."""
    awarded_at: Instant
    matured_at: Instant
    """When it was due, however late that was recorded."""


class TokensExpired(Event, frozen=True, kw_only=True):
    """What was left of a strip."""

    TYPE: ClassVar[str] = "tokens.expired.v1"
    user_id: str
    expires_at: Instant
    """When they did, however late that was recorded."""
    amount: int


class TokensClawedBack(Event, frozen=True, kw_only=True):
    """An award is reversed: from its own lot first, then in the order of expiry, and what is missing is debt.

    `from_pending + from_lot + Σ taken + owed + expired` is all of the lot.
    """

    TYPE: ClassVar[str] = "tokens.clawed_back.v1"
    user_id: str
    rule: str
    source_ref: str
    attempt: int = 1
    lot_id: str
    awarded: int
    """The amount of the lot, with what of it had expired before it was awarded again."""
    awarded_at: Instant
    """Of the award, in whose windows this counts."""
    stretch: Stretch
    from_pending: int = 0
    """All of the lot, where it never matured."""
    from_lot: int = 0
    taken: tuple[Stretch, ...] = ()
    """Of other lots, for what was spent of this one."""
    owed: int = 0
    """What there was not: more debt."""
    expired: int = 0
    """What of it had expired unspent, which is not asked back."""
    cause: str
    """`refunded`, `dispute_lost`, or `access_lost` where it is not known here by what."""
    cause_id: str = ""


class TokensPenalised(Event, frozen=True, kw_only=True):
    """Taken by an administrator, in the order of expiry; what is missing is debt."""

    TYPE: ClassVar[str] = "tokens.penalised.v1"
    user_id: str
    penalty_id: str
    amount: int
    taken: tuple[Stretch, ...] = ()
    owed: int = 0
    reason: str


class TokensRedeemed(Event, frozen=True, kw_only=True):
    """Spent on a reward, in the order of expiry."""

    TYPE: ClassVar[str] = "tokens.redeemed.v1"
    user_id: str
    redemption_id: str
    reward_id: str
    amount: int
    taken: tuple[Stretch, ...]


class TokensRestored(Event, frozen=True, kw_only=True):
    """A redemption is reversed: the same tokens are there again, with the expiry that they had.

    `repaid + Σ given_back + regranted` is all that was redeemed.
    """

    TYPE: ClassVar[str] = "tokens.restored.v1"
    user_id: str
    redemption_id: str
    amount: int
    repaid: int = 0
    """What of it went to the debt."""
    given_back: tuple[Stretch, ...] = ()
    regranted: Stretch | None = None
    """In place of what has expired meanwhile: it is good for some days more."""
    restored_at: Instant


TokenEvent = (
    TokensAwarded
    | AwardRequested
    | AwardDeclined
    | TokensMatured
    | TokensExpired
    | TokensClawedBack
    | TokensPenalised
    | TokensRedeemed
    | TokensRestored
)
