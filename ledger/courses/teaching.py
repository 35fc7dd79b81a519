"""Who teaches a course: whom its author names is invited, and counts once they have accepted.

So nobody is an instructor unasked, with what follows from it: no right to buy, to review or to vote.
"""

from __future__ import annotations

from collections.abc import Collection

from ledger.split import Part


def counting(named: tuple[Part, ...], waiting: Collection[str], author: str) -> tuple[Part, ...]:
    """The parts that count while those who are `waiting` have not accepted: theirs are the author's."""
    held = sum(part.part_bp for part in named if part.user_id in waiting)
    if not held:
        return named
    kept = tuple(part for part in named if part.user_id not in waiting)
    if all(part.user_id != author for part in kept):
        return (*kept, Part(user_id=author, part_bp=held))
    return tuple(
        Part(user_id=part.user_id, part_bp=part.part_bp + held) if part.user_id == author else part
        for part in kept
    )


def names(named: tuple[str, ...], waiting: Collection[str], author: str) -> tuple[str, ...]:
    """As `counting`, of ids alone."""
    kept = tuple(one for one in named if one not in waiting)
    return kept if author in kept or len(kept) == len(named) else (*kept, author)
