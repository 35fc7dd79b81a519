from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.operations.health import examine
from api.sandbox.resources import disputes
from tests.api.enrolments.conftest import Market
from tests.api.support import Caller, until


async def listed(market: Market, **query: Any) -> list[dict[str, Any]]:
    boss = market.app.caller("usr_boss", "admin")
    answer = await boss.get("/api/disputes", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def told(market: Market, wanted: list[str]) -> None:
    """Once all of Stripe's webhooks were applied."""

    async def is_so() -> bool:
        await market.hurry()
        return [one["status"] for one in await listed(market)] == wanted

    async with market.working():
        await market.receive()
        await until(is_so)


async def test_disputes_are_listed_until_when_they_can_be_answered(market: Market, ann: Caller) -> None:
    paid = (await ann.pay("pm_card_createDispute")).json()
    assert (await ann.subscribe("pro", "pm_card_visa")).status_code == 201
    charges = (await market.stripe.client.v1.charges.list_async()).data
    of_invoice = next(one.id for one in charges if one.amount == 999)
    market.bench.dispute(of_invoice, inquiry=True)
    await told(market, ["warning_needs_response", "needs_response"])
    inquiry, chargeback = await listed(market)
    assert (chargeback["payment_id"], chargeback["invoice_id"]) == (paid["payment_id"], "")
    assert (inquiry["payment_id"], inquiry["amount_minor"], inquiry["days_left"]) == ("", 999, 8)
    assert inquiry["invoice_id"].startswith("in_")
    assert [one["dispute_id"] for one in await listed(market, payment_id=paid["payment_id"])] == [
        chargeback["dispute_id"]
    ]
    assert await listed(market, status="won") == []
    assert len(await listed(market, due_before=chargeback["opened_at"])) == 0
    boss = market.app.caller("usr_boss", "admin")
    assert (await boss.get(f"/api/disputes/{inquiry['dispute_id']}")).json() == inquiry
    assert (await boss.get("/api/disputes/du_none")).status_code == 404
    await answered(market, chargeback["dispute_id"])


async def answered(market: Market, dispute_id: str) -> None:
    """What is due soon and not answered is worrying; what was answered waits for nobody."""
    market.bench.advance(timedelta(days=7))
    market.stripe.clock.follow(market.bench.now())
    health = await examine(market.app.services)
    assert (health.disputes_unanswered, health.disputes_due_soon) == (2, 2)
    assert "2 disputes are to be answered within 3 days, or are lost" in health.worrying
    evidence: Any = {"uncategorized_text": "It was learnt to its end."}
    market.bench.does(lambda tx: disputes.update(tx, dispute_id, disputes.Update(evidence=evidence)))
    await told(market, ["warning_needs_response", "under_review"])
    assert [one["days_left"] for one in await listed(market)] == [1, None]
    health = await examine(market.app.services)
    assert (health.disputes_unanswered, health.disputes_due_soon) == (1, 1)
