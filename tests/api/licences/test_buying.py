"""Licences bought over HTTP, and their invoices paid by card: what the manager is told, and charged once."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import psycopg

from api.licences.timing import expire_payments
from ledger.effects import kind_of
from ledger.ids import derived_id, new_id
from ledger.licences.stream import stream_of as licence_stream
from ledger.message import Origin
from ledger.payments.commands import LostPayment, RecordPaymentSnapshot
from ledger.payments.events import PaymentInitiated
from ledger.payments.stream import stream_of
from ledger.policies import react
from tests.api.licences.test_licences import LICENSES, ORGANISATIONS, Office, clock, office
from tests.api.support import Caller, problem

__all__ = ["clock", "office"]
STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))
ASKS, DECLINED, TOO_SMALL = "pm_action", "pm_funds", "pm_too_small"


async def managed(office: Office) -> str:
    """An organisation that the office's manager owns, who is somebody new from now on."""
    office.manager = office.app.caller(new_id("usr"), "enterprise")
    body = {"name": "Lakeside", "owner_id": office.manager.user_id}
    made = await office.admin("POST", ORGANISATIONS, key=new_id("key"), json=body)
    return str(made.json()["org_id"])


async def buy(
    office: Office, org_id: str, *, key: str | None = None, by: Caller | None = None, **more: Any
) -> httpx.Response:
    body = {"org_id": org_id, "tier": "starter", "payment_method": "pm_ok", **more}
    return await office.post("/purchase", body, key=key, by=by or office.manager)


async def confirmed(office: Office, payment_id: str) -> None:
    """As its cardholder does, and the worker delivers what follows."""
    store = office.app.services.store
    initiated = (await store.read_stream(stream_of(payment_id)))[0].event
    assert isinstance(initiated, PaymentInitiated)
    base = {"command_id": new_id("cmd"), "effective_at": office.clock.now(), "payment_id": payment_id}
    outcome = await store.handle(office.clock._succeeded(initiated, base), STRIPE)
    for fact in outcome.recorded:
        for effect in react(fact):
            assert kind_of(effect) == "licences.tell_payment"
            await office.clock.deliver_now(effect, STRIPE, fact)


async def balances(office: Office, org_id: str) -> dict[str, int]:
    """Of the organisation's own accounts, above zero where it owes."""
    await office.app.projected()
    query = "SELECT account, debit_minor - credit_minor FROM balances WHERE party = %s"
    async with office.app.services.reading() as connection:
        found = await (await connection.execute(query, (org_id,))).fetchall()
    return {account: int(amount) for account, amount in found}


async def test_a_manager_buys_a_licence_with_one_request(office: Office) -> None:
    org_id, key = await managed(office), new_id("key")
    charges = office.clock.charges
    bought = await buy(office, org_id, key=key, years=2, expected_minor=198_000)
    assert bought.status_code == 201, bought.text
    told = bought.json()
    licence_id = told["licence"]["licence_id"]
    assert (told["licence"]["status"], told["licence"]["terms"][0]["months"]) == ("created", 24)
    assert (told["invoice"]["paid_minor"], told["invoice"]["open_minor"]) == (198_000, 0)
    assert told["payment"]["description"] == "Licence starter, 24 months"
    assert (told["payment"]["purpose"], told["payment"]["status"]) == ("licence", "succeeded")
    assert bought.headers["location"] == f"{LICENSES}/{licence_id}"
    assert await balances(office, org_id) == {"1100": 0, "2300": 0}
    again = await buy(office, org_id, key=key, years=2, expected_minor=198_000)
    assert (again.status_code, again.json(), office.clock.charges) == (201, told, charges + 1)
    seen = await office.manager.get(f"{LICENSES}/{licence_id}")
    assert {name: seen.json()[name] for name in told["licence"]} == told["licence"]


