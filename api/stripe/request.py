"""One request to Stripe that a fact asks for: called in time, and looked for when its answer was unclear.

What all of them share is here: what each kind of failure means, how long a call may be made, and when it is
given up. What a request calls, records and looks for is its own. All raise what a call to Stripe raises; the
gateway makes a later try of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, assert_never

import msgspec
import structlog

from api.stripe.delivery import (
    LAST_CALL,
    NEVER_REACHED,
    NEVER_REACHED_AFTER,
    STRIPE_ERRORS,
    Delivered,
    Postponed,
    Tools,
    age,
    recorder,
)
from api.stripe.failures import Failure, failure_of
from ledger.ids import new_id
from ledger.message import Command, Event, Origin, Recorded
from ledger.store import Store

Wish = TypeVar("Wish", bound=msgspec.Struct)
Answer = TypeVar("Answer")

log = structlog.get_logger()


class Asking(msgspec.Struct, Generic[Wish], frozen=True):
    """What Stripe is to do, as a fact or a state has it, and since when."""

    wish: Wish
    at: datetime


async def asking_in(
    store: Store, stream: str, cause: Recorded | None, wish_of: Callable[[Event], Wish | None]
) -> Asking[Wish]:
    """The fact of `stream` that `wish_of` knows. A first call follows from it: it is `cause`, when that is at
    hand. A resolution follows from the fact that says that the answer was unclear.
    """
    if cause is not None and (wish := wish_of(cause.event)) is not None:
        return Asking(wish, cause.metadata.effective_at)
    for fact in await store.read_stream(stream):
        if (wish := wish_of(fact.event)) is not None:
            return Asking(wish, fact.metadata.effective_at)
    raise Postponed(f"the ledger has nothing in {stream} that asks for this")


class StripeRequest(ABC, Generic[Wish, Answer]):
    """One that is called after a look that shows nothing of it: see `call_in_time`."""

    absent: ClassVar[str]
    """What such a look came to, for the operator: "Stripe knows no such refund"."""
    unknown_as: ClassVar[str]
    """How an unclear answer is called in the log."""

    def __init__(self, tools: Tools, asking: Asking[Wish], origin: Origin) -> None:
        self.tools = tools
        self.wish = asking.wish
        self.asked_at = asking.at
        self.origin = origin

    @property
    @abstractmethod
    def ids(self) -> Mapping[str, str]:
        """Of what the log tells of."""

    @property
    def lapses(self) -> bool:
        """Whether it is given up when Stripe has not done it in a day."""
        return True

    @abstractmethod
    async def call(self) -> Answer:
        """The same call each time, by its idempotency key."""

    @abstractmethod
    async def record(self, answer: Answer, /) -> Delivered:
        """What came of it, with what became of it since when the answer is not new."""

    @abstractmethod
    async def is_unknown(self) -> bool:
        """Whether it is recorded already that its answer was unclear."""

    @abstractmethod
    def unknown(self, cause: str) -> Command:
        """Records that it was."""

    @abstractmethod
    async def failed(self, failure: Failure) -> Delivered:
        """Records that Stripe did not do it."""

    async def refused(self, failure: Failure) -> Delivered:
        return await self.failed(failure)

    async def used(self, failure: Failure) -> Delivered:
        """Stripe knows the key by other parameters: those of another version of us, or of a request that a
        restored ledger has forgotten. Nothing is done by it again; the next look tells what was.
        """
        return await self.unclear(failure.code)

    async def unclear(self, cause: str) -> Delivered:
        """Recorded once. When it is known already, the outbox row that asked must stay, hence Postponed."""
        if await self.is_unknown():
            raise Postponed(f"Stripe: unclear ({cause})")
        log.warning(self.unknown_as, **self.ids, cause=cause)
        return await self.handle(self.unknown(cause))

    async def call_in_time(self) -> Delivered:
        """The call, or that it is too late for one; raises Postponed while nobody can tell."""
        waited = age(self.tools, self.asked_at)
        if self.lapses and waited > NEVER_REACHED_AFTER:
            return await self.failed(Failure(kind="refused", code=NEVER_REACHED))
        if self.lapses and waited > LAST_CALL:
            raise Postponed(f"{self.absent}; it is given up 24 hours after it was asked for")
        return await self.call_now()

    async def call_now(self) -> Delivered:
        """However late it is."""
        try:
            answer = await self.call()
        except STRIPE_ERRORS as error:
            failure = failure_of(error)
            match failure.kind:
                case "refused":
                    return await self.refused(failure)
                case "used":
                    return await self.used(failure)
                case "unclear":
                    return await self.unclear(failure.code)
                case "busy" | "misconfigured":
                    raise
                case _:
                    assert_never(failure.kind)
        return await self.record(answer)

    async def handle(self, command: Command, causation_id: str = "") -> Delivered:
        """In Stripe's name."""
        as_stripe = recorder(self.origin, causation_id)
        return Delivered(await self.tools.store.handle(command, as_stripe))

    def begun(self) -> dict[str, Any]:
        """The fields that every command begins with."""
        return {"command_id": new_id("cmd"), "effective_at": self.tools.clock.now()}


class DirectRequest(StripeRequest[Wish, Answer]):
    """One that is called without a look, as somebody waits for its answer."""

    @abstractmethod
    async def look(self) -> Delivered | None:
        """What came of it, recorded; None when Stripe shows nothing of it."""

    async def first_call(self) -> Delivered:
        if age(self.tools, self.asked_at) > LAST_CALL:
            # nobody who ordered yesterday expects to be charged now, and an earlier call may have got through
            return await self.look_up()
        return await self.call_now()

    async def look_up(self) -> Delivered:
        """Look first: a replay with the same key repeats the first answer, a 500 included, whatever happened
        since.
        """
        found = await self.look()
        return await self.call_in_time() if found is None else found

    async def used(self, failure: Failure) -> Delivered:
        found = await self.look()
        return await self.unclear(failure.code) if found is None else found
