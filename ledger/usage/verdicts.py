"""What became of each item of a batch, told from the facts that came of it and the state after them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ledger.message import Event
from ledger.usage.commands import Item, RecordUsage
from ledger.usage.counting import room, space
from ledger.usage.events import LevelMeasured, UsageCounted, UsersCounted
from ledger.usage.metrics import DISTINCT, LEVELS
from ledger.usage.sequences import has
from ledger.usage.state import Level, Usage

Verdict = Literal["counted", "known", "usage_exceeded", "total_too_large", "too_many_gaps"]
"""`known` was counted before; of a level, something newer is known. Of two reasons it is the one that is
further to the left.
"""


def verdicts(command: RecordUsage, facts: Iterable[Event], after: Usage) -> list[Verdict]:
    """In the order of the items."""
    new, found = _counted(facts), list[Verdict]()
    for item in command.items:
        if _key(command, item) in new:
            new.discard(_key(command, item))  # a second one of the batch is known
            found.append("counted")
        else:
            found.append(_refused(command, item, after))
    return found


def _key(command: RecordUsage, item: Item) -> int | str:
    return item.user_id if command.metric in DISTINCT else item.sequence


def _counted(facts: Iterable[Event]) -> set[int | str]:
    new: set[int | str] = set()
    for fact in facts:
        match fact:
            case UsageCounted():
                new.update(number for one in fact.sequences for number in range(one.first, one.last + 1))
            case UsersCounted():
                new.update(fact.users)
            case LevelMeasured():
                new.add(fact.sequence)
            case _:
                pass
    return new


def _refused(command: RecordUsage, item: Item, after: Usage) -> Verdict:
    if command.metric in DISTINCT:
        return "known" if item.user_id in after.users else "usage_exceeded"
    if command.metric in LEVELS:
        known = after.levels.get(command.source, Level(0, 0))
        if item.sequence <= known.sequence:
            return "known"
        return _too_much(command, item.quantity - known.level, after) or "usage_exceeded"
    ranges = after.counted.get(command.source, ())
    if has(ranges, item.sequence):
        return "known"
    return _too_much(command, item.quantity, after) or "too_many_gaps"


def _too_much(command: RecordUsage, more: int, after: Usage) -> Verdict | None:
    left = room(command.terms, after.taken)
    if left is not None and more > left:
        return "usage_exceeded"
    return "total_too_large" if more > space(command.terms, after.taken) else None
