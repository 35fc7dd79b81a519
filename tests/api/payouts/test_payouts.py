"""Payouts over HTTP: asked for by whom they go to, or for them, and seen."""

from __future__ import annotations

import pytest

from tests.api.payouts.conftest import School
from tests.api.support import problem


async def test_a_payout_is_of_all_that_is_available(school: School) -> None:
    ivy = await school.teacher("usr_ivy")
    await school.earn(ivy, 4_510)
    await school.earn(ivy, 9_000, available_in=3)
    made = await school.ask(ivy, "USD", key="pay")
    assert made.status_code == 201, made.text
    payout = made.json()
    assert (payout["amount_minor"], payout["status"], payout["attempt"]) == (4_510, "transferred", 1)
    assert payout["payout_id"].startswith("ipo_")
    assert (made.headers["location"], payout["reason"]) == (payout["url"], None)
    assert await school.listed(ivy) == [payout]
    assert (await ivy.get(payout["url"])).json() == payout
    again = await school.ask(ivy, "USD", key="pay")
    assert (again.json(), again.headers["idempotent-replayed"]) == (payout, "true")


async def test_what_keeps_a_payout_from_being_made_is_said_in_words(school: School) -> None:
    ivy = school.app.caller("usr_ivy", "instructor")
    await school.earn(ivy, 999)
    below = problem(await school.ask(ivy, key="pay"))
    assert (below["status"], below["code"]) == (409, "below_minimum")
    assert "9.99 USD are available" in below["detail"]
    await school.earn(ivy, 4_000)
    nowhere = problem(await school.ask(ivy, key="pay"))
    assert (nowhere["code"], "open one" in nowhere["detail"]) == ("account_not_payable", True)
    await school.teacher("usr_ivy", payable=False)
    assert "onboarding" in problem(await school.ask(ivy, key="pay"))["detail"]
    await school.teacher("usr_ivy")
    school.short(4_998)
    short = problem(await school.ask(ivy, key="pay"))
    assert (short["code"], "goes out whole" in short["detail"]) == ("platform_short", True)
    school.short(5_000)
    assert (await school.ask(ivy, key="pay")).status_code == 201
    assert await school.told(ivy) == ["payout_reserved", "payout_transferred"]


async def test_a_payout_of_unknown_outcome_holds_the_next_one_up(school: School) -> None:
    ivy = await school.teacher()
    await school.earn(ivy, 5_000)
    school.fake.connect.unclear.add(ivy.user_id)
    waits = await school.ask(ivy)
    assert (waits.status_code, waits.json()["status"]) == (202, "reserved")
    await school.earn(ivy, 5_000)
    next_one = problem(await school.ask(ivy))
    assert (next_one["status"], next_one["code"]) == (409, "payout_in_progress")
    assert waits.json()["payout_id"] in next_one["detail"]


@pytest.mark.parametrize("path", ["", "/recalls"])
async def test_what_is_no_currency_is_said_at_its_place(school: School, path: str) -> None:
    root = school.app.caller("usr_root", "admin")
    body = {"currency": "AAA", "user_id": "usr_ivy"}
    refused = await root("POST", f"/api/payouts{path}", key="k", json=body)
    assert refused.status_code == 422
    assert problem(refused)["errors"][0]["pointer"] == "/currency"


async def test_one_payout_is_made_a_day(school: School) -> None:
    ivy = await school.teacher()
    await school.earn(ivy, 5_000)
    await school.ask(ivy)
    await school.earn(ivy, 6_000)
    assert problem(await school.ask(ivy))["code"] == "payout_made_today"
    school.tomorrow()
    assert (await school.ask(ivy)).json()["amount_minor"] == 6_000


async def test_currencies_are_never_added(school: School) -> None:
    ivy = await school.teacher()
    await school.earn(ivy, 4_000, "usd")
    await school.earn(ivy, 1_500, "eur")
    await school.earn(ivy, 900, "gbp")
    assert [(await school.ask(ivy, each)).json()["amount_minor"] for each in ("usd", "eur")] == [4_000, 1_500]
    assert problem(await school.ask(ivy, "gbp"))["code"] == "below_minimum"
    assert [one["currency"] for one in await school.listed(ivy)] == ["eur", "usd"]
    assert [one["amount_minor"] for one in await school.listed(ivy, "?currency=USD")] == [4_000]


