"""What must follow a fact outside the ledger, for all policies together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from ledger.domains import DOMAINS
from ledger.effects import Effect
from ledger.email.policy import react as mail
from ledger.message import Recorded


class Policy(msgspec.Struct, frozen=True):
    """A rule of what must follow. Effects are stored under its `name`, which never changes."""

    name: str
    react: Callable[[Recorded], tuple[Effect, ...]]
    """Pure, and in a stable order: the outbox knows an effect by its index here, too."""
    at_leisure: bool = False
    """Always the worker's to deliver: no request waits for it."""


class Reaction(msgspec.Struct, frozen=True):
    """One effect of one fact, by one policy."""

    policy: str
    index: int
    effect: Effect


POLICIES: tuple[Policy, ...] = (
    *(Policy(domain.name, domain.react) for domain in DOMAINS if domain.react is not None),
    Policy("email", mail, at_leisure=True),
)
"""One that is added starts with the facts that come after it: see `projections.outbox`."""


def reactions(recorded: Recorded, *, at_leisure: bool = True) -> Iterator[Reaction]:
    """What every policy asks for, each effect with what the outbox knows it by. Not `at_leisure`: of those
    alone whose effects a request may deliver while its caller waits.
    """
    for policy in POLICIES:
        if at_leisure or not policy.at_leisure:
            for index, effect in enumerate(policy.react(recorded)):
                yield Reaction(policy.name, index, effect)


def react(recorded: Recorded) -> tuple[Effect, ...]:
    """What a request may deliver while its caller waits, in the order of the policies."""
    return tuple(reaction.effect for reaction in reactions(recorded, at_leisure=False))
