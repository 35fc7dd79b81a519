"""Who leaves an organisation has no seat of its licences: inactive people hold none."""

from __future__ import annotations

from ledger.effects import Effect, FreeMemberSeats
from ledger.message import Recorded
from ledger.organisations.events import MemberLeft


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case MemberLeft(org_id=org_id, user_id=user_id):
            return (FreeMemberSeats(org_id, user_id, recorded.position),)
        case _:
            return ()
