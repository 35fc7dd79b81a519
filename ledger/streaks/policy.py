"""Activity follows what was learnt: a login is none, and nor is what was reported before."""

from __future__ import annotations

from ledger.effects import Effect, NoteActivity
from ledger.enrolments.learning.events import ProgressReported
from ledger.enrolments.stream import parts_of
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    if not isinstance(recorded.event, ProgressReported):
        return ()
    _, learner_id = parts_of(recorded.stream)
    return (NoteActivity(learner_id, recorded.metadata.effective_at),)
