"""The books over HTTP: every number can be followed down to Stripe's objects."""

from __future__ import annotations

from typing import Any

from tests.api.support import Caller, Running, problem


async def _balances(caller: Caller) -> dict[str, int]:
    items = (await caller.get("/api/ledger/accounts")).json()["items"]
    return {item["account"]: item["balance_minor"] for item in items}


async def test_a_payment_and_a_refund_in_the_books(app: Running, student: Caller, admin: Caller) -> None:
    payment_id = (await student.pay(amount_minor=1000)).json()["payment_id"]
    await app.projected()
    assert await _balances(admin) == {"1010": 934, "4000": -1000, "6000": 66}
    await student.refund(payment_id, amount_minor=400)
    await app.projected()
    assert sum((await _balances(admin)).values()) == 0

    trial = (await admin.get("/api/ledger/trial-balance")).json()
    assert all(total["debit_minor"] == total["credit_minor"] for total in trial["totals"])
    early = (await admin.get("/api/ledger/trial-balance?at=2020-01-01T00:00:00Z&by=recorded")).json()
    assert early["items"] == []
    now = (await admin.get("/api/ledger/trial-balance?at=2100-01-01T00:00:00Z")).json()
    assert now["items"] == trial["items"]


async def test_entries_balance_and_can_be_filtered(app: Running, student: Caller, service: Caller) -> None:
    payment_id = (await student.pay(amount_minor=1000)).json()["payment_id"]
    await student.pay(currency="eur")
    await app.projected()
    entries = (await service.get("/api/ledger/entries")).json()["items"]
    assert len(entries) == 2
    for entry in entries:
        assert sum(leg["amount_minor"] for leg in entry["legs"]) == 0
        assert entry["source"].startswith("txn_")
    mine = (await service.get(f"/api/ledger/entries?stream=payment-{payment_id}")).json()["items"]
    assert [entry["stream"] for entry in mine] == [f"payment-{payment_id}"]
    assert (await service.get("/api/ledger/entries?account=6010")).json()["items"] == []
    assert len((await service.get("/api/ledger/entries?account=6000&limit=1")).json()["items"]) == 1


async def test_the_parts_of_a_balance_add_up_to_it_page_by_page(
    app: Running, student: Caller, admin: Caller
) -> None:
    for amount in (1000, 2000, 3000, 4000, 5000):
        await student.pay(amount_minor=amount)
    await app.projected()
    balance = (await _balances(admin))["1010"]

    parts: list[dict[str, Any]] = []
    path = "/api/ledger/explain?account=1010&currency=USD&limit=2"
    page = (await admin.get(path)).json()
    assert page["closing_minor"] == balance
    while True:
        assert (
            page["opening_minor"] + sum(part["amount_minor"] for part in page["parts"])
            == page["closing_minor"]
        )
        parts += page["parts"]
        if not page["has_more"]:
            break
        await student.pay(amount_minor=77)  # a new fact moves nothing
        await app.projected()
        following = (await admin.get(f"{path}&cursor={page['next_cursor']}")).json()
        assert following["closing_minor"] == page["opening_minor"]
        page = following
    assert page["opening_minor"] == 0
    assert sum(part["amount_minor"] for part in parts) == balance
    assert parts[0]["balance_after_minor"] == balance

    async with app.services.reading() as connection:
        for part in parts:
            query = "SELECT hash, stream, type FROM event_log WHERE position = %s"
            row = await (await connection.execute(query, (part["position"],))).fetchone()
            assert row == (part["hash"], part["stream"], part["type"])
            assert part["source"].startswith("txn_")


async def test_an_account_without_postings_is_explained_as_nothing(admin: Caller) -> None:
    page = (await admin.get("/api/ledger/explain?account=1000&currency=usd")).json()
    assert (page["closing_minor"], page["parts"], page["has_more"]) == (0, [], False)
    unknown = await admin.get("/api/ledger/explain?account=9999&currency=usd")
    assert (unknown.status_code, problem(unknown)["errors"][0]["parameter"]) == (422, "account")
    missing = await admin.get("/api/ledger/explain?currency=usd")
    assert missing.status_code == 422
