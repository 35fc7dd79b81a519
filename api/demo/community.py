"""The demonstration's tokens: days in a row in several time zones, friends, and what tokens are spent on.

Who is named after a place lives there. Some of the others are learners and authors of the market.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from api.demo.authors import DAILY, UPGRADED, YEARLY
from api.demo.learners import OVERDRAWN, Buy, Learn
from api.demo.plan import FIRST_USER, Action
from ledger.catalogue import Catalogue
from ledger.rewards import DEFAULT_RULES, Rule
from ledger.shelf import DEFAULT_SHELF

BERLIN, HONOLULU, AUCKLAND, HIDDEN = "usr_berlin", "usr_honolulu", "usr_auckland", "usr_hidden"
MONTHLY = "usr_monthly"
CHALLENGE, CHALLENGE_DAYS = "spring_challenge", 30
FRIENDS_BOARD, STICKERS, TREE = "friend_leaderboard_week", "sticker_set", "plant_a_tree"
EVENING = time(18)
PAST = timedelta(hours=2)
"""Before the end; what is later has not been done yet."""


def with_challenge(catalogue: Catalogue) -> Catalogue:
    """As it was while the history was made: with a rule that is gone by now, whose tokens expired soon. The
    rest of what earns and takes tokens is the product's, also where an operator's file says otherwise.
    """
    challenge = Rule(amount=40, counts=False, expires_after_days=CHALLENGE_DAYS)
    tokens = msgspec.structs.replace(DEFAULT_RULES, rules={**DEFAULT_RULES.rules, CHALLENGE: challenge})
    return msgspec.structs.replace(
        catalogue, version=f"{catalogue.version}-spring", tokens=tokens, rewards=DEFAULT_SHELF
    )


class CommunityAction(Action, frozen=True, kw_only=True):
    """See `api/demo/rewarding.py`."""

    user_id: str

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.user_id})


class BeKnown(CommunityAction, frozen=True, kw_only=True):
    """`says` is a body of `PUT /api/me`."""

    says: dict[str, str]


class Award(CommunityAction, frozen=True, kw_only=True):
    """By an administrator; `body` says of what, and how much."""

    body: dict[str, Any]


class Redeem(CommunityAction, frozen=True, kw_only=True):
    reward: str


class Decide(CommunityAction, frozen=True, kw_only=True):
    """What an administrator does with a redemption of `reward`."""

    reward: str
    what: Literal["fulfil", "cancel"]
    body: Mapping[str, str] = {}


class Meet(CommunityAction, frozen=True, kw_only=True):
    """`user_id` asks `other` to be a friend, accepts, or blocks them."""

    other: str
    what: Literal["ask", "accept", "block"]

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.user_id, self.other})


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Learns once a day, in the evening, for so many days in a row."""

    user_id: str
    zone: str
    days: int
    ended: int = 0
    """So many days ago; 0 goes on."""
    about: str

    def evenings(self, end: datetime) -> list[datetime]:
        zone = ZoneInfo(self.zone)
        newest = end.astimezone(zone).date()
        if datetime.combine(newest, EVENING, zone) > end - PAST:
            newest -= timedelta(days=1)
        days = (newest - timedelta(days=self.ended + day) for day in reversed(range(self.days)))
        return [datetime.combine(day, EVENING, zone).astimezone(UTC) for day in days]


MEMBERS = (
    Member(
        user_id=BERLIN,
        zone="Europe/Berlin",
        days=9,
        about="9 days in a row; spent them on the friends' board",
    ),
    Member(user_id=HONOLULU, zone="Pacific/Honolulu", days=12, about="12 days in a row, and a tree"),
    Member(
        user_id=AUCKLAND, zone="Pacific/Auckland", days=7, ended=20, about="7 days in a row, three weeks ago"
    ),
    Member(user_id=HIDDEN, zone="Atlantic/Azores", days=8, ended=3, about="is on no board"),
)


def community(end: datetime) -> Iterator[Action]:
    """What they do, up to some hours before `end`; in no order."""

    def ago(days: float) -> datetime:
        return end - timedelta(days=days)

    for member in MEMBERS:
        yield from _in_a_row(member, member.evenings(end))
    yield BeKnown(at=ago(43), user_id=FIRST_USER, says={"email": "student@example.org", "language": "de"})
    yield BeKnown(at=ago(43), user_id=HIDDEN, says={"visibility": "hidden"})
    yield BeKnown(at=ago(43), user_id=MONTHLY, says={"visibility": "named"})
    yield from _awarded(ago)
    yield from _redeemed(ago)
    yield from _met(ago)


def _in_a_row(member: Member, evenings: list[datetime]) -> Iterator[Action]:
    about: Any = {"learner": member.user_id, "title": DAILY}
    before = evenings[0] - timedelta(hours=20)
    yield BeKnown(at=before, user_id=member.user_id, says={"time_zone": member.zone})
    yield Buy(at=before + timedelta(hours=1), ref=f"t-{member.user_id}", payment_method=None, **about)
    for lessons, evening in enumerate(evenings, 1):
        yield Learn(at=evening, lessons=lessons, **about)


def _awarded(ago: Callable[[float], datetime]) -> Iterator[Action]:
    """What was earned by the challenge was not spent in time; the last one waits for a second admin."""
    challenge = {"rule": CHALLENGE, "source_ref": "spring"}
    yield Award(at=ago(60), user_id=BERLIN, body=challenge)
    for user_id, days, amount in ((MONTHLY, 13, 120), (HONOLULU, 11, 60)):
        by_hand = {"amount": amount, "reason": "For answers in the forum"}
        yield Award(at=ago(days), user_id=user_id, body=by_hand)
    yield Award(at=ago(2), user_id=BERLIN, body={"amount": 800, "reason": "Translated a course"})


def _redeemed(ago: Callable[[float], datetime]) -> Iterator[Action]:
    """Goods that are sent, lost and still to be sent; and tokens that are asked back once they are spent."""
    yield Redeem(at=ago(40), user_id=OVERDRAWN, reward=FRIENDS_BOARD)
    yield Redeem(at=ago(20), user_id=YEARLY, reward=STICKERS)
    yield Decide(at=ago(17), user_id=YEARLY, reward=STICKERS, what="fulfil")
    yield Redeem(at=ago(15), user_id=UPGRADED, reward=STICKERS)
    lost = {"reason": "Lost in the post"}
    yield Decide(at=ago(9), user_id=UPGRADED, reward=STICKERS, what="cancel", body=lost)
    yield Redeem(at=ago(7), user_id=MONTHLY, reward=STICKERS)
    yield Redeem(at=ago(1.5), user_id=BERLIN, reward=FRIENDS_BOARD)
    yield Redeem(at=ago(1), user_id=HONOLULU, reward=TREE)


def _met(ago: Callable[[float], datetime]) -> Iterator[Action]:
    for other, days in ((BERLIN, 8.0), (HONOLULU, 6.5)):
        yield Meet(at=ago(days), user_id=MONTHLY, other=other, what="ask")
        yield Meet(at=ago(days - 0.5), user_id=other, other=MONTHLY, what="accept")
    yield Meet(at=ago(3), user_id=AUCKLAND, other=MONTHLY, what="ask")
    yield Meet(at=ago(4), user_id=HIDDEN, other=AUCKLAND, what="block")
