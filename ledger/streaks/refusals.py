"""Why a time zone is not changed."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Refused


class TimeZoneChangedLately(Refused):
    """The time zone was changed less than 24 hours ago, and decides when a day of a streak begins."""

    code: ClassVar[str] = "time_zone_changed_lately"
    remedy: ClassVar[str] = "Leave `time_zone` out, or send it again at the time that `detail` tells."
    passing: ClassVar[bool] = True
