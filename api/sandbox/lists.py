"""Lists: newest first, by cursor. https://docs.stripe.com/api/pagination"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, missing
from api.sandbox.forms import Params
from api.sandbox.store import NEVER
from api.sandbox.transaction import Transaction

TEST_CLOCK = "test_helpers.test_clock"
Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]


class Range(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Unix seconds."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None

    def holds(self, moment: int) -> bool:
        return self.reached(moment) and (
            (self.lt is None or moment < self.lt) and (self.lte is None or moment <= self.lte)
        )

    def reached(self, moment: int) -> bool:
        """False for all that is older than the range."""
        return (self.gt is None or moment > self.gt) and (self.gte is None or moment >= self.gte)


class ListParams(Params, frozen=True, kw_only=True):
    limit: Limit = 10
    starting_after: str | UnsetType = UNSET
    ending_before: str | UnsetType = UNSET


class CreatedListParams(ListParams, frozen=True, kw_only=True):
    created: Range | int | UnsetType = UNSET

    def created_range(self) -> Range | None:
        if isinstance(self.created, UnsetType):
            return None
        return self.created if isinstance(self.created, Range) else Range(gte=self.created, lte=self.created)


def first_link(kind: str, **sent: str | None) -> tuple[str, str] | None:
    """For `page`: the first of these filters that was sent; `matches` has to see to the rest."""
    return next(((f"{kind}.{field}", value) for field, value in sent.items() if value), None)


def page(
    tx: Transaction,
    kind: str,
    url: str,
    params: ListParams,
    *,
    link: tuple[str, str] | None = None,
    matches: Callable[[Object], bool] | None = None,
) -> Object:
    """A list object. `link` is a (field, value) that an index serves; `matches` sees what is left."""
    newer = isinstance(params.ending_before, str)
    start = _start(tx, kind, params)
    linked = None if link is None else (tx.scoped(link[0]), link[1])
    found = tx.store.scan(tx.scoped(kind), linked, start, older=not newer)
    created = params.created_range() if isinstance(params, CreatedListParams) else None
    if created is not None:
        # the objects of a test clock have its time, so `created` does not grow with rank where there is one
        ordered = kind == "event" or not tx.store.has(TEST_CLOCK)
        found = _within(found, created, older=not newer and ordered)
    data: list[Object] = []
    has_more = False
    for value in found:
        if matches is not None and not matches(value):
            continue
        if len(data) == params.limit:
            has_more = True
            break
        data.append(value)
    if newer:
        data.reverse()
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def _within(found: Iterator[Object], created: Range, *, older: bool) -> Iterator[Object]:
    """`older` says that `created` falls on the way, so that it can stop at the first that is too old."""
    for value in found:
        if created.holds(value["created"]):
            yield value
        elif older and not created.reached(value["created"]):
            return


def _start(tx: Transaction, kind: str, params: ListParams) -> int:
    for name, cursor in (("starting_after", params.starting_after), ("ending_before", params.ending_before)):
        if isinstance(cursor, str):
            rank = tx.store.rank_of(cursor, tx.scoped(kind))
            if rank is None:
                raise missing(kind, cursor, param=name, status=400)
            return rank
    return NEVER