async def test_the_answer_says_where_the_key_is_shown_and_does_not_have_it(office: Office) -> None:
    bought = await buy(office, await managed(office))
    told = bought.json()
    address = f"{LICENSES}/{told['licence']['licence_id']}"
    assert (told["activate"], told["reveal"]) == (f"{address}/activate", f"{address}/reveal")
    assert "key/" not in bought.text
    early = await office.manager("POST", told["reveal"], key=new_id("key"), json={})
    assert (early.status_code, problem(early)["code"]) == (403, "licence_not_live")
    await office.manager("POST", told["activate"], key=new_id("key"), json={})
    shown = await office.manager("POST", told["reveal"], key=new_id("key"), json={})
    assert shown.json()["key"].startswith("key/")


async def test_an_organisation_buys_one_licence_at_a_time_and_then_another(office: Office) -> None:
    org_id, key = await managed(office), new_id("key")
    waits = await buy(office, org_id, payment_method=ASKS, key=key)
    assert (waits.status_code, waits.json()["licence"], waits.json()["reveal"]) == (202, None, None)
    assert waits.json()["payment"]["next_action"]["client_secret"]
    await office.app.projected()
    other = await buy(office, org_id, tier="professional")
    assert (other.status_code, problem(other)["code"]) == (409, "licence_payment_in_progress")
    assert waits.json()["payment"]["payment_id"] in problem(other)["detail"]
    await confirmed(office, waits.json()["payment"]["payment_id"])
    first = await buy(office, org_id, payment_method=ASKS, key=key)
    assert (first.status_code, first.json()["invoice"]["open_minor"]) == (201, 0)
    second = await buy(office, org_id, tier="professional")
    assert second.status_code == 201, second.text
    assert second.json()["licence"]["licence_id"] != first.json()["licence"]["licence_id"]


async def test_what_was_begun_before_the_organisation_was_closed_is_told(office: Office) -> None:
    org_id, key = await managed(office), new_id("key")
    waits = await buy(office, org_id, payment_method=ASKS, key=key)
    closed = await office.manager("POST", f"{ORGANISATIONS}/{org_id}/close", key=new_id("key"), json={})
    assert closed.status_code == 200
    await confirmed(office, waits.json()["payment"]["payment_id"])
    assert (await buy(office, org_id, payment_method=ASKS, key=key)).status_code == 201
    another = await buy(office, org_id)
    assert (another.status_code, problem(another)["code"]) == (409, "organisation_closed")


async def test_a_declined_card_buys_nothing_and_another_one_does(office: Office) -> None:
    org_id = await managed(office)
    refused = await buy(office, org_id, payment_method=DECLINED)
    body = problem(refused)
    assert (refused.status_code, body["code"], body["remedy"]) == (402, "card_declined", "other_card")
    assert body["payment"]["status"] == "failed"
    assert (await office.seen(LICENSES, org_id=org_id))["items"] == []
    small = await buy(office, org_id, payment_method=TOO_SMALL)
    assert (small.status_code, problem(small)["code"]) == (409, "licence_not_chargeable")
    assert (await buy(office, org_id)).status_code == 201


async def test_who_does_not_finish_a_payment_holds_the_purchase_for_half_an_hour(office: Office) -> None:
    org_id = await managed(office)
    assert (await buy(office, org_id, payment_method=ASKS)).status_code == 202
    await office.app.projected()
    services = office.app.services
    async with await psycopg.AsyncConnection.connect(services.database_url, autocommit=True) as conn:
        assert await expire_payments(conn, services.store, office.clock) == 0
        office.clock.at += timedelta(minutes=30)
        assert await expire_payments(conn, services.store, office.clock) == 1
        await office.app.projected()
        assert await expire_payments(conn, services.store, office.clock) == 0


async def test_a_price_that_has_changed_and_what_is_not_sold_are_refused(office: Office) -> None:
    org_id = await managed(office)
    changed = await buy(office, org_id, expected_minor=1)
    assert (changed.status_code, problem(changed)["code"]) == (409, "licence_price_changed")
    tiers = "there are starter, professional, enterprise"
    custom = f"an administrator gives the numbers of `custom`, and quotes or issues it; else {tiers}"
    for tier, said in (("gold", f"there is no tier 'gold': {tiers}"), ("custom", custom)):
        unsold = await buy(office, org_id, tier=tier)
        assert problem(unsold)["errors"] == [{"pointer": "/tier", "detail": said}]


