"""A batch of usage, as one command for each of its metrics, and what became of each item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.problems import FieldError, Unprocessable
from api.licences.holding import held
from api.services import Services, origin_of
from api.usage.bodies import UsageBatch, UsageItem, UsageRefused, UsageTaken
from ledger.errors import Contended
from ledger.ids import new_id
from ledger.licences.live import check_live
from ledger.licences.status import status_at
from ledger.usage.commands import Item, RecordUsage
from ledger.usage.counting import USED_MAX
from ledger.usage.decider import USAGE
from ledger.usage.metrics import COUNTERS, DISTINCT, LEVELS, open_months
from ledger.usage.refusals import MetricNotGranted, TooManySources, UsageMonthClosed
from ledger.usage.state import Usage
from ledger.usage.stream import stream_of
from ledger.usage.terms import terms_of
from ledger.usage.verdicts import verdicts

Call = Request[Principal, Any, State]
Numbered = list[tuple[int, UsageItem]]
"""Items with their places in the batch."""
_ATTEMPTS = 3
_OF_METRIC = (MetricNotGranted, TooManySources, UsageMonthClosed)
"""What is wrong with all items of a metric, and with none of another."""
_NUMBER = (
    "the source's own number of it, from 1 on and another one for each item: a number is counted once, so "
    "that a batch can be sent again"
)
_WHY = {
    "known": "It was counted before.",
    "usage_exceeded": "It is more than what is left of the limit.",
    "total_too_large": f"With it the month would come to more than {USED_MAX}, which nothing does.",
    "too_many_gaps": "Too many numbers before it are missing: send those first.",
}


async def record(services: Services, request: Call, key: str, batch: UsageBatch) -> tuple[UsageTaken, int]:
    """What became of the batch, and the ledger's position. Raises what is wrong with all of it."""
    _check(batch, services.now())
    of_metric: defaultdict[str, Numbered] = defaultdict(list)
    for index, item in enumerate(batch.items):
        of_metric[item.metric].append((index, item))
    refused: list[UsageRefused] = []
    position = 0
    for metric, items in of_metric.items():
        try:
            found, at = await _recorded(services, request, key, (batch, metric, items))
        except _OF_METRIC as error:
            refused += (UsageRefused(index=index, code=error.code, detail=error.detail) for index, _ in items)
        else:
            refused += found
            position = max(position, at)
    refused.sort(key=lambda one: one.index)
    counted = len(batch.items) - len(refused)
    return UsageTaken(month=batch.month, counted=counted, refused=refused), position


def _check(batch: UsageBatch, now: datetime) -> None:
    months = open_months(now)
    if batch.month not in months:
        raise UsageMonthClosed(f"Now is the time for {' or '.join(months)}; this was of {batch.month}.")
    faults = [
        FieldError(detail=f"{item.metric} needs {needs}", pointer=f"/items/{index}/{name}")
        for index, item in enumerate(batch.items)
        for name, needs in _needs(item)
    ]
    if faults:
        raise Unprocessable.at(*faults)


def _needs(item: UsageItem) -> Iterator[tuple[str, str]]:
    if item.metric in DISTINCT:
        if item.user_id is None:
            yield "user_id", "the user who was active"
    elif item.sequence is None:
        yield "sequence", _NUMBER
    if item.metric in COUNTERS and item.quantity == 0:
        yield "quantity", "one unit at least"
    if item.metric in LEVELS and item.quantity is None:
        yield "quantity", "how much there is now"


async def _recorded(
    services: Services, request: Call, key: str, asked: tuple[UsageBatch, str, Numbered]
) -> tuple[list[UsageRefused], int]:
    for _ in range(_ATTEMPTS - 1):
        with suppress(Contended):  # the licence changed meanwhile
            return await _once(services, request, key, asked)
    return await _once(services, request, key, asked)


async def _once(
    services: Services, request: Call, key: str, asked: tuple[UsageBatch, str, Numbered]
) -> tuple[list[UsageRefused], int]:
    batch, metric, items = asked
    licence, now = await held(services, key), services.now()
    check_live(status_at(licence, now))
    command = RecordUsage(
        command_id=new_id("cmd"),
        effective_at=now,
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        metric=metric,
        month=batch.month,
        source=batch.source,
        items=tuple(_item(metric, item) for _, item in items),
        terms=terms_of(licence, metric, batch.month, now),
    )
    done = await services.submitter.submit(command, origin_of(request))
    after: Usage = await services.store.state(USAGE, stream_of(licence.licence_id, metric, batch.month))
    became = verdicts(command, [one.event for one in done.recorded], after)
    refused = [
        UsageRefused(index=index, code=verdict, detail=_WHY[verdict])
        for (index, _), verdict in zip(items, became, strict=True)
        if verdict != "counted"
    ]
    return refused, done.position


def _item(metric: str, item: UsageItem) -> Item:
    if metric in DISTINCT:
        return Item(user_id=item.user_id or "")
    return Item(sequence=item.sequence or 0, quantity=1 if item.quantity is None else item.quantity)
