"""What an account with many facts costs more than a new one: an award, and a redemption."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice

from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.ids import new_id
from ledger.message import Origin
from ledger.rewards import HELPFUL
from ledger.store import Store
from ledger.tokens.commands import AwardTokens, RedeemTokens, redemption_command_id
from ledger.tokens.following import Now, Source, terms_of
from tests.benchmarks.measure import Figure, interleaved

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
FEW, MANY = 1, 100_000
DAYS = 300
"""On which the old account was awarded something: as many strips. The new one has two."""
FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
LAST = FIRST + timedelta(days=DAYS)
GOAL = 1.5
TIMES = 40
"""Each command in a round."""
AT_ONCE = 1_000
_NUMBERS = count(MANY)


async def measure(url: str) -> list[Figure]:
    """`url` is the owner's, of a migrated database."""
    async with Store.open(url) as store:
        for facts in (FEW, MANY):
            commands = (_award(facts, number) for number in range(facts))
            while chunk := list(islice(commands, 512)):
                await asyncio.gather(*(store.handle(command, SYSTEM) for command in chunk))
        figures = [
            await _ratio("a further award", partial(_do, store, _award)),
            await _ratio("a redemption", partial(_do, store, _redeem)),
            await _at_once(store),
        ]
    async with Store.open(url, cached_streams=0) as store:
        figures.append(await _ratio("an award, of a stream never seen", partial(_do, store, _award)))
    return figures


def _award(facts: int, number: int) -> AwardTokens:
    return _award_to(f"usr_{facts}", number, FIRST + timedelta(days=min(number * DAYS // facts, DAYS)))


def _award_to(user_id: str, number: int, at: datetime = LAST) -> AwardTokens:
    """Of two tokens, without cap or limit."""
    source = Source(user_id, HELPFUL, f"rvw_{number}")
    plain = terms_of(HELPFUL, Now(at, "enterprise", DEFAULT_CATALOGUE))
    return AwardTokens(
        command_id=source.award_id(1),
        effective_at=at,
        user_id=source.user_id,
        rule=source.rule,
        source_ref=source.source_ref,
        terms=type(plain)(expires_at=plain.expires_at, parts=plain.parts, counted=False),
    )


def _redeem(facts: int, number: int) -> RedeemTokens:
    redemption_id = f"rdm_{facts}_{number}"
    return RedeemTokens(
        command_id=redemption_command_id(redemption_id),
        effective_at=LAST,
        user_id=f"usr_{facts}",
        redemption_id=redemption_id,
        reward_id="rwd_1",
        amount=1,
    )


async def _do(store: Store, make: Callable[[int, int], AwardTokens | RedeemTokens], facts: int) -> None:
    await store.handle(make(facts, next(_NUMBERS)), SYSTEM)


async def _at_once(store: Store) -> Figure:
    """All to the account with many facts, against one to each of as many new accounts."""

    async def rate(user: Callable[[], str]) -> float:
        awards = [_award_to(user(), next(_NUMBERS)) for _ in range(AT_ONCE)]
        start = time.perf_counter()
        await asyncio.gather(*(store.handle(award, SYSTEM) for award in awards))
        return AT_ONCE / (time.perf_counter() - start)

    rates = {"one": partial(rate, lambda: f"usr_{MANY}"), "each": partial(rate, lambda: new_id("usr"))}
    median = await interleaved(rates)
    ratio = median["each"] / median["one"]
    return Figure(
        name=f"an award, {AT_ONCE:,} at once to one with {MANY:,} facts",
        value=1000 / median["one"],
        unit="ms",
        baseline=f"to as many new accounts: {1000 / median['each']:.2f} ms",
        ratio=ratio,
        goal=f"≤ {GOAL}",
        met=ratio <= GOAL,
    )


async def _ratio(name: str, ask: Callable[[int], Awaitable[None]]) -> Figure:
    """Of the time with many facts to that with few."""

    async def rate(facts: int) -> float:
        start = time.perf_counter()
        for _ in range(TIMES):
            await ask(facts)
        return TIMES / (time.perf_counter() - start)

    median = await interleaved({str(facts): partial(rate, facts) for facts in (FEW, MANY)}, rounds=15)
    ratio = median[str(FEW)] / median[str(MANY)]
    return Figure(
        name=f"{name}, with {MANY:,} facts",
        value=1000 / median[str(MANY)],
        unit="ms",
        baseline=f"of a new account: {1000 / median[str(FEW)]:.1f} ms",
        ratio=ratio,
        goal=f"≤ {GOAL}",
        met=ratio <= GOAL,
    )