async def test_only_who_manages_the_organisation_buys_for_it(office: Office) -> None:
    org_id, stranger = await managed(office), office.app.caller("usr_stranger", "enterprise")
    unknown = await buy(office, org_id, by=stranger)
    assert (unknown.status_code, problem(unknown)["code"]) == (404, "not_found")
    learner = await buy(office, org_id, by=office.app.caller(office.manager.user_id, "student"))
    assert (learner.status_code, problem(learner)["code"]) == (403, "forbidden")
    code = await office.admin("POST", f"{ORGANISATIONS}/{org_id}/close", key=new_id("key"), json={})
    assert code.status_code == 200, code.text
    closed = await buy(office, org_id)
    assert (closed.status_code, problem(closed)["code"]) == (409, "organisation_closed")


async def test_a_renewal_is_asked_for_and_paid_by_card(office: Office) -> None:
    org_id = await managed(office)
    licence_id = (await buy(office, org_id)).json()["licence"]["licence_id"]
    renewed = await office.post(f"/{licence_id}/renew", {"term": 2}, by=office.manager)
    assert renewed.status_code == 200, renewed.text
    address, key = await office.invoice(licence_id), new_id("key")
    body = {"payment_method": "pm_ok", "expected_minor": 99_000}
    stranger = office.app.caller("usr_stranger", "enterprise")
    assert (await office.post(f"{address}/pay", body, by=stranger)).status_code == 404
    paid = await office.post(f"{address}/pay", body, by=office.manager, key=key)
    assert paid.status_code == 201, paid.text
    assert (paid.json()["invoice"]["open_minor"], paid.json()["invoice"]["term"]) == (0, 2)
    assert paid.json()["activate"] == f"{LICENSES}/{licence_id}/activate"
    assert paid.json()["payment"]["description"] == f"Licence invoice {paid.json()['invoice']['number']}"
    again = await office.post(f"{address}/pay", body, by=office.manager)
    assert (again.status_code, problem(again)["code"]) == (409, "licence_invoice_not_open")
    (newest, _) = await office.invoices(licence_id)
    assert (newest["open_minor"], newest["paid_minor"]) == (0, 99_000)
    assert await balances(office, org_id) == {"1100": 0, "2300": 0}
    receipt = f"/api/payments/{paid.json()['payment']['payment_id']}/receipt"
    said = (await office.admin.get(receipt, headers={"Accept": "application/json"})).json()
    assert said["lines"][0]["description"] == paid.json()["payment"]["description"]
    assert said["tax_minor"] is None, "the invoice that is named has it"


async def test_only_an_admin_gives_longer_to_pay_than_there_was(office: Office) -> None:
    licence_id = (await buy(office, await managed(office))).json()["licence"]["licence_id"]
    longer = {"term": 2, "billing": {"net_days": 30}}
    refused = await office.post(f"/{licence_id}/renew", longer, by=office.manager)
    assert (refused.status_code, problem(refused)["code"]) == (403, "forbidden")
    assert (await office.post(f"/{licence_id}/renew", {"term": 2}, by=office.manager)).status_code == 200
    (newest, _) = await office.invoices(licence_id)
    issued, due = (datetime.fromisoformat(newest[name]) for name in ("issued_at", "due_at"))
    assert due - issued == timedelta(days=14)
    await office.done(f"/{licence_id}/renew", {**longer, "term": 3})
    again = {"term": 4, "billing": {"net_days": 30}}
    assert (await office.post(f"/{licence_id}/renew", again, by=office.manager)).status_code == 200


