"""How far a learner is in a course, by attempt."""

from __future__ import annotations

from msgspec import Struct

from ledger.persistent import PersistentMap


class Progress(Struct, frozen=True):
    bp: int = 0
    """In basis points of the whole course."""


class Learning(Struct, frozen=True):
    attempts: PersistentMap[Progress] = PersistentMap()
    """By enrolment id."""

    def of(self, enrolment_id: str) -> Progress:
        return self.attempts.get(enrolment_id, Progress())
