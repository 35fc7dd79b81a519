"""Pages of a list that grows: a cursor is the position of the last item shown, so new facts move nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from api.problems import FieldError, Unprocessable

T = TypeVar("T")
LARGEST = 2**63 - 1
Key = tuple[int, ...]

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=100, description="`next_cursor` of the page before; opaque."),
]
_decode = msgspec.json.Decoder(tuple[Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)], ...]).decode


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[T]
    has_more: bool
    next_cursor: str | None = None


def before(cursor: str | None, parts: int = 1) -> Key:
    """What the next page comes before: one number for each part of the list's order."""
    if cursor is None:
        return (LARGEST,) * parts
    try:
        key = _decode(urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (ValueError, msgspec.DecodeError):
        raise _bad_cursor() from None
    if len(key) != parts:
        raise _bad_cursor()
    return key


def page(rows: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """Of `limit + 1` rows asked for: the one too many says that there is more."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return Page(items=items, has_more=False)
    return Page(items=items, has_more=True, next_cursor=_cursor(key(items[-1])))


def _cursor(key: Key) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def _bad_cursor() -> Unprocessable:
    return Unprocessable(
        "The cursor is none of this list's: begin without one.",
        errors=[FieldError(detail="not a cursor of this list", parameter="cursor")],
    )
