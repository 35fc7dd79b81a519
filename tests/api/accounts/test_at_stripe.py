"""Connected accounts by Stripe's own SDK at the sandbox: whatever is lost, repeated or late, one account as
Stripe says."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import msgspec
import pytest
from stripe import StripeClient

from api.sandbox.faults import FaultKind
from api.sandbox.resources.connect import onboarding
from api.settings import Settings
from api.stripe.objects import EventData, EventObject, StripeEvent
from ledger.effects import CloseAccount, CreateAccount
from projections import live
from tests.api.accounts.conftest import ConnectStripe, Platform
from tests.api.support import problem, running

URLS = {"return_url": "https://teach.example/back", "refresh_url": "https://teach.example/again"}
ENDINGS: list[tuple[onboarding.Outcome, str, str]] = [
    ("complete", "enabled", ""),
    ("due", "enabled", ""),
    ("incomplete", "onboarding", "not finished"),
    ("pending", "restricted", "nothing is to be done"),
    ("restricted", "restricted", "the time for it is over"),
    ("payouts_disabled", "payouts_disabled", "the time for it is over"),
    ("rejected", "restricted", "for good"),
]


async def test_a_person_onboards_by_the_link_and_comes_back_to_an_answer(platform: Platform) -> None:
    at_stripe = await platform.opened()
    account: Any = await platform.stripe.client.v1.accounts.retrieve_async(at_stripe)
    assert account.metadata.to_dict()["user_id"] == "usr_ivy"
    assert account.controller.stripe_dashboard.type == "express"
    assert account.capabilities.to_dict() == {"transfers": "inactive"}
    link = (await platform.post("/onboarding", **URLS)).json()
    assert 290 <= link["lasts_s"] <= 300
    async with httpx.AsyncClient() as browser:
        assert "Complete" in (await browser.get(link["url"])).text
        done = await browser.post(link["url"], params={"outcome": "complete"})
    assert done.headers["location"] == URLS["return_url"]
    assert (await platform.seen())["status"] == "onboarding"
    refreshed = (await platform.ivy("POST", "/api/instructor/account/refresh", json={})).json()
    assert (refreshed["status"], refreshed["can_be_paid"], refreshed["requirements"]) == ("enabled", True, [])
    assert await platform.facts() == ["requested", "opened", "updated", "updated"]


@pytest.mark.parametrize(("outcome", "status", "why"), ENDINGS)
async def test_each_end_of_onboarding_is_told_by_its_webhooks(
    platform: Platform, outcome: onboarding.Outcome, status: str, why: str
) -> None:
    at_stripe = await platform.opened(outcome)
    await platform.receive(platform.events())
    seen = await platform.seen()
    assert (seen["status"], seen["can_be_paid"]) == (status, status == "enabled")
    assert why in (seen["why_not"] or "")
    assert (seen["deadline"] is not None) == (outcome == "due")
    wanted: Any = (await platform.stripe.client.v1.accounts.retrieve_async(at_stripe)).requirements
    told = {one["key"] for one in seen["requirements"]}
    assert told == {*wanted.currently_due, *wanted.past_due, *wanted.pending_verification}
    assert (await platform.row())[:2] == (status, at_stripe)


async def test_webhooks_twice_and_in_any_order_end_alike(platform: Platform) -> None:
    at_stripe = await platform.opened("restricted")
    platform.onboard(at_stripe, "payouts_disabled")
    platform.onboard(at_stripe, "complete")
    await platform.receive_shuffled(seed=7)
    assert (await platform.seen())["status"] == "enabled"
    assert Counter(await platform.facts())["updated"] == 2


async def test_a_webhook_that_was_lost_is_made_up_for_by_a_look(platform: Platform) -> None:
    await platform.opened("complete")
    refreshed = await platform.ivy("POST", "/api/instructor/account/refresh", json={})
    assert refreshed.json()["status"] == "enabled"


async def test_whoever_leaves_is_closed_and_may_open_another_one(platform: Platform) -> None:
    at_stripe = await platform.opened("complete")
    await platform.receive(platform.events())
    platform.leave(at_stripe)
    await platform.receive_shuffled(seed=3)
    seen = await platform.seen()
    assert (seen["status"], seen["can_be_paid"]) == ("closed", False)
    assert (await platform.account()).closed == "left"
    again = await platform.opened("complete")
    assert again != at_stripe
    await platform.receive(platform.events())
    assert (await platform.seen())["status"] == "enabled"


async def test_one_that_left_is_found_gone_by_a_look_and_by_a_link(platform: Platform) -> None:
    platform.leave(await platform.opened("complete"))
    link = await platform.post("/onboarding", **URLS)
    assert (link.status_code, problem(link)["code"]) == (409, "no_account")
    assert (await platform.seen())["status"] == "closed"
    platform.leave(await platform.opened("complete"))
    await platform.ivy("POST", "/api/instructor/account/refresh", json={})
    assert (await platform.seen())["status"] == "closed"


async def test_an_account_that_is_none_of_ours_is_left_alone(platform: Platform) -> None:
    create: Any = platform.stripe.client.v1.accounts.create_async
    theirs = await create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    platform.onboard(theirs.id, "complete")
    platform.leave(theirs.id)
    other = await create({"type": "express", "metadata": {"user_id": "usr_ivy", "ledger_id": "another"}})
    platform.onboard(other.id, "complete")
    await platform.receive(platform.events())
    assert await platform.facts() == []
    async with platform.app.services.reading() as connection:
        found = await (await connection.execute("SELECT DISTINCT result FROM webhooks")).fetchall()
    assert [result for (result,) in found] == ["ignored"]


async def test_the_payouts_of_an_account_are_not_the_platforms(platform: Platform) -> None:
    about = EventData(object=EventObject(object="payout", id="po_theirs"))
    event = StripeEvent(
        id="evt_theirs", type="payout.paid", created=1, livemode=False, data=about, account="acct_theirs"
    )
    await platform.receive([event])
    async with platform.app.services.reading() as connection:
        found = await (await connection.execute("SELECT result FROM webhooks")).fetchall()
    assert [result for (result,) in found] == ["ignored"]


@pytest.mark.parametrize("kind", ["disconnect_after", "error_after"])
async def test_an_answer_that_is_lost_is_found_out_and_there_is_one_account(
    platform: Platform, kind: FaultKind
) -> None:
    platform.bench.fault(kind, "/v1/accounts", times=3)
    waits = await platform.post(key="open", country="US")
    assert (waits.status_code, waits.json()["status"]) == (202, "onboarding")
    assert await platform.facts() == ["requested", "outcome_unknown"]
    await platform.worked()
    assert len(await platform.at_stripe()) == 1
    assert (await platform.seen())["stripe_account_id"] == (await platform.at_stripe())[0]


async def test_what_stripe_refuses_is_known_at_once(platform: Platform) -> None:
    made = await platform.post(country="TH")
    assert made.status_code == 201  # as a recipient
    platform.app.replace(
        settings=msgspec.structs.replace(platform.app.services.settings, stripe_country="KE")
    )
    lou = platform.app.caller("usr_lou", "instructor")
    refused = await lou("POST", "/api/instructor/account", key="k", json={"country": "US"})
    assert (refused.status_code, problem(refused)["code"]) == (409, "account_not_made")
    assert "service_agreement" in problem(refused)["detail"]
    again = (await lou.get("/api/instructor/account")).json()
    assert (again["status"], again["stripe_account_id"]) == ("none", None)


async def test_an_account_is_closed_at_stripe_when_its_balance_is_zero(platform: Platform) -> None:
    at_stripe = await platform.opened("complete")
    platform.adjust(at_stripe, 1_200)
    refused = await platform.post("/close")
    assert (refused.status_code, problem(refused)["code"]) == (409, "account_not_closed")
    assert "USD" in problem(refused)["detail"]
    assert at_stripe in await platform.at_stripe()
    platform.adjust(at_stripe, -1_200)
    closed = await platform.post("/close")
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert (await platform.account()).closed == "owner"
    await platform.receive_shuffled(seed=1)
    assert (await platform.seen())["status"] == "closed"


@pytest.mark.parametrize("step", [CreateAccount, CloseAccount])
async def test_wherever_it_is_cut_the_worker_goes_on(platform: Platform, step: type[Any]) -> None:
    """As if the process died before the step was delivered."""
    platform.stripe.gateway.dies_at = step
    assert (await platform.post(country="US")).status_code == (202 if step is CreateAccount else 201)
    platform.stripe.gateway.dies_at = step
    if step is CloseAccount:
        waits = await platform.post("/close")
        assert (waits.status_code, waits.json()["closing"]) == (202, True)
    await platform.worked()
    assert len(await platform.at_stripe()) == (1 if step is CreateAccount else 0)
    assert (await platform.seen())["status"] == ("onboarding" if step is CreateAccount else "closed")


async def test_the_answer_to_a_closing_is_lost_and_it_is_closed_all_the_same(platform: Platform) -> None:
    at_stripe = await platform.opened("complete")
    platform.bench.fault("disconnect_after", f"/v1/accounts/{at_stripe}", method="DELETE", times=3)
    waits = await platform.post("/close")
    assert (waits.status_code, waits.json()["closing"]) == (202, True)
    await platform.worked()
    assert ((await platform.seen())["status"], await platform.at_stripe()) == ("closed", [])


async def test_one_that_a_restored_ledger_forgot_is_taken_up_by_its_next_webhook(platform: Platform) -> None:
    """Whose it is, it names itself."""
    kept: Any = await platform.stripe.client.v1.accounts.retrieve_async(await platform.opened())
    assert set(kept.metadata.to_dict()) == {"account_id", "user_id", "ledger_id"}
    named = {**kept.metadata.to_dict(), "user_id": "usr_kim", "account_id": "acn_lost"}
    create: Any = platform.stripe.client.v1.accounts.create_async
    wish = {"type": "express", "capabilities": {"transfers": {"requested": True}}, "metadata": named}
    at_stripe = (await create(wish)).id
    platform.onboard(at_stripe, "complete")
    await platform.receive(platform.events())
    assert await _seen_by(platform, "usr_kim") == ("enabled", at_stripe)


@pytest.mark.parametrize("account_id", ["acn_lost", ""])
async def test_an_account_that_names_somebody_else_stays_its_owners(
    platform: Platform, account_id: str
) -> None:
    at_stripe = await platform.opened("complete")
    kept: Any = await platform.stripe.client.v1.accounts.retrieve_async(at_stripe)
    metadata = kept.metadata.to_dict()
    lying = {**metadata, "user_id": "usr_kim", "account_id": account_id or metadata["account_id"]}
    await platform.stripe.client.v1.accounts.update_async(at_stripe, {"metadata": lying})
    await platform.receive(platform.events())
    assert await _seen_by(platform, "usr_kim") == ("none", None)
    assert (await platform.account()).stripe_account_id == at_stripe


async def test_another_account_that_says_that_it_is_the_owners_changes_nothing(platform: Platform) -> None:
    at_stripe = await platform.opened("restricted")
    await platform.receive(platform.events())
    kept: Any = await platform.stripe.client.v1.accounts.retrieve_async(at_stripe)
    create: Any = platform.stripe.client.v1.accounts.create_async
    wish = {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    other = await create({**wish, "metadata": kept.metadata.to_dict()})
    platform.onboard(other.id, "complete")
    await platform.receive(platform.events())
    assert await _seen_by(platform, "usr_ivy") == ("restricted", at_stripe)


async def _seen_by(platform: Platform, user_id: str) -> tuple[str, str | None]:
    caller = platform.app.caller(user_id, "instructor")
    seen = (await caller.get("/api/instructor/account")).json()
    return seen["status"], seen["stripe_account_id"]


async def test_rebuilt_tables_are_as_the_live_ones(platform: Platform, database_url: str) -> None:
    at_stripe = await platform.opened("restricted")
    await platform.receive(platform.events())
    platform.onboard(at_stripe, "complete")
    await platform.receive(platform.events())
    await platform.post("/close")
    await platform.app.projected()
    checked = await asyncio.to_thread(live.check, database_url, ["accounts"])
    assert checked.differences == (), checked


@pytest.mark.parametrize("keys", [("one", "one"), ("one", "two")])
async def test_two_processes_that_are_asked_at_once_make_one_account(
    platform: Platform, settings: Settings, client: StripeClient, database_url: str, keys: tuple[str, str]
) -> None:
    async with running(settings, database_url, ConnectStripe(client, database_url)) as other:
        ivy_there = other.caller("usr_ivy", "instructor")
        asked = zip((platform.ivy, ivy_there), keys, strict=True)
        answers = await asyncio.gather(
            *(who("POST", "/api/instructor/account", key=key, json={"country": "US"}) for who, key in asked)
        )
        await platform.worked()
    assert len(await platform.at_stripe()) == 1
    assert (await platform.facts()).count("requested") == 1
    assert (await platform.seen())["status"] == "onboarding"
    made = [one for one in answers if one.status_code in {201, 202}]
    assert len(made) == (2 if keys[0] == keys[1] else 1)
    assert {problem(one)["code"] for one in answers if one not in made} <= {
        "account_in_progress",
        "account_exists",
    }
