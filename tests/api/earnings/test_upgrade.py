"""A ledger of a version that knew no earnings has those of all its sales, once somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger import policies
from projections.outbox import backfill
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.enrolments.test_returns import DISPUTED, bought, dispute_is_heard_of
from tests.api.support import Caller, until


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Until it is called this is the version before: without the policy, and facts do not say how a sale
    stands after them.
    """
    with monkeypatch.context() as before:
        known = tuple(one for one in policies.POLICIES if one.name != "earnings")
        for module in ("ledger.policies", "projections.outbox.starts", "projections.outbox.backfilling"):
            before.setattr(f"{module}.POLICIES", known)
        before.setattr("ledger.payments.sale.stakes", lambda *_: None)
        yield before.undo


async def owed(market: Market) -> dict[str, int]:
    await market.app.projected()
    root = market.app.caller("usr_root", "admin")
    totals = (await root.get("/api/earnings/owed")).json()["totals"]
    names = ("pending", "held", "owed", "booked")
    return {name: totals[0][f"{name}_minor"] if totals else 0 for name in names}


async def settled(market: Market, *, earned: bool) -> None:
    """Stripe's webhooks are heard, and all that waits is delivered: `earned` when that has earnings."""

    async def is_so() -> bool:
        found = await owed(market)
        in_books = -sum(
            amount for name, amount in (await market.balances()).items() if name == f"2100 {AUTHOR}"
        )
        return in_books == BOOKED[earned] and (not earned or found["owed"] == found["booked"] == in_books)

    await market.receive()
    async with market.working():
        await until(is_so)


SHARE = 4900 * 70 // 100
KEPT = 3900 * 70 // 100
"""Of a sale of which 10.00 were refunded."""
BOOKED = {False: SHARE + KEPT, True: 2 * SHARE + KEPT}


async def test_sales_of_the_version_before_are_earned_by_a_backfill(
    upgrade: Callable[[], None], market: Market, ann: Caller
) -> None:
    payment_id = await bought(market, await market.buyer("usr_bob"), DISPUTED)
    await dispute_is_heard_of(market, payment_id)
    first = await bought(market, ann)
    root = market.app.caller("usr_root", "admin")
    part: dict[str, Any] = {"amount_minor": 1000, "note": "No sound."}
    assert (await root.refund(first, **part)).status_code == 201
    await settled(market, earned=False)
    nobody_asked = {"pending": 0, "held": 0, "owed": 0, "booked": BOOKED[False]}
    assert await owed(market) == nobody_asked, "what is on its way is in the books"

    upgrade()
    await bought(market, await market.buyer("usr_eve"))
    await market.app.projected()
    shown = backfill(market.url, "earnings", 1)
    done = backfill(market.url, "earnings", 1, apply=True)
    assert done.effects == shown.effects == {"earnings.follow": 4}, "two sales, a dispute's money, a refund"
    await settled(market, earned=True)
    assert await owed(market) == {
        "pending": KEPT + SHARE,
        "held": SHARE,
        "owed": 2 * SHARE + KEPT,
        "booked": 2 * SHARE + KEPT,
    }
    own = await market.app.caller(AUTHOR, "instructor").get("/api/instructor/earnings/movements")
    kinds = [one["kind"] for one in own.json()["items"]]
    assert sorted(kinds) == ["held", "refund", "sale", "sale", "sale"]
