"""Strips: all lots that expire at one moment, end to end, in the order in which they were awarded.

Which tokens of a strip are taken is a few ranges, mostly one from its beginning, as they are spent in the
order in which they came. So a strip is as small with a thousand lots as with one, and knows each of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from ledger.instants import LATEST
from ledger.message import Instant
from ledger.tokens.events import Stretch

Ranges = tuple[tuple[int, int], ...]
"""From the first on, up to before the second; in order, none of them empty, and none that touch."""

REMEMBERED = timedelta(days=400)
"""How long after its end a strip is known, so that a claw-back can tell what was spent from what expired."""


class Strip(Struct, frozen=True):
    expires_at: Instant | None = None
    length: int = 0
    """Of all lots that were ever on it."""
    taken: Ranges = ()
    """Spent, clawed back, or of a lot that is pending."""

    @property
    def ends(self) -> datetime:
        """Later than all for one that never expires."""
        return self.expires_at or LATEST

    @property
    def left(self) -> int:
        """As if it had not expired."""
        return self.length - sum(end - begin for begin, end in self.taken)

    def free(self, begin: int, end: int) -> Iterator[Stretch]:
        """What is not taken from `begin` up to before `end`, in its order."""
        for taken_from, taken_to in self.taken:
            if taken_from >= end:
                break
            if begin < taken_from:
                yield self.stretch(begin, taken_from)
            begin = max(begin, taken_to)
        if begin < end:
            yield self.stretch(begin, end)

    def stretch(self, begin: int, end: int) -> Stretch:
        return Stretch(amount=end - begin, begins=begin, expires_at=self.expires_at)

    def longer(self, stretch: Stretch) -> Strip:
        return replace(self, length=max(self.length, stretch.begins + stretch.amount))

    def without(self, stretch: Stretch) -> Strip:
        """With all of `stretch` taken, whatever of it was."""
        return replace(self, taken=_joined((*self.taken, _range(stretch))))

    def again_with(self, stretch: Stretch) -> Strip:
        """With nothing of `stretch` taken."""
        begin, end = _range(stretch)
        left: list[tuple[int, int]] = []
        for taken_from, taken_to in self.taken:
            left += (taken_from, min(taken_to, begin)), (max(taken_from, end), taken_to)
        return replace(self, taken=tuple(one for one in left if one[0] < one[1]))


def _range(stretch: Stretch) -> tuple[int, int]:
    return stretch.begins, stretch.begins + stretch.amount


def _joined(ranges: Ranges) -> Ranges:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if begin >= end:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return tuple(joined)


Strips = tuple[Strip, ...]
"""Those that expire first come first, and what never expires comes last."""


_ends = attrgetter("ends")


def find(strips: Strips, expires_at: datetime | None) -> Strip | None:
    """A few comparisons, however many there are: an account of years has hundreds."""
    ends = Strip(expires_at).ends
    place = bisect_left(strips, ends, key=_ends)
    return strips[place] if place < len(strips) and strips[place].ends == ends else None


def put(strips: Strips, strip: Strip) -> Strips:
    """In its place, or in that of the one with the same end."""
    place = bisect_left(strips, strip.ends, key=_ends)
    is_there = place < len(strips) and strips[place].ends == strip.ends
    return (*strips[:place], strip, *strips[place + is_there :])


def ended(strips: Strips, at: datetime) -> int:
    """How many have ended by then: they are the first."""
    return bisect_right(strips, at, key=_ends)


def following(strips: Strips, amount: int, expires_at: datetime | None) -> Stretch:
    """Where a new lot lies: behind all others that expire with it."""
    strip = find(strips, expires_at) or Strip(expires_at)
    return strip.stretch(strip.length, strip.length + amount)


def taken_first(strips: Strips, amount: int) -> tuple[Stretch, ...]:
    """The first `amount` that are free, in the order of their use; fewer where there are not as many."""
    found: list[Stretch] = []
    for strip in strips:
        for stretch in strip.free(0, strip.length):
            if not amount:
                return tuple(found)
            part = replace(stretch, amount=min(stretch.amount, amount))
            found.append(part)
            amount -= part.amount
    return tuple(found)


def split_at(stretches: Iterable[Stretch], amount: int) -> tuple[tuple[Stretch, ...], tuple[Stretch, ...]]:
    """The first `amount` tokens of them, and the others."""
    before: list[Stretch] = []
    after: list[Stretch] = []
    for stretch in stretches:
        head = min(stretch.amount, amount)
        amount -= head
        if head:
            before.append(replace(stretch, amount=head))
        if head < stretch.amount:
            after.append(replace(stretch, amount=stretch.amount - head, begins=stretch.begins + head))
    return tuple(before), tuple(after)


def total(stretches: Iterable[Stretch]) -> int:
    return sum(stretch.amount for stretch in stretches)