async def test_what_is_charged_though_it_was_paid_meanwhile_is_owed(office: Office) -> None:
    org_id = await managed(office)
    licence_id = await office.issued(org_id=org_id)
    address = await office.invoice(licence_id)
    asked = await office.post(f"{address}/pay", {"payment_method": ASKS}, by=office.manager)
    assert asked.status_code == 202, asked.text
    today = f"{office.clock.at:%Y-%m-%d}"
    await office.done(
        f"{address}/payments", {"amount_minor": 99_000, "reference": "SEPA 17", "received_on": today}
    )
    await confirmed(office, asked.json()["payment"]["payment_id"])
    assert (await office.seen(f"{LICENSES}/{licence_id}"))["owed_minor"] == 99_000
    assert await balances(office, org_id) == {"1100": 0, "2300": -99_000}


async def test_a_refund_of_what_paid_a_licence_points_to_the_credit_note(office: Office) -> None:
    bought = (await buy(office, await managed(office))).json()
    for by, more in ((office.manager, {}), (office.admin, {"note": "They asked"})):
        refused = await by.refund(bought["payment"]["payment_id"], **more)
        assert (refused.status_code, problem(refused)["code"]) == (409, "credit_note_instead")


async def joined(office: Office, org_id: str, role: str) -> Caller:
    """Somebody whom its owner, the office's manager, took in."""
    person, at = office.app.caller(new_id("usr"), "enterprise"), f"{ORGANISATIONS}/{org_id}/invitations"
    wish = {"user_id": person.user_id, "role": role}
    invited = (await office.manager("POST", at, key=new_id("key"), json=wish)).json()
    accepted = await person("POST", f"{at}/{invited['invitation_id']}/accept", key=new_id("key"), json={})
    assert accepted.status_code in {200, 201}, accepted.text
    return person


async def test_a_receipt_is_for_whoever_manages_the_organisation_that_was_paid_for(office: Office) -> None:
    org_id = await managed(office)
    paid = (await buy(office, org_id)).json()["payment"]["payment_id"]
    manager, member = [await joined(office, org_id, role) for role in ("manager", "member")]
    await managed(office)
    at, seen = f"/api/payments/{paid}/receipt", list[int]()
    for caller in (manager, member, office.manager):
        seen.append((await caller.get(at, headers={"Accept": "application/json"})).status_code)
    assert seen == [200, 404, 404], "the last one owns another organisation"


async def test_what_a_restored_ledger_took_up_is_bought_by_its_own_request_alone(office: Office) -> None:
    """Another one that comes before it buys another licence."""
    org_id, key = await managed(office), new_id("key")
    services, charges = office.app.services, office.clock.charges
    intent = "\0".join((office.manager.user_id, "POST", f"{LICENSES}/purchase", key))
    payment_id = services.id_of("pay", f"api:{sha256(intent.encode()).hexdigest()}")
    licence_id = derived_id("lic", services.store.ledger_id, "bought", org_id, "1")
    lost = LostPayment(
        user_id=office.manager.user_id,
        purpose="licence",
        purpose_ref=licence_stream(licence_id),
        org_id=org_id,
    )
    seen = RecordPaymentSnapshot(
        command_id=new_id("cmd"),
        effective_at=office.clock.now(),
        payment_id=payment_id,
        payment_intent_id="pi_lost",
        status="succeeded",
        amount_minor=99_000,
        amount_received_minor=99_000,
        currency="usd",
        charge_id="ch_lost",
        lost=lost,
    )
    taken_up = await services.store.handle(seen, STRIPE)
    await office.app.projected()
    other = await buy(office, org_id)
    assert other.status_code == 201, other.text
    assert other.json()["licence"]["licence_id"] != licence_id
    assert (await buy(office, org_id, key=key)).status_code == 202
    for fact in taken_up.recorded:
        for effect in react(fact):
            await office.clock.deliver_now(effect, STRIPE, fact)
    again = await buy(office, org_id, key=key)
    assert again.status_code == 201, again.text
    told = again.json()
    assert (told["licence"]["licence_id"], told["payment"]["payment_id"]) == (licence_id, payment_id)
    assert office.clock.charges == charges + 1, "the lost one was charged before"
