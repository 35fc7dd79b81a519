"""What is told of a fact outside: its own name, and those fields that are named. Never the fact itself."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.ids import derived_id
from ledger.message import Event, Recorded
from ledger.stream import StreamKind


class PublicEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event as everybody outside knows it."""

    event_id: str
    """Of the fact's command and place in its stream: the same whenever it is made again, and no other's."""
    type: str
    version: int
    """Of the data's form: raised when a field is taken away or comes to mean something else."""
    object_id: str
    """What it is about."""
    org_id: str
    """Whose organisation's it is; empty for what is the platform's alone."""
    data: dict[str, Any]
    """Texts, whole numbers, booleans and null; times as RFC 3339, amounts in minor units."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of fact is told: a list of what is, so that a field that is new in a fact stays inside."""

    fact: type[Event]
    type: str
    key: str
    """The name of the object's id in the data, such as `payment_id`."""
    stream: StreamKind | None = None
    """Whose name has the object's id, where no field of the fact has it."""
    within: tuple[str, StreamKind] | None = None
    """One more id that the stream's name has, and its name in the data."""
    fields: tuple[str, ...] = ()
    version: int = 1

    @property
    def members(self) -> tuple[str, ...]:
        """The names in the data, in their order."""
        within = (self.within[0],) if self.within else ()
        return (self.key, *within, *self.fields)

    def of(self, recorded: Recorded) -> PublicEvent:
        fact, stream = recorded.event, recorded.stream
        object_id = self.stream.id_of(stream) if self.stream else getattr(fact, self.key)
        within = {self.within[0]: self.within[1].id_of(stream)} if self.within else {}
        told = {name: getattr(fact, name) for name in self.fields}
        return PublicEvent(
            event_id=derived_id("evt", recorded.command_id, stream, str(recorded.version)),
            type=self.type,
            version=self.version,
            object_id=object_id,
            org_id=getattr(fact, "org_id", ""),
            data=msgspec.to_builtins({self.key: object_id, **within, **told}),
        )
