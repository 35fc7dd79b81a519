"""Why an upload is refused."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.errors import Forbidden


class UploadLimitReached(Forbidden):
    """The author has uploaded as many courses this month as their plan allows."""

    code: ClassVar[str] = "upload_limit_reached"
    remedy: ClassVar[str] = "Wait until `begins_anew_at`, or take a plan with more (`GET /api/plans`)."

    def __init__(self, detail: str, *, used: int, limit: int, begins_anew_at: datetime) -> None:
        super().__init__(detail)
        self.used = used
        self.limit = limit
        self.begins_anew_at = begins_anew_at
