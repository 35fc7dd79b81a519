"""What commands would come to, decided as the store does it, with nothing appended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from ledger import permissions
from ledger.domains import decider_of
from ledger.errors import IdempotencyMismatch
from ledger.message import Command, Decider, Event, Metadata, Origin, Outcome, Recorded
from ledger.store.store import Store

S = TypeVar("S")


class Rehearsal:
    """Stands in for a store: a command is decided on what is recorded and on what those before it would have
    recorded. Its facts have no position, as only the ledger gives one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.ledger_id = store.ledger_id
        self._states: dict[str, Any] = {}
        self._facts: dict[str, list[Recorded]] = {}
        self._commands: dict[str, tuple[Recorded, ...]] = {}

    async def state(self, decider: Decider[Any, S, Any], stream: str) -> S:
        if stream in self._states:
            known: S = self._states[stream]
            return known
        return await self._store.state(decider, stream)

    async def read_stream(self, stream: str, after: int = 0) -> list[Recorded]:
        """With what would have been recorded, at the end."""
        return [*await self._store.read_stream(stream, after), *self._facts.get(stream, ())]

    async def find_command(self, command_id: str) -> tuple[Recorded, ...]:
        return self._commands.get(command_id) or await self._store.find_command(command_id)

    async def handle(self, command: Command, origin: Origin) -> Outcome:
        """Raises what `Store.handle` raises, but for what comes of others who write at the same time."""
        permissions.check(command, origin)
        decider = decider_of(type(command))
        stream = decider.stream(command)
        state = await self.state(decider, stream)
        if known := await self.find_command(command.command_id):
            if known[0].metadata.command_digest != command.digest():
                raise IdempotencyMismatch("this command id was used for another payload")
            return Outcome(known[-1].position, known, state, repeated=True)
        facts = tuple(_fact(stream, event, command, origin) for event in decider.decide(command, state))
        for fact in facts:
            state = decider.evolve(state, fact.event)
        if facts:
            self._states[stream] = state
            self._facts.setdefault(stream, []).extend(facts)
            self._commands[command.command_id] = facts
        return Outcome(0, facts, state)


def _fact(stream: str, event: Event, command: Command, origin: Origin) -> Recorded:
    at: datetime = command.effective_at
    metadata = Metadata(
        actor=origin.actor,
        command=command.NAME,
        command_digest=command.digest(),
        effective_at=at,
        roles=tuple(sorted(origin.roles)),
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
        on_behalf_of=origin.on_behalf_of,
    )
    return Recorded(0, stream, 0, event, metadata, at, command.command_id)
