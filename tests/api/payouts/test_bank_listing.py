"""Payouts to the bank over HTTP: the owner's own, and an admin's look at anybody's."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.bank_payouts.commands import RecordBankPayoutSnapshot
from ledger.message import Origin
from tests.api.support import Running, problem
from tests.ledger.bank_payout_examples import seen

STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))
PATH = "/api/payouts/bank"


async def recorded(app: Running, *looks: RecordBankPayoutSnapshot) -> None:
    for look in looks:
        await app.services.store.handle(look, STRIPE)
    await app.projected()


async def listed(app: Running, query: str = "", user_id: str = "usr_ivy") -> dict[str, Any]:
    answer = await app.caller(user_id, "instructor").get(f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_each_status_is_shown_as_it_is(app: Running) -> None:
    await recorded(
        app,
        seen("pending", payout_id="po_1"),
        seen("paid", payout_id="po_2"),
        seen("failed", "declined", payout_id="po_3"),
        seen("canceled", payout_id="po_4"),
    )
    items = (await listed(app))["items"]
    assert [(one["payout_id"], one["status"]) for one in items] == [
        ("po_4", "canceled"),
        ("po_3", "bounced"),
        ("po_2", "arrived"),
        ("po_1", "in_transit"),
    ]
    assert [one["bounce"] is None for one in items] == [True, False, True, True]
    bounce = items[1]["bounce"]
    assert (bounce["failure_code"], bounce["was_arrived"]) == ("declined", False)
    assert bounce["why"] == "the bank declined it"
    assert bounce["remedy"].startswith("the money is yours and at Stripe: ask your bank to take it")
    only = (await listed(app, "?status=bounced"))["items"]
    assert [one["payout_id"] for one in only] == ["po_3"]


async def test_pages_follow_each_other_newest_first(app: Running) -> None:
    await recorded(app, *(seen("paid", payout_id=f"po_{number}") for number in range(5)))
    first = await listed(app, "?limit=3")
    assert ([one["payout_id"] for one in first["items"]], first["has_more"]) == (
        ["po_4", "po_3", "po_2"],
        True,
    )
    rest = await listed(app, f"?limit=3&cursor={first['next_cursor']}")
    assert ([one["payout_id"] for one in rest["items"]], rest["has_more"]) == (["po_1", "po_0"], False)


async def test_everybody_sees_their_own_and_an_admin_anybodys(app: Running) -> None:
    await recorded(app, seen("paid"))
    assert (await listed(app, user_id="usr_kim"))["items"] == []
    refused = await app.caller("usr_kim", "instructor").get(f"{PATH}?user_id=usr_ivy")
    assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")
    found = await app.caller("usr_admin", "admin").get(f"{PATH}?user_id=usr_ivy")
    assert [one["user_id"] for one in found.json()["items"]] == ["usr_ivy"]


@pytest.mark.parametrize("query", ["?status=lost", "?limit=0", "?cursor=x"])
async def test_what_cannot_be_asked_for_is_said(app: Running, query: str) -> None:
    refused = await app.caller("usr_ivy", "instructor").get(f"{PATH}{query}")
    assert refused.status_code == 422, refused.text
