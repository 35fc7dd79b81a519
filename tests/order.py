"""The order of the tests where several processes share them.

xdist gives each process an equal piece of the list to begin with, and who is done takes from the end of
another's. So each piece begins with whole services, and what is left for the end is quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

Test = TypeVar("Test")


def dealt(slow: Sequence[Sequence[Test]], quick: Sequence[Test], processes: int) -> Iterator[Test]:
    """`slow` is by file, and stays together: its tests share a service."""
    rest = iter(quick)
    left = sum(map(len, slow)) + len(quick)
    for process in range(processes):
        begun = list(chain.from_iterable(slow[process::processes]))
        piece = left // (processes - process)
        filled = [*begun, *islice(rest, max(0, piece - len(begun)))]
        left -= len(filled)
        yield from filled
    yield from rest
