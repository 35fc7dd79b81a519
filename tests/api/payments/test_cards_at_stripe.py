"""Saved cards, and the customers whose they are, as Stripe has them: saved, lost and erased."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from ledger.customers.events import CustomerGone, PaymentMethodSaved
from ledger.store import conninfo
from tests.api.at_stripe import AtStripe
from tests.api.conftest import OpenApp
from tests.api.support import Caller, Running, problem

METHODS = "/api/payment-methods"


@pytest.fixture
async def app(open_at_stripe: OpenApp) -> Running:
    return await open_at_stripe()


async def save(caller: Caller, card: str = "pm_card_visa", key: str = "card") -> Any:
    return await caller("POST", METHODS, key=key, json={"payment_method": card})


async def saved(caller: Caller) -> Any:
    answer = await caller.get(METHODS)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def kept(app: Running) -> str:
    """All that the database has in its tables."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'liberation'"
    owner = conninfo(app.services.database_url, role=None)
    async with await AsyncConnection.connect(owner, autocommit=True) as connection:
        found: list[str] = []
        for (name,) in await (await connection.execute(tables)).fetchall():
            rows = await connection.execute(SQL("SELECT t::text FROM {} AS t").format(Identifier(name)))
            found += [row[0] for row in await rows.fetchall()]
    return "\n".join(found)


def _hex(text: str) -> str:
    """As bytes are shown."""
    return text.encode().hex()


# saving


