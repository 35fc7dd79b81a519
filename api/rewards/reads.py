"""What is left of each reward for somebody, as far as it is projected: the same few reads for any shelf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

import msgspec

from ledger.enrolments.refusals import AlreadyEnrolled, CourseNotForSale, OwnCourse, PurchaseInProgress
from ledger.redemptions.decider import Taken
from ledger.shelf import ONE_AT_A_TIME
from ledger.store.batched_queries import Connection

_TAKEN: Final = """
    SELECT c.reward_id, c.live, coalesce(u.live, 0), r.undecided, r.ends_at
    FROM reward_counts AS c
    LEFT JOIN reward_user_counts AS u ON u.user_id = %(user_id)s AND u.reward_id = c.reward_id
    LEFT JOIN (
        SELECT reward_id, bool_or(status = 'held' OR (status = 'waiting' AND course_id <> '')) AS undecided,
               max(ends_at) AS ends_at
        FROM redemptions
        WHERE user_id = %(user_id)s
          AND kind = ANY(%(one_at_a_time)s)
          AND (status IN ('held', 'waiting') OR (status = 'fulfilled' AND ends_at IS NOT NULL))
        GROUP BY reward_id
    ) AS r ON r.reward_id = c.reward_id
    WHERE c.reward_id = ANY(%(reward_ids)s)
"""
_COURSES: Final[LiteralString] = """
    SELECT c.course_id, c.author = %(user_id)s OR %(user_id)s = ANY(c.named),
           e.status IS NOT NULL AND e.status IN ('active', 'completed'),
           e.status IS NOT NULL AND e.status = 'reserved' AND e.buyer_id = %(user_id)s,
           c.status = 'published' AND c.price_minor > 0 AND w.title IS NOT NULL
    FROM courses AS c
    LEFT JOIN enrolments AS e ON e.learner_id = %(user_id)s AND e.course_id = c.course_id
    LEFT JOIN course_words AS w ON w.words_id = c.words_id
    WHERE c.course_id = ANY(%(course_ids)s)
"""


async def taken(connection: Connection, user_id: str, reward_ids: Sequence[str]) -> Mapping[str, Taken]:
    """By reward; without those of which nothing ever was."""
    asked = {
        "user_id": user_id,
        "reward_ids": list(reward_ids),
        "one_at_a_time": sorted(ONE_AT_A_TIME),
    }
    found = await (await connection.execute(_TAKEN, asked)).fetchall()
    return {
        reward_id: Taken(live, theirs, bool(undecided), ends_at)
        for reward_id, live, theirs, undecided, ends_at in found
    }


class Giving(msgspec.Struct, frozen=True):
    """How a course stands to somebody who would have it for tokens."""

    sells: bool
    has: bool
    buys: bool
    for_sale: bool

    @property
    def refusal(self) -> str:
        """The code of what `ledger.enrolments.redeeming.check` would raise; empty for nothing."""
        if self.sells:
            return OwnCourse.code
        if self.has:
            return AlreadyEnrolled.code
        if self.buys:
            return PurchaseInProgress.code
        return "" if self.for_sale else CourseNotForSale.code


NOWHERE = Giving(sells=False, has=False, buys=False, for_sale=False)


async def giving(connection: Connection, user_id: str, course_ids: Sequence[str]) -> Mapping[str, Giving]:
    """By course; without those that there are not."""
    if not course_ids:
        return {}
    asked = {"user_id": user_id, "course_ids": list(course_ids)}
    found = await (await connection.execute(_COURSES, asked)).fetchall()
    return {course_id: Giving(*stands) for course_id, *stands in found}
