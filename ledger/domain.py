"""What one domain is to the others: each says it in its `domain.py`, and `domains.py` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ledger.effects import Effect
from ledger.entries import Entries
from ledger.message import AnyDecider, Command, Origin, Recorded
from ledger.stream import StreamKind


class Domain(Struct, frozen=True, kw_only=True):
    """One kind of stream: its rules, who may use them, and what follows from its facts."""

    name: str
    """As its folder's. The outbox keeps effects under it, so it never changes."""
    stream: StreamKind
    decider: AnyDecider
    may_send: Mapping[type[Command], frozenset[str]]
    """For each command of the decider the roles of which its sender has one."""
    check_sender: Callable[[Command, Origin], None] | None = None
    """What a role alone does not tell: raises `Forbidden` for a command that it is not enough for."""
    react: Callable[[Recorded], tuple[Effect, ...]] | None = None
    """What must follow outside the ledger; None when nothing ever does. Asked for the facts of all domains.
    Pure, and in a stable order: the outbox knows an effect by its index here, too."""
    entries: Entries | None = None
    """How its facts stand in the books; None when they move no money."""
