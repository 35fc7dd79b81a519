"""Why nothing of a batch is taken. What is wrong with one item alone is told of that item."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, Refused


class InvalidUsage(Invalid):
    """A month, a source or an item is not as it can be."""

    code: ClassVar[str] = "invalid_usage"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."


class UsageMonthClosed(Refused):
    """The month is over, or has not begun."""

    code: ClassVar[str] = "usage_month_closed"
    remedy: ClassVar[str] = "Send what was used within the month, or shortly after it."
    passing: ClassVar[bool] = True


class MetricNotGranted(Forbidden):
    """The licence does not have this metric."""

    code: ClassVar[str] = "metric_not_granted"
    remedy: ClassVar[str] = "Upgrade to a tier that has it."


class TooManySources(Refused):
    """More sources than a metric can have in a month."""

    code: ClassVar[str] = "too_many_sources"
    remedy: ClassVar[str] = "Give a process that starts anew the name that it had before."
    passing: ClassVar[bool] = True


class UsageExceeded(Refused):
    """All that the licence grants of the metric in the month is used, or set aside by processes."""

    code: ClassVar[str] = "usage_exceeded"
    remedy: ClassVar[str] = (
        "Wait for the next month (UTC), or upgrade the licence; all under `/api/enterprise/` goes on."
    )
    passing: ClassVar[bool] = True
