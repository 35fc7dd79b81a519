"""Users who were given unusually much or often are found, by limits that are data."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from ledger.friendships.events import FriendAsked
from ledger.message import Event
from ledger.rewards import BY_HAND, DEFAULT_RULES, Velocity
from ledger.store import conninfo
from ledger.streaks.events import TimeZoneChanged
from ledger.tokens.events import AwardRequested, Stretch, TokensAwarded
from projections.live import check
from projections.queries.velocity import FIRST, Seen, suspicious
from tests.ledger.examples import DAY, NOON
from tests.projections.histories import History, append
from tests.projections.tables import catch_up

HOUR = timedelta(hours=1)
NOBODY = Velocity(
    tokens_an_hour=10**6,
    tokens_a_day=10**6,
    awards_an_hour=10**6,
    awards_a_day=10**6,
    alone_bp=10_000,
    by_one_admin=10**6,
    friend_requests_a_day=10**6,
    time_zones=10**6,
)
"""Limits that nobody is beyond."""


class Facts:
    """Each of one user, at so many hours after noon on 1 March."""

    def __init__(self) -> None:
        self.history, self.number = History(), 0

    def add(self, event: Event, hours: float = 0, stream: str = "tokens-usr_ann") -> None:
        self.history.add(stream, event, effective_at=NOON + hours * HOUR)

    def award(self, amount: int = 10, hours: float = 0, user: str = "usr_ann", **fields: Any) -> None:
        self.number += 1
        awarded = TokensAwarded(
            user_id=user,
            rule=fields.pop("rule", "helpful_review"),
            source_ref=str(self.number),
            lot_id=f"tok_{self.number}",
            asked=amount,
            amount=amount,
            awarded_at=NOON + hours * HOUR,
            stretch=Stretch(amount, begins=self.number * 10_000),
            **fields,
        )
        self.add(awarded, hours, f"tokens-{user}")

    def asked(self, admin_id: str, user: str = "usr_ann") -> None:
        self.number += 1
        asked = AwardRequested(
            user_id=user,
            request_id=f"awr_{self.number}",
            source_ref="thanks",
            amount=900,
            reason="Thanks",
            requested_by=admin_id,
            requested_at=NOON,
        )
        self.add(asked, stream=f"tokens-{user}")

    def found(self, url: str, *, at_day: float = 0, **limits: int) -> list[Seen]:
        append(url, self.history.recorded)
        catch_up(url, batch=3)
        return found(url, at_day=at_day, **limits)


def found(url: str, *, at_day: float = 0, before: Any = FIRST, count: int = 100, **limits: int) -> list[Seen]:
    async def asked() -> list[Seen]:
        rules = replace(DEFAULT_RULES, velocity=replace(NOBODY, **limits))
        async with await AsyncConnection.connect(conninfo(url), autocommit=True) as conn:
            return await suspicious(conn, rules, NOON + at_day * DAY, before, count)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("limit", "reached", "beyond"),
    [("tokens_an_hour", 30, 29), ("tokens_a_day", 40, 39), ("awards_an_hour", 3, 2), ("awards_a_day", 4, 3)],
)
def test_more_than_a_limit_is_found_and_just_as_much_is_not(
    database_url: str, limit: str, reached: int, beyond: int
) -> None:
    """Three awards of ten in the hour from noon on, and one in the next; the next day begins twelve later."""
    facts = Facts()
    for hours in (0, 0.5, 0.999, 1, 12):
        facts.award(10, hours)
    assert facts.found(database_url, at_day=1, **{limit: reached}) == []
    [seen] = found(database_url, at_day=1, **{limit: beyond})
    in_an_hour = limit.endswith("hour")
    assert (seen.limit, seen.user_id) == (limit, "usr_ann")
    assert seen.begins == ("2026-03-01T12" if in_an_hour else "2026-03-01")
    assert (seen.seen, seen.amount) == ((3, 30) if in_an_hour else (4, 40))


def test_what_is_given_again_after_a_refund_failed_is_not_earned_twice(database_url: str) -> None:
    facts = Facts()
    facts.award(100)
    facts.award(100, reinstates="tok_1")
    [seen] = facts.found(database_url, tokens_a_day=99)
    assert seen.amount == 100


def test_by_hand_near_what_one_admin_may_give_is_found(database_url: str) -> None:
    """Also in parts, and by two of them; what a second one confirmed is not alone."""
    facts = Facts()
    facts.award(300, rule=BY_HAND)
    facts.award(149, 1, rule=BY_HAND)
    facts.award(900, 1, rule=BY_HAND, request_id="awr_1")
    facts.award(450, 1, "usr_bob")
    facts.award(449, 1, "usr_cy", rule=BY_HAND)
    facts.award(1, 2, rule=BY_HAND)
    [seen] = facts.found(database_url, alone_bp=9_000)
    assert (seen.user_id, seen.limit, seen.seen, seen.amount) == ("usr_ann", "alone_bp", 3, 450)


def test_one_admin_to_one_user_again_and_again_is_found(database_url: str) -> None:
    """The actor of every third fact is `usr_1`, as the histories have it."""
    facts = Facts()
    for number in range(9):
        facts.award(5, number * 24, rule=BY_HAND)
    facts.asked("usr_1")
    facts.asked("usr_1", user="usr_bob")
    assert facts.found(database_url, at_day=9, by_one_admin=6) == []
    seen = found(database_url, at_day=9, by_one_admin=3)
    assert [(one.user_id, one.admin_id, one.seen, one.amount, one.begins) for one in seen] == [
        ("usr_ann", "usr_1", 4, 15, "2026-03-01"),
        ("usr_ann", "stripe", 6, 30, "2026-03-01"),
    ]


def test_many_requests_to_be_friends_and_changes_of_zone_are_found(database_url: str) -> None:
    facts = Facts()
    for number in range(3):
        other = f"usr_{number}"
        facts.add(FriendAsked(user_id="usr_ann", other_id=other), number, f"friendship-usr_ann~{other}")
        changed = TimeZoneChanged(user_id="usr_ann", at=NOON)
        facts.add(changed, number * 24, "streak-usr_ann")
    seen = facts.found(database_url, at_day=3, friend_requests_a_day=2, time_zones=2)
    assert [(one.limit, one.seen, one.begins) for one in seen] == [
        ("time_zones", 3, "2026-03-01"),
        ("friend_requests_a_day", 3, "2026-03-01"),
    ]


def test_only_so_many_days_are_looked_at_and_today_is_one(database_url: str) -> None:
    facts = Facts()
    for days in range(3):
        facts.award(10, days * 24)
    begun = [one.begins for one in facts.found(database_url, at_day=2, tokens_a_day=9, days=2)]
    assert begun == ["2026-03-03", "2026-03-02"]


def test_pages_join_to_the_whole_list(database_url: str) -> None:
    facts = Facts()
    for user in range(4):
        for hours in (0, 1, 24):
            facts.award(10, hours, f"usr_{user}")
    limits = {"tokens_an_hour": 9, "tokens_a_day": 9, "awards_a_day": 1}
    everything = facts.found(database_url, at_day=2, **limits)
    assert len(everything) == 4 * (3 + 2 + 1)
    pages, before = list[Seen](), FIRST
    while page := found(database_url, at_day=2, before=before, count=5, **limits):
        pages += page
        before = page[-1].key
    assert pages == everything
    assert check(database_url).differences == ()
