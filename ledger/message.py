"""The words every domain speaks: commands, events, and what the store adds to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec

C = TypeVar("C", bound="Command")
S = TypeVar("S")
E = TypeVar("E", bound="Event")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time with a zone; written as RFC 3339."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants, at most once: the store records a `command_id` a single time."""

    command_id: str
    effective_at: Instant

    NAME: ClassVar[str]
    """Stable name for the audit trail and for permissions, e.g. `payments.request_refund`."""

    GENERATED: ClassVar[frozenset[str]] = frozenset()
    """Fields that are no part of `digest`: what follows from the intent, and what we look up for it. Facts of
    older versions, which drew ids anew, must still be known as the same intent's.
    """

    ADDED: ClassVar[frozenset[str]] = frozenset()
    """Fields that came with a later version: part of `digest` only where they say something, so that what was
    asked before is still known by its digest.
    """

    def digest(self) -> str:
        """Hex SHA-256 of the intent: equal for a repeat, different for another payload."""
        intent = msgspec.structs.asdict(self)
        for name in _INCIDENTAL | self.GENERATED:
            intent.pop(name, None)
        for name in self.ADDED:
            if not intent[name]:
                del intent[name]
        return hashlib.sha256(_encode((self.NAME, intent))).hexdigest()


_INCIDENTAL = frozenset({"command_id", "effective_at"})
_encode = msgspec.json.Encoder(order="deterministic").encode


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact. Never edited: a new field has a default, or there is a `.v2` and an `upcast`."""

    TYPE: ClassVar[str]
    """Stable and versioned, never a module path, e.g. `payments.succeeded.v1`."""

    def upcast(self) -> Event:
        """The newest form of this fact; old versions override it."""
        return self


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a command and on what occasion."""

    actor: str
    """A user's or service's opaque id, or `stripe`, `worker`, `operator`."""
    roles: frozenset[str] = frozenset()
    correlation_id: str = ""
    """The request's id, the same on all that one request caused."""
    causation_id: str = ""
    """What led to the command: a Stripe event's id or the position of a fact."""
    on_behalf_of: str = ""
    """The user for whom a service acts, whose `roles` are then meant; empty for who acts for themselves."""

    @property
    def sender(self) -> str:
        """Whose the command is: the actor's, or the user's for whom it acts."""
        return self.on_behalf_of or self.actor


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stored beside each event of a command; the same for all of them."""

    actor: str
    command: str
    command_digest: str
    effective_at: Instant
    """When it happened, by the command's or Stripe's clock; `recorded_at` is the database's."""
    roles: tuple[str, ...] = ()
    correlation_id: str = ""
    causation_id: str = ""
    on_behalf_of: str = ""
    """The user for whom a service, the actor, sent the command."""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event in its place: position in the ledger's total order, version in its stream."""

    position: int
    stream: str
    version: int
    event: Event
    metadata: Metadata
    recorded_at: datetime
    command_id: str

    @property
    def originator_id(self) -> str:
        """The stream, as the eventsourcing library calls it."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version, as the eventsourcing library calls it."""
        return self.version


class Decider(msgspec.Struct, Generic[C, S, E], frozen=True):
    """The rules of one kind of stream, after Jérémie Chassaing's Decider.

    `decide` refuses (raises `Refused`) or answers with events; `evolve` never fails, so that old
    history always loads, whatever the rules have become.
    """

    stream: Callable[[C], str]
    decide: Callable[[C, S], tuple[E, ...]]
    evolve: Callable[[S, E], S]
    initial: S
    commands: tuple[type[C], ...]
    events: tuple[type[E], ...]
    begins: tuple[type[C], ...] = ()
    """Commands that are normally a stream's first: decided on `initial` without a look at the store,
    which saves a round trip; the stream's version tells when it was not the first."""
    revision: int = 1
    """To be raised when `evolve` or an `upcast` comes to make something else of the same facts, without a
    change to the fields of state or facts: what was folded before is then forgotten."""


AnyDecider = Decider[Any, Any, Any]


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command."""

    position: int
    """Of its last event, or the ledger's head as this process last saw it when nothing happened."""
    recorded: tuple[Recorded, ...]
    state: Any
    """The stream's folded state after the command."""
    repeated: bool = False
    """True when an earlier sending of the same `command_id` did it."""
