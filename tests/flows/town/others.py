"""Whoever else uses our Stripe account, and what Stripe itself moves in it."""

from __future__ import annotations

from typing import Any

from tests.api.stripe.accountant import Others
from tests.flows.town.room import Commons, Room


class OtherSystems(Room):
    STEPS = (
        *("charge", "charge_named", "give_back", "top_up", "take_back"),
        *("fee", "adjust", "reserve", "release", "pay_out"),
    )

    def __init__(self, commons: Commons) -> None:
        super().__init__(commons)
        self._others = Others(self._bench, self._world)
        self._topups: list[str] = []
        self._reserved = 0

    def _amount(self) -> int:
        return self._lot.randrange(100, 9_000)

    async def _charge(self) -> None:
        await self._others.charge(self._amount(), self._lot.choice(["usd", "eur"]))

    async def _charge_named(self) -> None:
        """As ours are, by another ledger or nobody knows whom."""
        named = {"payment_id": f"pay_{self._amount()}", "ledger_id": self._lot.choice(["another", ""])}
        metadata = {key: one for key, one in named.items() if one}
        await self._others.charge(self._amount(), metadata=metadata)

    async def _give_back(self) -> None:
        """Of anybody's."""
        if (charge := await self._any("charges", "succeeded")) is not None:
            left = charge.amount - charge.amount_refunded
            await self._others.refund(charge.id, self._part_of(left))

    async def _top_up(self) -> None:
        self._topups.append(self._others.top_up(self._amount()))

    async def _take_back(self) -> None:
        if self._topups:
            self._others.take_back(self._topups.pop())

    async def _fee(self) -> None:
        self._others.fee(self._amount())

    async def _adjust(self) -> None:
        self._others.adjust(self._lot.choice([1, -1]) * self._amount())

    async def _reserve(self) -> None:
        self._others.reserve(amount := self._amount())
        self._reserved += amount

    async def _release(self) -> None:
        if self._reserved:
            self._others.reserve(-self._reserved)
            self._reserved = 0

    async def _pay_out(self) -> None:
        balance: Any = await self._v1.balance.retrieve_async()
        if any(one.currency == "usd" and one.amount for one in balance.available):
            self._others.pay_out()
