"""Given back once, given again when it bounced, and not collected when it is over: at Stripe and here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.stripe.billing.catalogue import Plan
from ledger.ids import new_id
from ledger.invoices.commands import RequestCredit, RequestInvoiceRetry
from ledger.invoices.refusals import AlreadyCredited, InvoiceNotOpen
from ledger.invoices.state import Credit, Invoice
from ledger.subscriptions.commands import RequestCancellation
from tests.api.stripe.subscribers import Subscribers, agrees_with_stripe, price
from tests.api.stripe.world import USER, Bench, World


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def invoice_at(people: Subscribers, place: int) -> Invoice:
    await people.world.project()
    rows = sorted(await people.invoices(), key=lambda row: row["position"])
    return await people.invoice(rows[place]["stripe_invoice_id"])


async def credit(people: Subscribers, place: int = 0, amount: int | None = None) -> Credit:
    """As an admin does; answers what became of it."""
    invoice_id = (await invoice_at(people, place)).stripe_invoice_id
    credit_id = new_id("crn")
    wish = people.ask(
        RequestCredit,
        stripe_invoice_id=invoice_id,
        credit_id=credit_id,
        amount_minor=amount,
        reason="product_unsatisfactory",
        note="all back",
    )
    await people.asks(wish)
    await people.hear()
    await people.world.settle()
    return (await people.invoice(invoice_id)).credits[credit_id]


async def in_all(people: Subscribers) -> int:
    """What the card was charged, less what came back to it."""
    page = await people.world.client.v1.charges.list_async({"limit": 100})
    return sum(one.amount_captured - one.amount_refunded for one in page.data if one.status == "succeeded")


async def account(people: Subscribers, number: str) -> int:
    await people.world.project()
    rows = await people.world.rows("SELECT account, credit_minor - debit_minor AS held FROM balances")
    return sum(row["held"] for row in rows if row["account"] == number)


async def test_what_was_credited_is_not_taken_off_an_upgrade(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await credit(people)
    told = await people.preview(subscription_id, "enterprise")
    assert (told.ours.unused_minor, told.total_minor) == (0, 9_900)
    await people.change(subscription_id, "enterprise")
    assert await in_all(people) == 9_900
    upgrade = await invoice_at(people, 1)
    assert sorted(one.amount_minor for one in upgrade.lines.values()) == [-999, 999, 9_900]
    assert (upgrade.takes_minor, upgrade.sold_minor) == (0, 9_900), "a correction sells nothing"
    [said] = await people.world.rows(
        "SELECT description FROM invoice_lines WHERE amount_minor = 999 AND description LIKE 'Unused%'"
    )
    assert said["description"] == "Unused time of Pro that was given back before"
    await people.hear()
    await people.world.settle()
    assert (await invoice_at(people, 0)).taken_minor == 0
    await agrees_with_stripe(people)


async def test_what_was_refunded_in_the_dashboard_in_part_makes_an_upgrade_dearer(
    people: Subscribers,
) -> None:
    subscription_id = await people.subscribe()
    charges = await people.world.client.v1.charges.list_async()
    await people.world.client.v1.refunds.create_async({"charge": charges.data[0].id, "amount": 400})
    await people.hear()
    told = await people.preview(subscription_id, "pro", "year")
    assert (told.ours.unused_minor, told.total_minor) == (599, 9_990 - 599)
    await people.change(subscription_id, "pro", "year")
    assert await in_all(people) == 9_990
    await agrees_with_stripe(people)


async def test_what_an_upgrade_took_off_cannot_be_credited_and_chains_do_not_give_it_twice(
    people: Subscribers,
) -> None:
    subscription_id = await people.subscribe("pro")
    await people.change(subscription_id, "enterprise")
    await people.change(subscription_id, "enterprise", "year")
    assert await in_all(people) == 99_000
    for place in (0, 1):
        with pytest.raises(AlreadyCredited, match="taken off a change of plan"):
            await credit(people, place)
    await people.hear()
    await people.world.settle()
    taken = [(await invoice_at(people, place)).taken_minor for place in range(3)]
    assert taken == [999, 9_900, 0]
    assert (await credit(people, 2)).status == "credited"
    assert await in_all(people) == 9_900, "what the first two were charged"
    await agrees_with_stripe(people)


async def in_the_dashboard(people: Subscribers, subscription_id: str, tier: str) -> None:
    at_stripe = await people.at_stripe(subscription_id)
    key = Plan(tier, "month", "usd", price(tier, "month")).lookup_key
    prices = await people.world.client.v1.prices.list_async({"lookup_keys": [key]})
    item: Any = {"id": at_stripe["items"]["data"][0]["id"], "price": prices.data[0].id}
    wish: Any = {"items": [item], "proration_behavior": "always_invoice"}
    await people.world.client.v1.subscriptions.update_async(at_stripe["id"], wish)
    await people.hear()
    await people.world.settle()
    await people.hear()


async def test_a_change_in_the_dashboard_is_followed(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.subscribe(user_id="usr_2", tier="enterprise")  # so that Stripe has the price
    await in_the_dashboard(people, subscription_id, "enterprise")
    assert [(await invoice_at(people, place)).taken_minor for place in (0, 2)] == [999, 0]
    with pytest.raises(AlreadyCredited):
        await credit(people)
    assert (await people.preview(subscription_id, "enterprise", "year")).ours.unused_minor == 9_900


async def test_what_the_dashboard_gave_too_much_is_given_back_and_not_less_to_earn(
    people: Subscribers,
) -> None:
    subscription_id = await people.subscribe("enterprise")
    await people.subscribe(user_id="usr_2")  # so that Stripe has the price
    await credit(people, amount=9_000)
    await in_the_dashboard(people, subscription_id, "pro")
    down = await invoice_at(people, 2)
    assert (down.total_minor, down.overgiven) == (999 - 9_900, True)
    rows = await people.world.rows("SELECT account, party, credit_minor - debit_minor AS held FROM balances")
    held = {(row["account"], row["party"]): row["held"] for row in rows}
    assert (held["2000", subscription_id], held["2300", "usr_1"]) == (999, 8_901)
    assert (await invoice_at(people, 0)).creditable_minor == 0
    await agrees_with_stripe(people)


async def test_an_upgrade_that_is_not_paid_takes_nothing_in_the_end(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.turn(subscription_id, "pm_card_chargeCustomerFail")
    await people.change(subscription_id, "enterprise")
    assert (await invoice_at(people, 0)).creditable_minor == 0, "it may still be paid"
    await people.live(1.5, step=0.5)
    assert (await invoice_at(people, 0)).creditable_minor == 999
    assert (await people.preview(subscription_id, "enterprise")).ours.unused_minor > 900


async def test_money_that_went_back_meanwhile_stops_an_upgrade(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    at = people.world.clock.now().replace(microsecond=0)
    before = await people.still_paid(subscription_id, at)
    await credit(people)
    people.still_paid = lambda *_, **__: _is(before)  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "preview", lambda *_, **__: _is(_Told(at)))
        await people.change(subscription_id, "enterprise")
    known = await people.state(subscription_id)
    assert (known.tier, known.change) == ("pro", None)
    assert (await people.facts())[-1] == "change_failed"
    assert await in_all(people) == 0


class _Told:
    """The preview of before."""

    total_minor = 8_901

    def __init__(self, at: Any) -> None:
        self.ours = self
        self.proration_at, self.charge_minor = at, 8_901


async def _is(value: Any) -> Any:
    return value


async def test_a_refund_that_bounced_is_given_again(people: Subscribers, bench: Bench) -> None:
    await people.subscribe()
    assert (await credit(people, amount=600)).status == "credited"
    refunds = await people.world.client.v1.refunds.list_async()
    assert (await credit(people)).status == "credited"
    bench.fail_refund(refunds.data[0].id)
    await people.hear()
    first, second = (await invoice_at(people, 0)).credits.values()
    assert (first.status, second.status, second.amount_minor) == ("reversed", "credited", 399)
    assert (await account(people, "2300"), await account(people, "2000")) == (0, 600)
    again = await credit(people)
    assert (again.status, again.amount_minor, await in_all(people)) == ("credited", 600, 0)
    last = (await people.world.client.v1.refunds.list_async()).data[0].id
    bench.fail_refund(last)
    await people.hear()
    assert (await invoice_at(people, 0)).creditable_minor == 600
    assert (await credit(people)).status == "credited"
    assert (await account(people, "2300"), await account(people, "2000")) == (0, 0)
    await agrees_with_stripe(people)


async def past_due(people: Subscribers) -> tuple[str, str]:
    """A subscription whose second period nobody paid for, and its invoice."""
    subscription_id = await people.subscribe()
    await people.turn(subscription_id, "pm_card_chargeCustomerFail")
    await people.live(29, step=14.5)
    known = await people.state(subscription_id)
    assert known.status == "past_due"
    return subscription_id, known.open_invoice_id


def pay(people: Subscribers, invoice_id: str) -> RequestInvoiceRetry:
    return people.ask(RequestInvoiceRetry, stripe_invoice_id=invoice_id, cause="customer", user_id="usr_1")


@pytest.mark.parametrize("who", ["the user", "the dashboard", "dunning"])
async def test_what_is_over_is_voided_whoever_ended_it(people: Subscribers, who: str) -> None:
    subscription_id, invoice_id = await past_due(people)
    match who:
        case "the user":
            wish = people.ask(
                RequestCancellation,
                subscription_id=subscription_id,
                request_id=new_id("req"),
                at_once=True,
            )
            await people.asks(wish)
        case "the dashboard":
            at_stripe = await people.at_stripe(subscription_id)
            await people.world.client.v1.subscriptions.cancel_async(at_stripe["id"])
        case _:
            await people.live(60, step=30)
    await people.hear()
    await people.world.settle()
    assert (await people.state(subscription_id)).status == "canceled"
    assert (await people.invoice(invoice_id)).status == "void"
    await people.turn(subscription_id, "pm_card_visa")
    with pytest.raises(InvoiceNotOpen):
        await people.world.store.handle(pay(people, invoice_id), USER)
    assert await in_all(people) == 999
    await agrees_with_stripe(people)


async def test_what_stripe_collects_all_the_same_goes_back(people: Subscribers) -> None:
    subscription_id, invoice_id = await past_due(people)
    at_stripe = await people.at_stripe(subscription_id)
    await people.world.client.v1.subscriptions.cancel_async(at_stripe["id"])
    await people.turn(subscription_id, "pm_card_visa")
    people.bench.advance(timedelta(seconds=9), people.world)
    await people.world.client.v1.invoices.pay_async(invoice_id)
    await people.hear()
    await people.world.settle()
    await people.hear()
    known = await people.invoice(invoice_id)
    assert (known.status, known.creditable_minor) == ("paid", 0)
    assert [one.status for one in known.credits.values()] == ["credited"]
    assert await in_all(people) == 999
    assert (await account(people, "2300"), await account(people, "2000")) == (0, 0)
    await agrees_with_stripe(people)
