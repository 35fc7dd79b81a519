"""Finance sees what moved at Stripe by nothing of ours, and says what it was."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.ids import new_id
from ledger.message import Origin
from ledger.unclaimed.commands import ClaimMovement
from ledger.unclaimed.stream import stream_of
from tests.api.support import Caller, Running, problem
from tests.ledger.unclaimed_examples import moved

WORKER = Origin(actor="worker", roles=frozenset({"system"}))
PATH = "/api/webhooks/unexplained"


async def found(app: Running, **changes: Any) -> str:
    """One more movement: its id."""
    movement_id = f"txn_{new_id('x').removeprefix('x_')}"
    command = moved(**changes)
    entry = replace(command.balance_transaction, balance_transaction_id=movement_id)
    command = replace(command, command_id=f"unclaimed:{movement_id}", balance_transaction=entry)
    await app.services.store.handle(command, WORKER)
    await app.projected()
    return movement_id


async def decide(who: Caller, movement_id: str, verb: str, **body: Any) -> Any:
    return await who("POST", f"{PATH}/{movement_id}/{verb}", key=new_id("key"), json=body)


async def test_it_is_listed_until_it_is_explained_and_again_when_that_is_withdrawn(
    app: Running, admin: Caller
) -> None:
    movement_id = await found(app)
    [listed] = (await admin.get(PATH)).json()["items"]
    assert listed["balance_transaction_id"] == movement_id
    assert (listed["net_minor"], listed["account"]) == (724, "1090")
    assert listed["age_s"] > 0
    explained = await decide(admin, movement_id, "explain", account="4000", note="The shop's")
    assert (explained.status_code, explained.json()["account"]) == (200, "4000")
    await app.projected()
    assert (await admin.get(PATH)).json()["items"] == []
    [shown] = (await admin.get(f"{PATH}?status=explained")).json()["items"]
    assert shown["note"] == "The shop's"
    withdrawn = await decide(admin, movement_id, "withdraw")
    assert withdrawn.json()["explained"] is False
    await app.projected()
    assert len((await admin.get(PATH)).json()["items"]) == 1
    assert (await admin.get(f"{PATH}/{movement_id}")).json()["status"] == "unexplained"
    for unknown in ("txn_never", "ch_1"):
        assert (await admin.get(f"{PATH}/{unknown}")).status_code == 404


async def test_an_explanation_is_dated_as_its_movement_audited_and_made_once(
    app: Running, admin: Caller
) -> None:
    movement_id = await found(app)
    body = {"account": "4000", "note": "The shop's"}
    key = new_id("key")
    first, again = [
        await admin("POST", f"{PATH}/{movement_id}/explain", key=key, json=body) for _ in range(2)
    ]
    assert first.json() == again.json()
    assert (await decide(admin, movement_id, "explain", **body)).status_code == 200
    facts = await app.services.store.read_stream(stream_of(movement_id))
    assert len(facts) == 2
    assert facts[1].metadata.actor == admin.user_id
    assert facts[1].metadata.effective_at == facts[0].metadata.effective_at


async def test_what_cannot_be_explained_is_refused_in_words(app: Running, admin: Caller) -> None:
    movement_id = await found(app)
    refused = await decide(admin, movement_id, "explain", account="2100", note="The shop's")
    assert (refused.status_code, problem(refused)["code"]) == (422, "account_not_explainable")
    unsaid = await decide(admin, movement_id, "explain", account="4000")
    assert (unsaid.status_code, problem(unsaid)["errors"][0]["pointer"]) == (422, "/note")
    blank = await decide(admin, movement_id, "explain", account="4000", note="\u200b")
    assert (blank.status_code, problem(blank)["code"]) == (422, "explanation_unsaid")
    assert (await decide(admin, movement_id, "explain", account="four", note="The shop's")).status_code == 422
    for unknown in ("txn_never", "ch_1"):
        assert (await decide(admin, unknown, "explain", account="4000", note="?")).status_code == 404
    claim = ClaimMovement(
        command_id=new_id("cmd"),
        effective_at=app.services.now(),
        balance_transaction_id=movement_id,
        claimed_by="payment-pay_1",
    )
    await app.services.store.handle(claim, WORKER)
    ours = await decide(admin, movement_id, "explain", account="4000", note="?")
    assert (ours.status_code, problem(ours)["code"]) == (409, "movement_known")
    assert "payment-pay_1" in problem(ours)["detail"]


async def test_a_reserve_of_which_one_side_is_missing_is_worrying(app: Running) -> None:
    words = {"kind": "reserve_hold", "reporting_category": "risk_reserved_funds"}
    await found(app, amount=-900, fee=0, **words)
    [worry] = [one for one in (await app.client.get("/readyz")).json()["worrying"] if "1090" in one]
    assert "one side is missing" in worry
    await found(app, amount=900, fee=0, balance_type="risk_reserved", **words)
    assert not any("1090" in one for one in (await app.client.get("/readyz")).json()["worrying"])


@pytest.mark.parametrize("kind", ["charge", "topup"])
async def test_what_is_unexplained_is_worrying_and_counted(app: Running, kind: str) -> None:
    await found(app, kind=kind, reporting_category=kind)
    health = (await app.client.get("/readyz")).json()
    told = [worry for worry in health["worrying"] if "unexplained" in worry]
    metrics = (await app.client.get("/metrics")).text
    if kind == "topup":
        assert (health["unexplained"], told) == (0, [])
        return
    assert health["unexplained"] == 1
    assert "1 movement at Stripe is unexplained, since today: see `liberation stripe unexplained`" in told
    assert "liberation_stripe_unexplained 1.0" in metrics
