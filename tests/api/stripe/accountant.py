"""Whoever else uses our Stripe account, and the sweep that keeps the books whole all the same."""

from __future__ import annotations

from typing import Any

import msgspec

from api.background.balance_sweep import BalanceSweep
from api.sandbox.resources import account_money, payouts, topups
from api.stripe.movements.claiming import Claims, record_movement_funds
from tests.api.stripe.world import Bench, World

_HELD = """
    SELECT currency, sum(debit_minor - credit_minor)::bigint AS held
    FROM balances
    WHERE account IN ('1010', '1011', '1012')
    GROUP BY currency
"""
_ENTRIES = """
    SELECT source, stream
    FROM entries
    WHERE source LIKE 'txn%' AND type NOT LIKE '%.funds_available.v1'
        AND (stream NOT LIKE 'unclaimed-%' OR type = 'unclaimed.found.v1')
"""
_CLAIMED = "SELECT balance_transaction_id FROM unclaimed WHERE status = 'claimed'"
_ACCOUNT = """
    SELECT sum(debit_minor - credit_minor)::bigint AS held
    FROM balances
    WHERE account = '{}' AND currency = 'usd'
"""


class Accountant:
    """Of one world: what its worker does by the clock, step by step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sweep = BalanceSweep(world.client, world.gateway, world.clock)
        self._claims = Claims(world.store)

    async def sweep(self) -> int:
        """Also what follows from it. Answers how many movements were recorded as nobody's."""
        await self._world.project()
        found = await self._sweep(self._world.conn)
        await self.claim()
        return found

    async def claim(self) -> int:
        await self._world.settle()
        claimed = await self._claims(self._world.conn)
        await record_movement_funds(self._world.conn, self._world.store, self._world.clock)
        await self._world.make_funds_available()
        return claimed

    def starts_again(self) -> None:
        """Another process: what the last one had in memory is gone."""
        self._sweep = BalanceSweep(self._world.client, self._world.gateway, self._world.clock)
        self._claims = Claims(self._world.store)

    async def held(self, account: str) -> int:
        [row] = await self._world.rows(_ACCOUNT.format(account))
        return row["held"] or 0

    async def unclaimed(self) -> list[dict[str, Any]]:
        return await self._world.rows("SELECT * FROM unclaimed ORDER BY position")

    async def check(self) -> None:
        """Cash is Stripe's in every currency, and each balance transaction has one entry that holds."""
        listed = await every_movement(self._world)
        net: dict[str, int] = {}
        for one in listed:
            net[one["currency"]] = net.get(one["currency"], 0) + one["net"]
        held = {row["currency"]: row["held"] for row in await self._world.rows(_HELD)}
        assert {name: sum_ for name, sum_ in held.items() if sum_} == {
            name: sum_ for name, sum_ in net.items() if sum_
        }
        claimed = {row["balance_transaction_id"] for row in await self._world.rows(_CLAIMED)}
        standing = [
            row["source"]
            for row in await self._world.rows(_ENTRIES)
            if row["source"] not in claimed or not row["stream"].startswith("unclaimed-")
        ]
        assert sorted(standing) == sorted(one["id"] for one in listed)


async def every_movement(world: World) -> list[dict[str, Any]]:
    page = await world.client.v1.balance_transactions.list_async({"limit": 100})
    return [one.to_dict() async for one in page.auto_paging_iter()]


class Others:
    """What is done in our account by nothing of ours."""

    def __init__(self, bench: Bench, world: World) -> None:
        self._bench, self._world = bench, world

    async def charge(self, amount: int = 777, currency: str = "usd", **more: Any) -> dict[str, Any]:
        """By another integration; `metadata` may look like ours."""
        params = {
            "amount": amount,
            "currency": currency,
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "capture_method": "automatic",
            "confirm": True,
        }
        made = await self._world.client.v1.payment_intents.create_async(params | more)  # type: ignore[arg-type]
        return made.to_dict()

    async def refund(self, charge_id: str, amount: int) -> str:
        made = await self._world.client.v1.refunds.create_async({"charge": charge_id, "amount": amount})
        return made.id

    def top_up(self, amount: int, currency: str = "usd") -> str:
        def act(tx: Any) -> Any:
            made = topups.create(tx, msgspec.convert({"amount": amount, "currency": currency}, topups.Create))
            return topups.end(tx, made, "succeeded")

        return str(self._bench.does(act)["id"])

    def take_back(self, topup_id: str) -> None:
        self._bench.does(lambda tx: topups.end(tx, tx.get("topup", topup_id), "reversed"))

    def fee(self, amount: int) -> None:
        self._bench.does(lambda tx: account_money.charge_fee(tx, amount, "usd", "Billing: Radar"))

    def adjust(self, amount: int) -> None:
        self._bench.does(lambda tx: account_money.adjust(tx, amount, "usd"))

    def reserve(self, amount: int) -> None:
        self._bench.does(lambda tx: account_money.reserve(tx, amount, "usd"))

    def pay_out(self) -> str:
        """All that there is, or what is missing from the bank."""
        return str(self._bench.does(lambda tx: payouts.pay_out_all(tx, "usd"))["id"])