async def test_one_that_stripe_refused_is_tried_again(school: School) -> None:
    ivy = await school.teacher()
    await school.earn(ivy, 5_000)
    school.fake.connect.refuses = True
    refused = await school.ask(ivy)
    told = problem(refused)
    assert (refused.status_code, told["code"], told["payout"]["status"]) == (
        409,
        "payout_not_made",
        "blocked",
    )
    assert "did not cover it" in told["detail"]
    assert told["payout"]["reason"] == "balance_insufficient"
    url = told["payout"]["url"]
    await school.app.projected()
    await school.earn(ivy, 1_000)
    school.fake.connect.refuses = False
    again = await ivy("POST", f"{url}/retry", key="again", json={})
    assert (again.status_code, again.json()["amount_minor"], again.json()["attempt"]) == (201, 6_000, 2)
    over = problem(await ivy("POST", f"{url}/retry", key="more", json={}))
    assert (over["status"], over["code"]) == (409, "payout_not_blocked")


async def test_an_instructor_sees_their_own_alone_and_an_admin_everybodys(school: School) -> None:
    ivy, lou = await school.teacher(), await school.teacher()
    root = school.app.caller("usr_root", "admin")
    await school.earn(ivy, 5_000)
    made = (await school.ask(root, user_id=ivy.user_id)).json()
    assert (made["user_id"], made["status"]) == (ivy.user_id, "transferred")
    await school.app.projected()
    assert problem(await lou.get(made["url"]))["status"] == 404
    assert problem(await lou.get(f"/api/payouts?user_id={ivy.user_id}"))["status"] == 404
    assert problem(await school.ask(lou, user_id=ivy.user_id))["status"] == 404
    assert problem(await lou("POST", f"{made['url']}/retry", key="k", json={}))["status"] == 404
    assert (await root.get(made["url"])).json() == made
    assert await school.listed(root, f"?user_id={ivy.user_id}&status=transferred") == [made]
    assert await school.listed(root, f"?user_id={ivy.user_id}&status=blocked") == []


@pytest.mark.parametrize("payout_id", ["ipo_no", "po_1", "ipo_%00", "bank-statement"])
async def test_a_payout_that_is_none_is_not_found(school: School, payout_id: str) -> None:
    ivy = school.app.caller("usr_ivy", "instructor")
    assert problem(await ivy.get(f"/api/payouts/{payout_id}"))["status"] == 404


async def test_what_is_owed_back_is_recalled_by_admins(school: School) -> None:
    ivy, root = await school.teacher(), school.app.caller("usr_root", "admin")
    await school.earn(ivy, 7_000)
    await school.ask(ivy)
    body = {"user_id": ivy.user_id, "currency": "USD"}
    nothing = problem(await root("POST", "/api/payouts/recalls", key="back", json=body))
    assert (nothing["status"], nothing["code"]) == (409, "nothing_to_recall")
    await school.earn(ivy, -3_000, kind="refund")
    done = await root("POST", "/api/payouts/recalls", key="back", json=body)
    assert done.status_code == 201, done.text
    [recall] = done.json()["items"]
    assert (recall["amount_minor"], recall["status"], recall["reason"]) == (3_000, "reversed", None)
    [payout] = await school.listed(ivy)
    assert (payout["transferred_minor"], payout["recalled_minor"]) == (7_000, 3_000)
    again = await root("POST", "/api/payouts/recalls", key="back", json=body)
    assert again.json() == done.json()
    mine = await ivy("POST", "/api/payouts/recalls", key="back", json=body)
    assert mine.status_code == 403


async def test_after_a_restore_the_same_key_is_the_same_payout(school: School) -> None:
    """Its id derives from the key: what is asked of Stripe is the same as it was."""
    ivy = await school.teacher()
    await school.earn(ivy, 5_000)
    made = (await school.ask(ivy, key="pay")).json()
    [reserved] = [
        one
        for one in await school.store.read_stream(f"earnings-{ivy.user_id}-usd")
        if one.event.TYPE == "earnings.payout_reserved.v1"
    ]
    assert made["payout_id"] == school.app.services.id_of("ipo", reserved.command_id)
