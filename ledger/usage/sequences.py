"""Which numbers of a source were counted: ranges that grow together, so that a year of them is one range."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

MOST_RANGES = 100
"""Of one source: so many gaps may be open at once, from batches that overtook each other."""


class Range(Struct, frozen=True, order=True):
    """From the first to the last, both in it."""

    first: int
    last: int


Ranges = tuple[Range, ...]
"""In order, and none touches the next."""


def has(ranges: Ranges, number: int) -> bool:
    place = bisect_right(ranges, number, key=_first) - 1
    return place >= 0 and number <= ranges[place].last


def added(ranges: Ranges, more: Range) -> Ranges:
    """Joined with what it touches or overlaps."""
    if ranges and (latest := ranges[-1]).first <= more.first <= latest.last + 1:  # as nearly always
        return (*ranges[:-1], Range(latest.first, max(latest.last, more.last)))
    before = [one for one in ranges if one.last < more.first - 1]
    after = [one for one in ranges if one.first > more.last + 1]
    joined = ranges[len(before) : len(ranges) - len(after)]
    first = min([more.first, *(one.first for one in joined)])
    last = max([more.last, *(one.last for one in joined)])
    return (*before, Range(first, last), *after)


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Of numbers in any order."""
    found: Ranges = ()
    for number in sorted(numbers):
        found = added(found, Range(number, number))
    return found


def _first(one: Range) -> int:
    return one.first
