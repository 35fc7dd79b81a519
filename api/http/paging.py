"""Pages of a list that grows: a cursor is the position of the last item shown, so new facts move nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar, cast

import msgspec
from litestar.params import QueryParameter

from api.http.checks import Check
from api.http.problems import FieldError, Unprocessable

T = TypeVar("T")
LARGEST = 2**63 - 1
CURSOR_MAX = 400
"""Characters: enough for the longest id of a user, which has 128, with what stands beside it in a key."""
Key = tuple[int | str, ...]
"""What orders a list, of the last item shown."""
K = TypeVar("K", bound=Key)

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many items at most.")]
_Number = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
_decode = msgspec.json.Decoder(tuple[_Number | str, ...]).decode
_NOT_OURS = "not a cursor of this list: begin without one"


def _key_of(cursor: str) -> Key | None:
    try:
        return _decode(urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (ValueError, msgspec.DecodeError):
        return None


def _cursor_fault(cursor: str) -> str | None:
    return _NOT_OURS if _key_of(cursor) is None else None


Cursor = Annotated[
    str | None,
    QueryParameter(max_length=CURSOR_MAX, description="`next_cursor` of the page before; opaque."),
    Check(_cursor_fault),
]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[T]
    has_more: bool
    next_cursor: str | None = None


def before(cursor: str | None) -> int:
    """The position that the next page comes before."""
    return before_key(cursor, (LARGEST,))[0]


def before_key(cursor: str | None, first: K) -> K:
    """As `before`, for a list with a longer key; the first page comes before `first`."""
    if cursor is None:
        return first
    key = _key_of(cursor)
    if key is None or [type(part) for part in key] != [type(part) for part in first] or _is_odd(key):
        raise Unprocessable.at(FieldError(detail=_NOT_OURS, parameter="cursor"))
    return cast("K", key)


def _is_odd(key: Key) -> bool:
    """PostgreSQL's text cannot hold NUL, so none of ours does."""
    return any(isinstance(part, str) and "\0" in part for part in key)


def page(rows: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """Of `limit + 1` rows asked for: the one too many says that there is more."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return Page(items=items, has_more=False)
    return Page(items=items, has_more=True, next_cursor=_cursor(key(items[-1])))


def _cursor(key: Key) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()
