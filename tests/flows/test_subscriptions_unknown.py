"""Stripe did it, or did not, and nobody knows: nothing is charged twice, and the ledger finds out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from stripe import StripeClient

from api.sandbox.faults import FaultKind
from api.sandbox.server import Sandbox
from ledger.ids import new_id
from ledger.invoices.commands import RequestCredit
from ledger.subscriptions.commands import RequestCancellation
from tests.api.stripe.impatient import impatient
from tests.api.stripe.subscribers import Subscribers
from tests.api.stripe.world import Bench, World

SUBSCRIPTIONS = "/v1/subscriptions"
DID_IT: list[FaultKind] = ["timeout_after", "disconnect_after", "error_after"]
DID_NOT_SEE: list[FaultKind] = ["timeout_before", "disconnect_before", "error_before"]


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[StripeClient]:
    async with impatient(sandbox) as opened:
        yield opened


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def at_stripe(people: Subscribers) -> int:
    page = await people.world.client.v1.subscriptions.list_async({"status": "all"})
    return len(page.data)


async def test_a_creation_with_other_parameters_that_was_made_before_is_met_and_not_made_again(
    people: Subscribers,
) -> None:
    """As a version before this one called, which told Stripe less, and died before it had the answer."""
    await people.subscribe(user_id="usr_2")
    subscription_id = await people.request()
    v1, customer = people.world.client.v1, await people.customer()
    card = await v1.payment_methods.attach_async(
        "pm_card_visa", {"customer": customer}, {"idempotency_key": f"attach:{subscription_id}"}
    )
    (price,) = (await v1.prices.list_async()).data
    await v1.subscriptions.create_async(
        {
            "customer": customer,
            "items": [{"price": price.id}],
            "default_payment_method": card.id,
            "payment_behavior": "allow_incomplete",
            "metadata": {"subscription_id": subscription_id, "user_id": "usr_1"},
        },
        {"idempotency_key": f"subscription:{subscription_id}"},
    )
    await people.world.settle()
    assert (await people.facts())[:2] == ["requested", "started"]
    assert await at_stripe(people) == 2
    assert await people.charges() == ["succeeded"] * 2


@pytest.mark.parametrize("fault", [*DID_IT, *DID_NOT_SEE])
async def test_a_creation_without_an_answer_is_found_or_made_again(
    people: Subscribers, bench: Bench, fault: FaultKind
) -> None:
    subscription_id = await people.request()
    bench.fault(fault, SUBSCRIPTIONS)
    await people.world.settle()
    assert (await people.facts())[:3] == ["requested", "outcome_unknown", "started"]
    assert (await people.state(subscription_id)).status == "active"
    assert await at_stripe(people) == 1
    assert await people.charges() == ["succeeded"]
    await people.hear()
    assert await people.world.stripe_in_books() == await people.world.stripe_balance()


async def test_a_creation_that_stripe_never_saw_is_given_up_after_a_day(
    people: Subscribers, bench: Bench
) -> None:
    subscription_id = await people.request()
    bench.fault("error_during", SUBSCRIPTIONS)
    await people.world.settle()
    assert (await people.state(subscription_id)).status == "unknown"
    bench.advance(timedelta(hours=23, minutes=30), people.world)
    assert any("given up" in why for why in await people.world.settle())
    bench.advance(timedelta(hours=1), people.world)
    assert await people.world.settle() == []
    assert (await people.state(subscription_id)).status == "failed"
    assert await at_stripe(people) == 0


@pytest.mark.parametrize("fault", DID_IT)
async def test_an_upgrade_without_an_answer_charges_once(
    people: Subscribers, bench: Bench, fault: FaultKind
) -> None:
    subscription_id = await people.subscribe()
    stripe_id = (await people.state(subscription_id)).stripe_subscription_id
    bench.fault(fault, f"{SUBSCRIPTIONS}/{stripe_id}")
    await people.change(subscription_id, "enterprise")
    change = (await people.state(subscription_id)).change
    assert change is not None
    assert change.unknown
    assert await people.world.settle() == []
    known = await people.state(subscription_id)
    assert (known.tier, known.change) == ("enterprise", None)
    assert await people.charges() == ["succeeded", "succeeded"]


async def test_a_cancellation_without_an_answer_is_found(people: Subscribers, bench: Bench) -> None:
    subscription_id = await people.subscribe()
    stripe_id = (await people.state(subscription_id)).stripe_subscription_id
    bench.fault("timeout_after", f"{SUBSCRIPTIONS}/{stripe_id}")
    await people.asks(people.ask(RequestCancellation, subscription_id=subscription_id))
    request = (await people.state(subscription_id)).request
    assert request is not None
    assert request.unknown
    assert await people.world.settle() == []
    known = await people.state(subscription_id)
    assert (known.request, known.cancel_at) == (None, known.period_end)


@pytest.mark.parametrize("fault", [*DID_IT, *DID_NOT_SEE])
async def test_a_credit_without_an_answer_is_given_once(
    people: Subscribers, bench: Bench, fault: FaultKind
) -> None:
    await people.subscribe()
    (invoice,) = await people.invoices()
    bench.fault(fault, "/v1/credit_notes")
    await people.asks(
        people.ask(
            RequestCredit,
            stripe_invoice_id=invoice["stripe_invoice_id"],
            credit_id=new_id("cn"),
            amount_minor=400,
            reason="duplicate",
            note="as agreed",
        )
    )
    assert await people.world.settle() == []
    (invoice,) = await people.invoices()
    assert (invoice["credited_minor"], invoice["credit_pending_minor"]) == (400, 0)
    refunds = (await people.world.client.v1.refunds.list_async()).data
    assert [refund.amount for refund in refunds] == [400]
    assert await people.world.stripe_in_books() == await people.world.stripe_balance()


async def test_a_process_that_died_after_calling_creates_nothing_twice(
    people: Subscribers, bench: Bench
) -> None:
    subscription_id = await people.request()
    bench.fault("timeout_after", SUBSCRIPTIONS)
    # webhooks are faster than the worker, and find the subscription first
    await people.world.settle()
    await people.hear()
    assert (await people.state(subscription_id)).status == "active"
    assert await at_stripe(people) == 1
