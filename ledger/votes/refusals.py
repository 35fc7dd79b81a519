"""Why a vote is refused."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Refused


class VoteOnOwnReview(Refused):
    """Nobody finds helpful what they wrote."""

    code: ClassVar[str] = "vote_on_own_review"
    remedy: ClassVar[str] = "Nothing is to be done: others vote on it."
    passing: ClassVar[bool] = False


class VoteOnOwnCourse(Refused):
    """Who teaches a course does not choose among its reviews."""

    code: ClassVar[str] = "vote_on_own_course"
    remedy: ClassVar[str] = "Reply to the review instead."
    passing: ClassVar[bool] = False
