"""Why a course is not started."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden


class CourseLimitReached(Forbidden):
    """The learner has started as many free courses as their plan allows."""

    code: ClassVar[str] = "course_limit_reached"
    remedy: ClassVar[str] = (
        "Go on with a course that is started, or take a plan with more (`GET /api/plans`)."
    )

    def __init__(self, detail: str, *, used: int, limit: int) -> None:
        super().__init__(detail)
        self.used = used
        self.limit = limit
