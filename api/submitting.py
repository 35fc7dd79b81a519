"""A command recorded, and its effects delivered while its sender waits, who so has the answer at once.

Which effects follow is the policies' to say. Delivering them here is a shortcut: the outbox holds the same,
and the worker delivers them when this process dies first. What a delivery records may ask for more, as each
step of a sale does: of that, `FOLLOWED_ON` is delivered here too, and all else is the worker's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol, Self

import msgspec
import structlog

from api.stripe.delivery import Delivered
from ledger.effects import (
    AwardStreak,
    CreatePaymentIntent,
    CreateRefund,
    Effect,
    EndCollection,
    EndSubscriptionService,
    EnrolMember,
    EnrolRedeemer,
    FollowCompletion,
    FollowCouponUse,
    FollowEarnings,
    FollowOrderedCourse,
    FollowRedeemedCourse,
    FollowRedemption,
    FollowSale,
    HoldCouponUse,
    OpenPaymentPage,
    OpenSubscriptionPage,
    ReopenEnrolment,
    RestoreRedemption,
    RevokeOrderedCourse,
    RevokeRedeemedCourse,
    StartCoursePayment,
    StartLicencePayment,
    TellLicencePayment,
    kind_of,
)
from ledger.message import Command, Origin, Recorded
from ledger.policies import react
from ledger.store import Store
from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher
from projections import outbox

Make = Callable[[], Awaitable[Command]]

FOLLOWED_ON: frozenset[type[Any]] = frozenset(
    {
        StartCoursePayment,
        CreatePaymentIntent,
        OpenPaymentPage,
        OpenSubscriptionPage,
        CreateRefund,
        FollowSale,
        ReopenEnrolment,
        HoldCouponUse,
        FollowCouponUse,
        FollowEarnings,
        FollowCompletion,
        AwardStreak,
        FollowRedemption,
        RestoreRedemption,
        EnrolRedeemer,
        FollowRedeemedCourse,
        RevokeRedeemedCourse,
        EnrolMember,
        FollowOrderedCourse,
        RevokeOrderedCourse,
        StartLicencePayment,
        TellLicencePayment,
        EndSubscriptionService,
        EndCollection,
    }
)
"""What a request delivers of that which its deliveries ask for in turn: steps within the ledger, the first
call for a payment or a refund, and that no more is collected of what has ended. None asks Stripe again after
an unclear answer: to look one up is the worker's.
"""

log = structlog.get_logger()


class Deliverer(Protocol):
    """`StripeGateway` is one."""

    async def deliver_now(self, effect: Effect, origin: Origin, cause: Recorded) -> Delivered: ...


class Submitted(msgspec.Struct, frozen=True):
    """What a command recorded, and what came of its effects. Nothing recorded: it is as was asked already."""

    recorded: tuple[Recorded, ...]
    position: int
    """Of the last fact that is known to have come of it."""
    repeated: bool = False
    delivered: Delivered = Delivered()

    @property
    def headers(self) -> dict[str, str]:
        replayed = {"Idempotent-Replayed": "true"} if self.repeated else {}
        return {"Ledger-Position": str(self.position), **replayed}

    def seen(self, position: int) -> Submitted:
        """When the answer tells of all facts of the stream, the last of which is at `position`."""
        return msgspec.structs.replace(self, position=position)


class _Cause(msgspec.Struct):
    """A fact, and how many of its effects are still to be delivered."""

    fact: Recorded
    left: int


class Submitter:
    """`async with submitter:`; leaving waits for what is still being delivered."""

    def __init__(self, store: Store, deliverer: Deliverer, lane: QueryBatcher, patience_s: float) -> None:
        """`lane` need not wait for the disk. `patience_s` is how long a request waits for Stripe."""
        self._store = store
        self._deliverer = deliverer
        self._lane = lane
        self._patience_s = patience_s
        self.under_way: set[asyncio.Task[Delivered]] = set()
        """Deliveries that a request began, be it still waiting or not."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=self._patience_s)

    async def submit(self, command: Command, origin: Origin, *, begins: bool = False) -> Submitted:
        """Raises what `Store.handle` raises. `begins`: the command makes something whose id is derived from
        its own, so that when nothing is recorded it was taken up from Stripe, and this is a repeat.
        """
        outcome = await self._store.handle(command, origin)
        repeated = outcome.repeated or (begins and not outcome.recorded)
        return await self._followed(Submitted(outcome.recorded, outcome.position, repeated), origin)

    async def submit_once(
        self, command_id: str, make: Make, origin: Origin, *, begins: bool = False
    ) -> Submitted:
        """The command that `make` gives. When `command_id` did its work before, it is that work, and nothing
        is asked again: by now the same body could mean another command, as what it is about has changed.
        """
        recorded = await self._store.find_command(command_id)
        if recorded:
            repeat = Submitted(recorded, recorded[-1].position, repeated=True)
            return await self._followed(repeat, origin)
        return await self.submit(await make(), origin, begins=begins)

    async def _followed(self, submitted: Submitted, origin: Origin) -> Submitted:
        """By what its facts ask for, in their order, and then by what follows from that. The answer to the
        last one is the answer.
        """
        delivered, position = Delivered(), submitted.position
        waiting = deque(step for fact in submitted.recorded for step in _steps(fact, react(fact)))
        while waiting:
            effect, cause = waiting.popleft()
            delivered = await self._deliver(effect, origin, cause)
            for outcome in (delivered.outcome, delivered.invoice):
                if outcome is not None and outcome.recorded:  # else its position is anybody's
                    position = max(position, outcome.position)
            waiting.extend(_asked_in_turn(delivered))
        return msgspec.structs.replace(submitted, position=position, delivered=delivered)

    async def _deliver(self, effect: Effect, origin: Origin, cause: _Cause) -> Delivered:
        """Nothing when Stripe takes longer than a caller should wait: it goes on without."""
        task = asyncio.create_task(self._deliver_now(effect, origin, cause))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        done, _ = await asyncio.wait({task}, timeout=self._patience_s)
        if not done:
            log.warning("delivery_slow", effect=kind_of(effect))
            return Delivered()
        return task.result()

    async def _deliver_now(self, effect: Effect, origin: Origin, cause: _Cause) -> Delivered:
        delivered = await self._deliverer.deliver_now(effect, origin, cause.fact)
        if delivered.outcome is not None:
            cause.left -= 1
            if not cause.left:  # a fact is taken off the worker's hands as a whole
                self._lane.tell(DELIVERED_EARLY, cause.fact)
        return delivered


def _steps(fact: Recorded, effects: Sequence[Effect]) -> Iterator[tuple[Effect, _Cause]]:
    cause = _Cause(fact, len(effects))
    yield from ((effect, cause) for effect in effects)


def _asked_in_turn(delivered: Delivered) -> Iterator[tuple[Effect, _Cause]]:
    """All that a fact asks for, or nothing of it."""
    for fact in delivered.outcome.recorded if delivered.outcome else ():
        effects = react(fact)
        if all(type(effect) in FOLLOWED_ON for effect in effects):
            yield from _steps(fact, effects)


async def _delivered_early(connection: Connection, causes: Sequence[Recorded]) -> list[None]:
    for cause in causes:
        await outbox.delivered_early(connection, cause)
    return [None] * len(causes)


DELIVERED_EARLY: BatchedQuery[Recorded, None] = BatchedQuery(_delivered_early)
"""Takes it off the worker's hands. When this is lost, the worker finds that nothing is left to do."""
