"""What the type of a value alone cannot say, beside it: so it is told with all else that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from api.words import TIME, TIME_OUT_OF_RANGE
from ledger.instants import in_utc
from ledger.message import Instant
from ledger.visible import is_visible


class Check(msgspec.Struct, frozen=True):
    """In the `Annotated` of a parameter or of a field of a body. `fault` says what is wrong, if anything."""

    fault: Callable[[str], str | None]


def checks_in(kind: Any) -> Iterator[Check]:
    """Those of an annotation, also of one that may be null."""
    if get_origin(kind) is Annotated:
        yield from (each for each in kind.__metadata__ if isinstance(each, Check))
        yield from checks_in(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for each in get_args(kind):
            yield from checks_in(each)


def blank_fault(text: str) -> str | None:
    """Of what people write, which is judged by what can be seen."""
    return None if is_visible(text) else "must say something that can be seen"


def time(text: str) -> datetime:
    """In UTC. Strictly RFC 3339 with a zone: Litestar alone would take `0.3` for one. `ValidationError` else;
    `OverflowError` for one that `moment_fault` tells of.
    """
    return in_utc(msgspec.convert(text, Instant))


def moment_fault(moment: datetime) -> str | None:
    """What is wrong with a time with a zone, if anything."""
    try:
        in_utc(moment)
    except OverflowError:
        return TIME_OUT_OF_RANGE
    return None


def time_fault(text: str) -> str | None:
    try:
        time(text)
    except msgspec.ValidationError:
        # in an address, + is read as a space
        return TIME + ("; write the + of a zone as %2B" if " " in text else "")
    except OverflowError:
        return TIME_OUT_OF_RANGE
    return None
