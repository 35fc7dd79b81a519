"""What activity earns in tokens: rules as data, a part of the catalogue and of its version.

An operator's file replaces them as a whole; what was awarded keeps the numbers that it was decided with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec

from ledger import money

COMPLETED, HELPFUL, PUBLISHED, BY_HAND = (
    "course_completed",
    "helpful_review",
    "course_published",
    "by_hand",
)
NEEDED = (COMPLETED, HELPFUL, PUBLISHED, BY_HAND)
"""Rules that the ledger itself awards by. There is one for each streak, too, and any of an operator's."""
_STREAK = "streak_"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")

Amount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3_650)]
Share = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    amount: Amount
    """0 for one whose amount whoever awards it says."""
    expires_after_days: Annotated[int, msgspec.Meta(ge=0, le=3_650)] = 365
    """From when the tokens can be spent to the end of a day (UTC); 0 for never."""
    counts: bool = True
    """Whether it uses up the month's cap of the tier, and ends with it."""
    a_day: Amount | None = None
    """What one user has by it on a day (UTC) at most."""


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What tokens are worth to who runs this, as an exact ratio: so many minor units for so many tokens."""

    minor: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 1
    currency: str = "usd"
    """In which the value is told. A file may write it in either case."""

    def of(self, tokens: int) -> int:
        """In minor units, rounded once, halves away from zero."""
        return money.round_half_up(tokens * self.minor, self.tokens)


class Velocity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """More than this of one user is worth a look; nothing is refused for it. 0 is for every one."""

    tokens_an_hour: Count = 1_000
    tokens_a_day: Count = 2_000
    awards_an_hour: Count = 20
    awards_a_day: Count = 50
    """By whatever rule; those of 0 tokens, too."""
    alone_bp: Share = 9_000
    """What of `by_hand_alone` is near it, given by hand on one day without a second administrator."""
    by_one_admin: Count = 5
    """How often one administrator gave this user tokens by hand, asked for them or confirmed them, in all of
    `days`."""
    friend_requests_a_day: Count = 50
    time_zones: Count = 4
    """Changes of the zone by which streaks go, in all of `days`."""
    days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 30
    """How far back is looked, today included (UTC)."""


class TokenRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    rules: Mapping[str, Rule]
    """By name. `streak_7` is for seven days in a row."""
    level_bonus: Mapping[str, Amount] = {}
    """On top for a course that is completed, by its level."""
    speed_bonus: Amount = 0
    """On top for one that was completed in less than `speed_below_bp` of the time that its author estimates,
    and in a time that is plausible."""
    speed_below_bp: Share = 5_000
    helpful_votes: Annotated[int, msgspec.Meta(ge=1)] = 3
    """So many users make a review a helpful one."""
    by_hand_alone: Amount = 500
    """What administrators give one user on a day (UTC) by hand; above it a second one must confirm."""
    grace_days: Days = 7
    """How long tokens are good that are given back when they have expired."""
    value: Value = Value()
    """Of what is outstanding, for a report alone: nothing is ever posted at it."""
    velocity: Velocity = Velocity()

    @property
    def streaks(self) -> tuple[int, ...]:
        """In days, the shortest first."""
        return tuple(sorted(int(name.removeprefix(_STREAK)) for name in self.rules if is_streak(name)))


def streak_rule(days: int) -> str:
    return f"{_STREAK}{days}"


def is_streak(rule: str) -> bool:
    days = rule.removeprefix(_STREAK)
    return rule.startswith(_STREAK) and days.isascii() and days.isdigit() and not days.startswith("0")


def fault(rules: TokenRules) -> str:
    """What types cannot say, as a sentence; empty when all is well."""
    if missing := [name for name in NEEDED if name not in rules.rules]:
        return f"`tokens.rules` must have {', '.join(missing)}."
    for name in rules.rules:
        if not _NAME.fullmatch(name) or (name.startswith(_STREAK) and not is_streak(name)):
            return (
                f"`tokens.rules`: {name!r:.80} is no name for a rule: write it in lower case with "
                "underscores, and one for a streak as streak_7."
            )
    if rules.rules[BY_HAND].amount:
        return f"`tokens.rules.{BY_HAND}.amount` must be 0: who gives tokens by hand says how many."
    if not money.is_currency(rules.value.currency.lower()):
        return f"`tokens.value.currency`: {rules.value.currency!r:.20} is no ISO 4217 code such as 'usd'."
    return ""


DEFAULT_RULES = TokenRules(
    rules={
        COMPLETED: Rule(amount=100),
        HELPFUL: Rule(amount=10, a_day=50),
        PUBLISHED: Rule(amount=500),
        BY_HAND: Rule(amount=0, counts=False),
        streak_rule(7): Rule(amount=50),
        streak_rule(30): Rule(amount=200),
        streak_rule(100): Rule(amount=500),
    },
    level_bonus={"intermediate": 25, "advanced": 50},
    speed_bonus=50,
)
