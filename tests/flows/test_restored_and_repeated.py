"""The database is restored to a time before something was done at Stripe, and the request comes again:
whatever comes first, the repeat or Stripe's word of it, it was done once.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from api.background.catch_up import catch_up
from ledger.payments.events import PaymentInitiated
from tests import databases
from tests.api.support import Running, problem
from tests.flows.restored import (
    Case,
    House,
    Told,
    admin,
    before_the_disaster,
    caught_up,
    check_the_books,
    check_the_repeat,
    house,
    named,
    nothing,
    paid,
    student,
)

__all__ = ["house"]

pytestmark = pytest.mark.postgres


async def subscribed(app: Running) -> Told:
    assert (await student(app).subscribe("pro", "pm_card_visa")).status_code == 201
    await caught_up(app)
    told: Told = (await student(app).wish("preview", tier="enterprise")).json()
    told["invoice_id"] = (await student(app).get("/api/invoices")).json()["items"][0]["invoice_id"]
    return told


async def declined(app: Running) -> Told:
    """A subscription whose first invoice waits for a card that works."""
    assert (await student(app).subscribe("pro", "pm_card_chargeCustomerFail")).status_code == 402
    card = await app.services.stripe.v1.payment_methods.create_async(
        {"type": "card", "card": {"token": "tok_visa"}}
    )
    return {"card": card.id}


async def pay(app: Running, _: Told) -> httpx.Response:
    return await student(app).pay("pm_card_visa", key="order-77", amount_minor=4321, save_payment_method=True)


async def pay_in_vain(app: Running, _: Told) -> httpx.Response:
    return await student(app).pay("pm_card_visa_chargeDeclined", key="order-77", amount_minor=4321)


async def refund(app: Running, told: Told) -> httpx.Response:
    return await student(app).refund(told["payment_id"], key="back", amount_minor=500)


async def refund_all(app: Running, told: Told) -> httpx.Response:
    return await student(app).refund(told["payment_id"], key="back")


async def subscribe(app: Running, _: Told) -> httpx.Response:
    return await student(app).subscribe("pro", "pm_card_visa", key="join")


async def try_out(app: Running, _: Told) -> httpx.Response:
    return await student(app).subscribe("pro", "pm_card_visa", key="join", trial=True)


async def upgrade(app: Running, told: Told) -> httpx.Response:
    echo = {name: told[name] for name in ("proration_at", "expected_minor")}
    return await student(app).wish("update", method="PUT", key="up", tier="enterprise", **echo)


async def cancel(app: Running, _: Told) -> httpx.Response:
    return await student(app).wish("cancel", key="end", at_once=True)


async def pause(app: Running, _: Told) -> httpx.Response:
    return await student(app).wish("pause", key="stop")


async def new_card(app: Running, told: Told) -> httpx.Response:
    changed = await student(app).wish("payment-method", method="PUT", key="card", payment_method=told["card"])
    await caught_up(app)  # the invoice is charged by what follows
    return changed


async def credit(app: Running, told: Told) -> httpx.Response:
    path = f"/api/invoices/{told['invoice_id']}/credit"
    return await admin(app)("POST", path, key="credit", json={"amount_minor": 400, "note": "asked for"})


async def save_card(app: Running, _: Told) -> httpx.Response:
    return await student(app)(
        "POST", "/api/payment-methods", key="card", json={"payment_method": "pm_card_visa"}
    )


async def _on_a_page(app: Running, **what: Any) -> httpx.Response:
    """Opened, and paid there by whoever finds it open."""
    site = "http://localhost/shop"
    body = {"success_url": site, "cancel_url": site, **what}
    opened = await student(app)("POST", "/api/checkout", key="page", json=body)
    assert opened.status_code == 201, opened.text
    if url := opened.json()["url"]:
        async with httpx.AsyncClient() as browser:
            await browser.post(url, params={"payment_method": "pm_card_visa"})
        await caught_up(app)
        opened = await student(app)("POST", "/api/checkout", key="page", json=body)
        assert opened.json()["status"] == "complete"
    return opened


async def pay_on_a_page(app: Running, _: Told) -> httpx.Response:
    return await _on_a_page(app, payment={"amount_minor": 4321, "currency": "usd"})


async def subscribe_on_a_page(app: Running, _: Told) -> httpx.Response:
    return await _on_a_page(app, subscription={"tier": "pro"})


CASES = {
    "payment": Case(nothing, pay, "payment_id"),
    "declined": Case(nothing, pay_in_vain, "payment"),
    "refund": Case(paid, refund, "refund_id"),
    "refund of all": Case(paid, refund_all, "refund_id"),
    "subscription": Case(nothing, subscribe, "subscription_id"),
    "trial": Case(nothing, try_out, "subscription_id"),
    "upgrade": Case(subscribed, upgrade, "subscription_id"),
    "end": Case(subscribed, cancel, "subscription_id"),
    "pause": Case(subscribed, pause, "subscription_id"),
    "new card": Case(declined, new_card, "subscription_id"),
    "credit": Case(subscribed, credit, "credit_id"),
    "card": Case(nothing, save_card, "payment_method"),
    "page": Case(nothing, pay_on_a_page, "checkout_id"),
    "page of a subscription": Case(nothing, subscribe_on_a_page, "checkout_id"),
}


MADE = (
    "payment",
    "declined",
    "refund",
    "refund of all",
    "subscription",
    "trial",
    "credit",
    "page",
    "page of a subscription",
)
"""Each has an id that follows from its request, by which Stripe's word of it is known to be of the same."""
REFUSED = {"upgrade": "same_plan", "end": "subscription_ended"}
"""What is so by then is asked for: with the code of the refusal."""


