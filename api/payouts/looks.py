"""What is looked at before a payout is asked for: the account that it goes to, and the platform's funds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from psycopg import AsyncConnection

from ledger import money
from ledger.earnings.commands import RequestPayout, RetryPayout
from ledger.earnings.decider import EARNINGS
from ledger.earnings.events import PayoutReserved
from ledger.earnings.refusals import PlatformShort
from ledger.earnings.state import Earnings, day_of
from ledger.earnings.terms import MINIMUM_PAYOUT_MINOR
from ledger.message import Origin
from projections.queries.payouts import reserved, waiting


class Looking(Protocol):
    """`StripeGateway` does it. Both raise Postponed when Stripe does not answer."""

    async def account_to_pay(self, user_id: str, currency: str, origin: Origin) -> str:
        """Raises `AccountNotPayable` and `AccountBelowZero`. Afterwards less may be available: what a
        restored ledger has forgotten of what was paid there is recorded.
        """
        ...

    async def platform_available(self) -> Mapping[str, int]: ...


class Funds:
    """Of the platform at Stripe, as payouts are given of them: whole ones, in their order."""

    def __init__(self, free: Mapping[str, int]) -> None:
        self._free = Counter(free)
        self._short: set[str] = set()

    def take(self, amount_minor: int, currency: str) -> None:
        """Raises `PlatformShort`, also for all that come after one that did not fit."""
        if currency in self._short or amount_minor > self._free[currency]:
            self._short.add(currency)
            raise PlatformShort(
                "The platform's funds at Stripe do not cover it yet: it waits, and goes out whole."
            )
        self._free[currency] -= amount_minor


async def funds(conn: AsyncConnection[Any], looking: Looking) -> Funds:
    """What is available at Stripe, less what is reserved by payouts that are on their way."""
    free = Counter(await looking.platform_available())
    free.subtract(await reserved(conn))
    return Funds(free)


async def funds_for(
    conn: AsyncConnection[Any], looking: Looking, command: RequestPayout | RetryPayout
) -> Funds:
    """As `funds`, less what waits for them already: a payout that is asked for is before none that waits."""
    free, currency = await funds(conn, looking), command.currency
    for one in await waiting(conn, day_of(command.effective_at), currency, command.user_id):
        if one.user_id == command.user_id:
            break
        if one.available_minor >= MINIMUM_PAYOUT_MINOR:
            with suppress(PlatformShort):
                free.take(money.movable_minor(one.available_minor, currency), currency)
    return free


def payable(command: RequestPayout | RetryPayout, earnings: Earnings) -> int:
    """What the payout would be; 0 where that very one is there already. Raises the refusals of the rules."""
    decided = EARNINGS.decide(command, earnings)
    return sum(event.amount_minor for event in decided if isinstance(event, PayoutReserved))