async def test_a_card_is_saved_by_a_setup_intent_that_its_cardholder_need_not_confirm(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    answer = await save(student)
    assert (answer.status_code, answer.json()["card"]["last4"]) == (201, "4242")
    again = await save(student)
    assert (again.status_code, again.json()) == (201, answer.json())
    (setup,) = (await at_stripe.client.v1.setup_intents.list_async()).data
    assert (setup.status, setup.usage, setup.payment_method) == (
        "succeeded",
        "off_session",
        answer.json()["payment_method"],
    )
    await at_stripe.settle()
    facts = await app.services.store.read_stream(f"customer-{student.user_id}")
    assert [type(fact.event) for fact in facts].count(PaymentMethodSaved) == 1


@pytest.mark.parametrize("how", ["webhook", "same request again"])
async def test_a_card_whose_bank_asks_is_saved_once_its_cardholder_confirmed(
    app: Running, student: Caller, at_stripe: AtStripe, how: str
) -> None:
    waits = await save(student, "pm_card_authenticationRequired")
    assert waits.status_code == 202, waits.text
    body = waits.json()
    assert body["status"] == "requires_action"
    assert body["next_action"]["client_secret"].startswith(body["setup_intent"])
    assert (await saved(student))["items"] == []
    assert "_secret_" not in await kept(app)
    at_stripe.authenticate(body["setup_intent"])
    if how == "webhook":
        await at_stripe.settle()
    else:
        assert (await save(student, "pm_card_authenticationRequired")).status_code == 201
    assert [one["payment_method"] for one in (await saved(student))["items"]] == [body["payment_method"]]


async def test_a_card_whose_cardholder_fails_the_check_is_refused_in_words(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    waits = (await save(student, "pm_card_authenticationRequired")).json()
    at_stripe.authenticate(waits["setup_intent"], "fail")
    refused = await save(student, "pm_card_authenticationRequired")
    assert refused.status_code == 422
    assert "The bank's check was not completed" in problem(refused)["detail"]
    await at_stripe.settle()
    assert (await saved(student))["items"] == []


async def test_a_card_that_was_removed_does_not_come_back_with_a_late_webhook(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    card = (await save(student)).json()["payment_method"]
    assert (await student("DELETE", f"{METHODS}/{card}")).status_code == 204
    await at_stripe.settle()
    assert (await saved(student))["items"] == []


async def test_a_stolen_card_is_not_told_to_be_one(app: Running, student: Caller) -> None:
    refused = await save(student, "pm_card_visa_chargeDeclinedStolenCard")
    assert refused.status_code == 422
    assert "stolen" not in refused.text


# a customer that is gone at Stripe


@pytest.mark.parametrize("how", ["webhook", "found out"])
async def test_a_user_whose_customer_was_deleted_is_told_so_and_goes_on_with_another(
    app: Running, student: Caller, at_stripe: AtStripe, how: str
) -> None:
    await save(student)
    before = await at_stripe.delete_customer(student.user_id)
    if how == "webhook":
        assert await at_stripe.settle() == []
    listed = await saved(student)
    assert listed["items"] == []
    assert listed["gone_at"] is not None
    assert (await save(student, key="again")).status_code == 201
    again = await saved(student)
    assert (len(again["items"]), "gone_at" in again) == (1, False)
    assert await at_stripe.customer_of(student.user_id) != before
    paid = await student.pay(again["items"][0]["payment_method"])
    assert paid.status_code == 201, paid.text


@pytest.mark.parametrize("how", ["webhook", "found out"])
async def test_whatever_is_bought_first_after_the_loss_works_with_a_new_card(
    app: Running, student: Caller, at_stripe: AtStripe, how: str
) -> None:
    old = (await save(student)).json()["payment_method"]
    await at_stripe.delete_customer(student.user_id)
    if how == "webhook":
        await at_stripe.settle()
    refused = await student.pay(old)
    assert refused.status_code == 402
    assert "cannot be used again" in problem(refused)["detail"]
    paid = await student.pay("pm_card_visa", save_payment_method=True)
    assert (paid.status_code, paid.json()["status"]) == (201, "succeeded"), paid.text
    begun = await student.subscribe("pro", "pm_card_mastercard")
    assert (begun.status_code, begun.json()["status"]) == (201, "active"), begun.text
    assert await at_stripe.settle() == []
    assert len((await saved(student))["items"]) == 1


async def test_the_first_thing_after_a_loss_that_nobody_told_of_may_be_a_subscription(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await save(student)
    await at_stripe.delete_customer(student.user_id)
    begun = await student.subscribe("pro", "pm_card_visa")
    assert (begun.status_code, begun.json()["status"]) == (201, "active"), begun.text
    facts = await app.services.store.read_stream(f"customer-{student.user_id}")
    assert [type(fact.event) for fact in facts].count(CustomerGone) == 1
    assert (await at_stripe.settle()) == []
    assert (await student.subscribe("pro")).status_code == 409


async def test_a_payment_is_made_once_whichever_customer_pays(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    """A 500 after Stripe did it by another customer: it is found by that customer."""
    await save(student)
    await at_stripe.delete_customer(student.user_id)
    at_stripe.bench.fault("slow", "/v1/payment_intents", seconds=0.0)  # the one that is refused
    at_stripe.bench.fault("error_after", "/v1/payment_intents")
    answer = await student.pay("pm_card_visa", save_payment_method=True, key="once")
    assert answer.status_code == 202
    at_stripe.bench.clear()
    await at_stripe.settle()
    found = await student.get(answer.headers["location"])
    assert found.json()["status"] == "succeeded"
    charges = await at_stripe.client.v1.charges.list_async()
    assert [charge.status for charge in charges.data] == ["succeeded"]


async def test_the_subscription_of_a_deleted_customer_is_over(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await student.subscribe("pro", "pm_card_visa")
    await at_stripe.delete_customer(student.user_id)
    await at_stripe.settle()
    assert (await student.get("/api/subscriptions/current")).json()["tier"] == "free"
    again = await student.subscribe("pro", "pm_card_visa")
    assert again.status_code == 201


# a user who leaves


async def test_who_leaves_leaves_nothing_at_stripe_nor_here(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    client = at_stripe.client.v1
    await student("PUT", "/api/me", json={"name": "Ada Lovelace", "email": "ada@example.org"})
    card = (await save(student)).json()["payment_method"]
    begun = (await student.subscribe("pro", "pm_card_visa")).json()
    assert (await student.pay(card)).status_code == 201
    customer_id = await at_stripe.customer_of(student.user_id)
    billing: Any = {"name": "Ada Lovelace", "email": "ada@example.org", "address": {"line1": "1 Lane"}}
    await client.payment_methods.update_async(card, {"billing_details": billing})
    await client.customers.update_async(customer_id, billing)
    assert _hex('"last4":"4242"') in await kept(app)

    assert (await student("DELETE", "/api/me")).status_code == 204
    assert await at_stripe.settle() == []
    assert (await client.customers.retrieve_async(customer_id)).deleted
    last = (await client.events.list_async({"type": "customer.updated"})).data[0].data.object
    assert (last["name"], last["email"], last["address"]) == (None, None, None), "what is deleted is kept so"
    method = await client.payment_methods.retrieve_async(card)
    assert method.customer is None
    details = method.billing_details
    assert (details.name, details.email, details.address and details.address.line1) == (None, None, None)
    with pytest.raises(stripe.InvalidRequestError):
        await client.customers.payment_methods.list_async(customer_id)
    here = await kept(app)
    for trace in ("last4", "Ada Lovelace", "ada@example.org"):
        assert trace not in here
        assert _hex(trace) not in here, "of an answer"
    assert await saved(student) == {"items": []}
    assert (await student.get("/api/subscriptions/current")).json()["subscription"] is None
    ended = await app.services.store.read_stream(f"subscriber-{student.user_id}")
    assert ended[-1].event.TYPE == "subscriptions.canceled.v1", begun


async def test_leaving_twice_is_leaving_once_and_who_comes_back_begins_anew(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await save(student)
    for _ in range(2):
        assert (await student("DELETE", "/api/me")).status_code == 204
    await at_stripe.settle()
    facts = [fact.event.TYPE for fact in await app.services.store.read_stream(f"customer-{student.user_id}")]
    assert facts[-2:] == ["customers.erasure_requested.v1", "customers.erased.v1"]
    assert (await save(student, key="back")).status_code == 201
    assert len((await saved(student))["items"]) == 1


async def test_leaving_is_kept_while_stripe_does_not_answer(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    card = (await save(student)).json()["payment_method"]
    at_stripe.bench.fault("error_before", f"/v1/payment_methods/{card}/detach")
    assert (await student("DELETE", "/api/me")).status_code == 204
    assert (await saved(student))["items"] == []
    await at_stripe.settle()
    assert (await at_stripe.client.v1.customers.list_async()).data == []


async def test_nothing_that_was_on_its_way_is_charged_after_its_user_left(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    card = (await save(student)).json()["payment_method"]
    at_stripe.bench.fault("error_before", "/v1/payment_intents", times=4)
    waits = await student.pay(card)
    assert waits.status_code == 202
    at_stripe.bench.clear()
    assert (await student("DELETE", "/api/me")).status_code == 204
    await at_stripe.settle()
    assert (await student.get(waits.headers["location"])).json()["status"] == "failed"
    assert (await at_stripe.client.v1.charges.list_async()).data == []
    assert (await at_stripe.client.v1.customers.list_async()).data == []


async def test_what_waits_for_its_cardholder_is_called_off_as_they_leave(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    """Of somebody whom Stripe does not know as a customer."""
    waits = await student.pay("pm_card_authenticationRequired")
    assert waits.status_code == 202, waits.text
    (intent,) = (await at_stripe.client.v1.payment_intents.list_async()).data
    assert (await student("DELETE", "/api/me")).status_code == 204
    facts = await app.services.store.read_stream(f"customer-{student.user_id}")
    assert [fact.event.TYPE for fact in facts] == ["customers.erasure_requested.v1"], "before Stripe is asked"
    await at_stripe.settle()
    assert (await student.get(waits.headers["location"])).json()["status"] == "canceled"
    assert (await at_stripe.client.v1.payment_intents.retrieve_async(intent.id)).status == "canceled"
    assert (await student("DELETE", "/api/me")).status_code == 204
    assert len(await app.services.store.read_stream(f"customer-{student.user_id}")) == 1


async def test_a_preview_that_stripe_refuses_finds_out_that_the_subscription_is_over(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    begun = await student.subscribe("pro", "pm_card_visa")
    assert begun.status_code == 201, begun.text
    (ours,) = (await at_stripe.client.v1.subscriptions.list_async()).data
    await at_stripe.client.v1.subscriptions.cancel_async(ours.id)
    refused = await student.wish("preview", tier="enterprise")
    assert (refused.status_code, problem(refused)["code"]) == (409, "subscription_ended"), refused.text
    assert (await student.get("/api/subscriptions/current")).json()["tier"] == "free"


async def test_a_portal_that_stripe_refuses_is_not_told_to_be_no_answer(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await save(student)
    await at_stripe.delete_customer(student.user_id)
    wish = {"return_url": "http://127.0.0.1:8000/account"}
    refused = await student("POST", "/api/billing-portal", key="portal", json=wish)
    assert (refused.status_code, problem(refused)["code"]) == (404, "not_found"), refused.text
    assert (await saved(student))["gone_at"] is not None
