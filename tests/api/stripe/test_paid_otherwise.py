"""Invoices that are paid by several charges, elsewhere or by nothing, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from api.sandbox.transaction import Rate
from ledger.ids import new_id
from ledger.invoices.commands import RecordOffStripePayment, RequestCredit
from ledger.message import Origin
from tests.api.stripe.subscribers import Subscribers, agrees_with_stripe
from tests.api.stripe.world import Bench, World

ADMIN = Origin(actor="usr_admin", roles=frozenset({"admin"}))


@pytest.fixture
async def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def owing(people: Subscribers) -> str:
    """A renewal of 9.99 that could not be charged."""
    subscription = await people.subscribe()
    await people.turn(subscription, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await people.live(29, step=29)
    [_, renewal] = await people.invoices()
    assert renewal["status"] == "open"
    return str(renewal["stripe_invoice_id"])


async def pay(people: Subscribers, invoice: str, amount: int) -> str:
    """Of the dashboard: another card is charged a part."""
    v1 = people.world.client.v1
    customer = await people.customer()
    card = await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    by_card: Any = {"customer": customer, "payment_method": card.id, "payment_method_types": ["card"]}
    made = await v1.payment_intents.create_async(by_card | {"amount": amount, "currency": "usd"})
    await v1.invoices.attach_payment_async(invoice, {"payment_intent": made.id})
    await v1.payment_intents.confirm_async(made.id)
    await people.hear()
    return made.id


async def held(people: Subscribers, account: str) -> int:
    """In minor units, debit positive."""
    rows = await people.world.rows("SELECT account, debit_minor - credit_minor AS minor FROM balances")
    return sum(int(row["minor"]) for row in rows if row["account"] == account)


@pytest.mark.parametrize("note_fails", ["", "/v1/credit_notes"])
async def test_two_charges_of_one_invoice_are_both_in_the_books_and_refunded_together(
    people: Subscribers, world: World, bench: Bench, note_fails: str
) -> None:
    invoice = await owing(people)
    before = await held(people, "2000")
    await pay(people, invoice, 500)
    assert (await held(people, "2300"), await held(people, "2000")) == (-500, before)
    await agrees_with_stripe(people)
    await pay(people, invoice, 499)
    assert (await held(people, "2300"), await held(people, "2000")) == (0, before - 999)
    await people.live(4, step=4)
    assert await held(people, "1010") == 0, "all of it is available"
    asked = people.ask(
        RequestCredit,
        stripe_invoice_id=invoice,
        credit_id=new_id("cn"),
        amount_minor=700,
        reason="order_change",
        note="x",
    )
    await world.store.handle(asked, ADMIN)
    if note_fails:
        bench.fault("error_before", note_fails, times=None)
        await people.hear()
        bench.clear()
    await world.settle()
    refunds = (await world.client.v1.refunds.list_async()).data
    assert sum(one.amount for one in refunds) == 700
    await people.hear()
    assert await held(people, "2300") == 0
    [credit] = await world.rows("SELECT status, amount_minor FROM credit_notes")
    assert credit == {"status": "credited", "amount_minor": 700}
    await agrees_with_stripe(people)


async def test_what_is_paid_elsewhere_is_a_receivable_until_finance_finds_it(
    people: Subscribers, world: World
) -> None:
    invoice = await owing(people)
    await world.client.v1.invoices.pay_async(invoice, {"paid_out_of_band": True})
    await people.hear()
    assert (await held(people, "1100"), await held(people, "2300")) == (999, 0)
    [_, row] = await people.invoices()
    assert (row["charged_minor"], row["off_stripe_minor"], row["receivable_minor"]) == (0, 999, 999)
    found = people.ask(
        RecordOffStripePayment,
        stripe_invoice_id=invoice,
        payment_id="osp_1",
        amount_minor=999,
        reference="SEPA 1",
        received_on=world.clock.now().date(),
    )
    await world.store.handle(found, ADMIN)
    assert (await held(people, "1100"), await held(people, "1000")) == (0, 999)
    await agrees_with_stripe(people)


async def test_credit_that_covers_the_whole_invoice_pays_it(people: Subscribers, world: World) -> None:
    gift: Any = {"amount": -1_500, "currency": "usd"}
    await world.client.v1.customers.balance_transactions.create_async(await people.customer(), gift)
    subscription = await people.subscribe()
    assert (await people.state(subscription)).status == "active"
    assert (await held(people, "2300"), await held(people, "2000"), await people.charges()) == (999, -999, [])
    await agrees_with_stripe(people)


async def test_a_charge_that_is_refunded_at_another_rate_gives_back_what_it_brought(
    people: Subscribers, world: World, bench: Bench
) -> None:
    bench.does(lambda tx: tx.world.rates.update(usd=Rate("eur", 1.5)))
    await people.subscribe()
    bench.does(lambda tx: tx.world.rates.update(usd=Rate("eur", 1.6)))
    [charge] = (await world.client.v1.charges.list_async()).data
    await world.client.v1.refunds.create_async({"charge": charge.id, "amount": 499})
    await people.hear()
    assert await held(people, "7000") == 798 - 749
    await agrees_with_stripe(people)


async def discount(people: Subscribers, **terms: Any) -> list[Any]:
    made = await people.world.client.v1.coupons.create_async(terms)  # type: ignore[arg-type]  # any terms
    return [{"coupon": made.id}]


async def mrr(people: Subscribers) -> tuple[int, int]:
    [row] = await people.subscriptions()
    [moved] = await people.world.rows(
        "SELECT coalesce(sum(mrr_delta_minor), 0)::bigint AS minor FROM subscription_movements"
    )
    return int(row["mrr_minor"]), int(moved["minor"])


@pytest.mark.parametrize(
    ("terms", "months"),
    [
        ({"amount_off": 500, "currency": "usd", "duration": "once"}, [499, 999, 999]),
        ({"percent_off": 50, "duration": "repeating", "duration_in_months": 2}, [499, 499, 999]),
        ({"percent_off": 50, "duration": "forever"}, [499, 499, 499]),
    ],
)
async def test_recurring_revenue_is_after_discounts_and_ends_with_them(
    people: Subscribers, world: World, terms: Any, months: list[int]
) -> None:
    """Given in the dashboard while it is on trial, so that the first invoice that is charged has it."""
    subscription = await people.subscribe(trial_days=7)
    at_stripe = await people.at_stripe(subscription)
    await world.client.v1.subscriptions.update_async(
        at_stripe["id"], {"discounts": await discount(people, **terms)}
    )
    told = []
    for days in (8, 29, 31):
        await people.live(days, step=days)
        now, moved = await mrr(people)
        assert now == moved
        told.append(now)
    assert told == months
    await agrees_with_stripe(people)


async def test_an_upgrade_is_priced_with_the_discount_and_with_what_was_billed(
    people: Subscribers, world: World
) -> None:
    """From 9.99, billed at 4.99, to 99.00 at half: what Stripe and we come to is one number."""
    subscription = await people.subscribe(trial_days=7)
    at_stripe = await people.at_stripe(subscription)
    half = await discount(people, percent_off=50, duration="forever")
    await world.client.v1.subscriptions.update_async(at_stripe["id"], {"discounts": half})
    await people.live(12, step=6)
    told = await people.preview(subscription, "enterprise")
    assert told.total_minor == told.ours.charge_minor < 4_950
    await people.change(subscription, "enterprise")
    await people.hear()
    assert (await people.state(subscription)).tier == "enterprise"
    assert await mrr(people) == (4_950, 4_950)
    await agrees_with_stripe(people)


async def test_what_was_refunded_makes_a_discounted_upgrade_dearer_by_all_of_it(
    people: Subscribers, world: World
) -> None:
    """The line that takes back what is not paid any more has no discount."""
    subscription = await people.subscribe()
    half = await discount(people, percent_off=50, duration="forever")
    at_stripe = await people.at_stripe(subscription)
    await world.client.v1.subscriptions.update_async(at_stripe["id"], {"discounts": half})
    [charge] = (await world.client.v1.charges.list_async()).data
    await world.client.v1.refunds.create_async({"charge": charge.id, "amount": 400})
    await people.hear()
    told = await people.preview(subscription, "pro", "year")
    assert (told.ours.unused_minor, told.total_minor) == (599, 4_995 - 599)
    await people.change(subscription, "pro", "year")
    await people.hear()
    assert (await people.invoices())[-1]["total_minor"] == 4_995 - 599
    await agrees_with_stripe(people)


async def test_a_coupon_of_the_whole_price_is_no_revenue_and_no_charge(
    people: Subscribers, world: World
) -> None:
    subscription = await people.subscribe(trial_days=7)
    at_stripe = await people.at_stripe(subscription)
    free = await discount(people, percent_off=100, duration="forever")
    await world.client.v1.subscriptions.update_async(at_stripe["id"], {"discounts": free})
    await people.live(8, step=8)
    assert (await people.state(subscription)).status == "active"
    assert (await mrr(people), await people.charges(), await held(people, "2000")) == ((0, 0), [], 0)
    await agrees_with_stripe(people)
