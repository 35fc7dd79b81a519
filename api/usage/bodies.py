"""What is said of usage, and how it is shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.words import MONTH, NO_NUL, USER
from ledger.licence_tiers import Metric
from ledger.usage.decider import ITEMS_MAX, QUANTITY_MAX, SEQUENCE_MAX
from ledger.usage.verdicts import Verdict

Month = Annotated[str, Meta(pattern=MONTH, description="A calendar month, UTC.", examples=["2026-01"])]


class UsageItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units more of a counter; of `storage` how many bytes the source has now; of `active_users` who
    was active, for which `user_id` is enough.
    """

    metric: Metric
    sequence: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=SEQUENCE_MAX,
                description="From 1 on by source, metric and month; of storage for ever. A number is counted "
                "once, so that what is sent again has the number of the first time. Only `active_users` go "
                "without.",
            ),
        ]
        | None
    ) = None
    quantity: (
        Annotated[
            int, Meta(ge=0, le=QUANTITY_MAX, description="Left out it is 1; of `storage` it must be said.")
        ]
        | None
    ) = None
    user_id: Annotated[str, Meta(pattern=USER)] | None = None


class UsageBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one source has counted in one month."""

    source: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=100,
            pattern=NO_NUL,
            description="Who counts, such as a process: the same after it started anew.",
            examples=["eu-1"],
        ),
    ]
    month: Month
    items: Annotated[list[UsageItem], Meta(min_length=1, max_length=ITEMS_MAX)]


class UsageRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Of the item at `index`. `known` was counted before, so nothing has to be done; a number that was
    refused is not used up.
    """

    index: int
    code: Verdict | str
    detail: str


class UsageTaken(msgspec.Struct, frozen=True, kw_only=True):
    """How many items were counted, and what became of the others."""

    month: str
    counted: int
    refused: list[UsageRefused]


class UsageOfDay(msgspec.Struct, frozen=True, kw_only=True):
    day: date
    used: int
    """On that day; of storage, at its end."""


class UsageOfMetric(msgspec.Struct, frozen=True, kw_only=True):
    """`peak` is the most of a level, by which it is billed; of others it is `used`. `beyond` is above
    the month's largest limit, if it is soft, and `overage_minor` what that costs so far, by present prices.
    """

    metric: str
    used: int
    peak: int
    limit: int | None
    """Null is without limit."""
    soft: bool
    beyond: int
    overage_minor: int
    currency: str
    alerted_percent: int
    days: list[UsageOfDay]


# `from` is a word of Python
class LicenceUsage(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """In the calendar month from `from` and before `to`, UTC."""

    licence_id: str
    month: str
    from_: datetime
    to: datetime
    metrics: list[UsageOfMetric]