@pytest.mark.parametrize("name", CASES)
async def test_the_repeat_comes_first(house: House, name: str) -> None:
    await check_the_repeat(house, CASES[name])


@pytest.mark.parametrize("name", [name for name in CASES if name not in REFUSED])
async def test_stripes_word_comes_first(house: House, name: str) -> None:
    case = CASES[name]
    backup, told, first = await before_the_disaster(house, case)
    did = await house.did()
    async with house.running(backup) as app:
        await check_the_books(house, app)
        again = await case.act(app, told)
        assert (again.status_code, named(again, case.id_is)) == (first.status_code, named(first, case.id_is))
        assert name not in MADE or again.headers["idempotent-replayed"] == "true"
        await check_the_books(house, app)
        assert await house.did() == did, "nothing is done at Stripe again"


@pytest.mark.parametrize("name", REFUSED)
async def test_what_stripe_told_of_and_has_no_id_is_refused_and_not_done_again(
    house: House, name: str
) -> None:
    backup, told, _ = await before_the_disaster(house, CASES[name])
    did = await house.did()
    async with house.running(backup) as app:
        await check_the_books(house, app)
        again = await CASES[name].act(app, told)
        assert (again.status_code, problem(again)["code"]) == (409, REFUSED[name])
        await check_the_books(house, app)
        assert await house.did() == did


async def test_the_customer_and_the_card_come_back_with_their_payment(house: House) -> None:
    backup, _, _ = await before_the_disaster(house, CASES["payment"])
    async with house.running(backup) as app:
        assert (await student(app).get("/api/payment-methods")).json()["items"] == []
        await caught_up(app)
        [card] = (await student(app).get("/api/payment-methods")).json()["items"]
        charged = await student(app).pay(card["payment_method"], amount_minor=700)
        assert charged.status_code == 201, "by the customer whom the card belongs to"
        assert (await house.did())["customers"] == 1


async def test_two_processes_with_one_request_charge_once(house: House) -> None:
    async with house.running(house.database_url) as one, house.running(house.database_url) as other:
        answers = await asyncio.gather(*(pay(app, {}) for app in (one, other) * 5))
        assert {each.status_code for each in answers} <= {201, 202}
        assert len({each.json()["payment_id"] for each in answers}) == 1
        await check_the_books(house, one)
    assert (await house.did())["charges"] == 1


async def test_another_body_under_the_key_of_a_forgotten_request_is_not_charged(house: House) -> None:
    backup, _, first = await before_the_disaster(house, CASES["payment"])
    did = await house.did()
    async with house.running(backup) as app:
        again = await student(app).pay("pm_card_visa", key="order-77", amount_minor=9999)
        assert (again.status_code, problem(again)["code"]) == (422, "idempotency_mismatch")
        await app.projected()
        shown = (await student(app).get(f"/api/payments/{first.json()['payment_id']}")).json()
        assert (shown["status"], shown["captured_minor"]) == ("succeeded", 4321)
        assert await house.did() == did
        await check_the_books(house, app)


async def test_another_caller_with_the_same_key_pays_for_themselves(house: House) -> None:
    async with house.running(house.database_url) as app:
        ann = await pay(app, {})
        bob = await app.caller("usr_bob", "student").pay("pm_card_visa", key="order-77", amount_minor=4321)
        assert ann.json()["payment_id"] != bob.json()["payment_id"]
    assert (await house.did())["charges"] == 2


async def test_another_ledger_of_the_same_stripe_account_has_ids_of_its_own(
    house: House, server: str, template: str
) -> None:
    async with house.running(house.database_url) as app:
        ours = await pay(app, {})
    await asyncio.to_thread(_renew, another := databases.clone(server, template))
    async with house.running(another) as app:
        theirs = await pay(app, {})
        assert theirs.status_code == 201
        assert ours.json()["payment_id"] != theirs.json()["payment_id"]
        services = app.services
        async with services.reading() as connection:
            await catch_up(services.stripe, connection, services.store, services.clock)
        facts = await services.store.read(0, 1000)
        begun = [fact.event.payment_id for fact in facts if isinstance(fact.event, PaymentInitiated)]
        assert begun == [theirs.json()["payment_id"]], "what is another's is not taken up"
    databases.drop(server, another)


def _renew(url: str) -> None:
    """A clone of the template is the same ledger; this one is to be another, and has no facts yet."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("UPDATE liberation.head SET ledger_id = gen_random_uuid()")
