"""The rules of one user's visibility: it is theirs to say."""

from __future__ import annotations

from ledger.message import Decider
from ledger.visibility.commands import SetVisibility, VisibilityCommand
from ledger.visibility.events import VisibilityChanged, VisibilityEvent
from ledger.visibility.state import Standing, evolve
from ledger.visibility.stream import stream_of


def decide(command: VisibilityCommand, standing: Standing) -> tuple[VisibilityEvent, ...]:
    if command.visibility == standing.visibility:
        return ()
    return (VisibilityChanged(user_id=command.user_id, visibility=command.visibility),)


def stream(command: VisibilityCommand) -> str:
    return stream_of(command.user_id)


VISIBILITY: Decider[VisibilityCommand, Standing, VisibilityEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Standing(),
    commands=(SetVisibility,),
    events=(VisibilityChanged,),
)
