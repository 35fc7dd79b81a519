"""Payouts to instructors by Stripe's own SDK at the sandbox: each once, whatever is lost or late."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from stripe import StripeClient

from api.sandbox.faults import FaultKind
from api.sandbox.resources.connect import onboarding
from api.stripe.gateway import StripeGateway
from api.stripe.payments import earnings
from ledger.accounts.state import status_of
from ledger.earnings.commands import RecordTransferRefusal
from ledger.earnings.events import (
    PayoutBlocked,
    PayoutTransferred,
    RecallRefused,
    RecallRequested,
    TransferReversed,
)
from ledger.earnings.refusals import PayoutInProgress
from ledger.earnings.terms import Recovery
from ledger.effects import CreateTransfer
from ledger.message import Origin
from tests.api.stripe.payees import Payee
from tests.api.stripe.world import WORKER, Bench, World
from tests.ledger.examples import snapshot
from tests.ledger.test_earnings import Market

TRANSFER_WEBHOOKS = "SELECT result FROM webhooks WHERE stripe_event_type LIKE 'transfer.%' ORDER BY position"
LOST: list[FaultKind] = ["error_after", "disconnect_after", "disconnect_mid_body"]
NOT_DONE: list[FaultKind] = ["error_before", "disconnect_before"]


@pytest.fixture
def ivy(world: World, bench: Bench) -> Payee:
    return Payee(world, bench)


async def blocked(payee: Payee) -> list[Any]:
    found = [one.event for one in await payee.facts("payout_blocked")]
    return [event.code for event in found if isinstance(event, PayoutBlocked)]


async def test_a_payout_is_a_transfer_that_says_which_one_it_is(world: World, ivy: Payee) -> None:
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.earn(4_510)
    payout_id = await ivy.ask()
    assert await world.settle() == []
    [transfer] = await ivy.transfers()
    assert (transfer["amount"], transfer["destination"], transfer["transfer_group"]) == (
        4_510,
        at_stripe,
        payout_id,
    )
    assert transfer["metadata"] == {
        "payout_id": payout_id,
        "attempt": "1",
        "user_id": "usr_ivy",
        "ledger_id": world.store.ledger_id,
    }
    assert transfer["source_transaction"] is None
    assert await ivy.told() == ["payout_reserved", "payout_transferred"]
    assert (await ivy.status(), await ivy.available()) == ("transferred", 0)
    await world.receive(await world.events())
    assert await world.stripe_in_books() == await world.stripe_balance()


@pytest.mark.parametrize("kind", [*LOST, *NOT_DONE])
async def test_a_transfer_whose_answer_is_lost_is_unknown_and_made_once(
    world: World, bench: Bench, ivy: Payee, kind: FaultKind
) -> None:
    """In the meantime it stays reserved, and another payout is refused."""
    await ivy.open()
    await ivy.fund()
    await ivy.earn(7_000)
    payout_id = await ivy.ask()
    bench.fault(kind, "/v1/transfers")
    await world.gateway.deliver(CreateTransfer("usr_ivy", "usd", payout_id, 1), WORKER)
    assert (await ivy.status(), await ivy.available()) == ("unknown", 0)
    with pytest.raises(PayoutInProgress):
        await ivy.ask()
    await world.settle()
    assert len(await ivy.transfers()) == 1
    assert await ivy.told() == ["payout_reserved", "payout_outcome_unknown", "payout_transferred"]


async def test_a_transfer_of_unknown_outcome_is_unknown_while_nobody_can_tell(
    world: World, bench: Bench, ivy: Payee
) -> None:
    await ivy.open()
    await ivy.fund()
    await ivy.earn(7_000)
    await ivy.ask()
    bench.fault("error_after", "/v1/transfers", times=None)
    bench.fault("error_before", "/v1/transfers", method="GET", times=None)
    assert await world.settle() != []
    assert await ivy.status() == "unknown"
    bench.clear()
    await world.settle()
    assert (await ivy.status(), len(await ivy.transfers())) == ("transferred", 1)


@pytest.mark.parametrize(("kind", "times"), [("error_before", None), ("error_during", 1)])
async def test_a_transfer_that_stripe_never_made_is_given_up_after_a_day(
    world: World, bench: Bench, ivy: Payee, kind: FaultKind, times: int | None
) -> None:
    """Where its first answer was a 500, Stripe repeats that for as long as it knows the key."""
    await ivy.open()
    await ivy.fund()
    await ivy.earn(7_000)
    await ivy.ask()
    bench.fault(kind, "/v1/transfers", times=times)
    await world.settle()
    bench.advance(timedelta(hours=23, minutes=30), world)
    assert await world.settle() == [
        "Stripe knows no such transfer; it is given up 24 hours after it was asked for"
    ]
    bench.advance(timedelta(hours=1), world)
    await world.settle()
    assert await blocked(ivy) == ["never_reached_stripe"]
    assert (await ivy.available(), await ivy.transfers()) == (7_000, [])


async def test_two_processes_that_deliver_the_same_payout_make_one_transfer(
    world: World, client: StripeClient, ivy: Payee
) -> None:
    await ivy.open()
    await ivy.fund()
    await ivy.earn(7_000)
    effect = CreateTransfer("usr_ivy", "usd", await ivy.ask(), 1)
    other = StripeGateway(world.store, client, world.clock)
    await asyncio.gather(
        *(gateway.deliver(effect, WORKER) for gateway in (world.gateway, other)), return_exceptions=True
    )
    await world.settle()
    assert len(await ivy.transfers()) == 1
    assert Counter(await ivy.told())["payout_transferred"] == 1


async def test_a_payout_waits_when_the_platform_has_less(world: World, ivy: Payee) -> None:
    """All of it: none is half paid."""
    await ivy.open()
    await ivy.fund(5_000)
    await ivy.earn(7_000)
    payout_id = await ivy.ask()
    await world.settle()
    assert (await blocked(ivy), await ivy.available(), await ivy.transfers()) == (
        ["balance_insufficient"],
        7_000,
        [],
    )
    await ivy.fund()
    await ivy.retry(payout_id)
    await world.settle()
    [transfer] = await ivy.transfers()
    assert (transfer["amount"], transfer["metadata"]["attempt"]) == (7_000, "2")


async def test_no_transfer_goes_into_an_account_that_is_below_zero(world: World, ivy: Payee) -> None:
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.earn(5_000)
    ivy.adjust(at_stripe, -2_000)
    await ivy.ask()
    await world.settle()
    assert (await blocked(ivy), await ivy.transfers()) == (["balance_below_zero"], [])


@pytest.mark.parametrize("outcome", ["payouts_disabled", "restricted", "rejected"])
async def test_no_transfer_goes_into_an_account_that_cannot_be_paid_by_now(
    world: World, ivy: Payee, outcome: onboarding.Outcome
) -> None:
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.earn(5_000)
    payout_id = await ivy.ask()
    ivy.onboard(outcome, at_stripe)
    await ivy.look()
    await world.settle()
    assert (await blocked(ivy), await ivy.available(), await ivy.transfers()) == (
        ["account_not_payable"],
        5_000,
        [],
    )
    if outcome == "rejected":
        return
    ivy.onboard("complete", at_stripe)
    await ivy.look()
    await ivy.retry(payout_id)
    await world.settle()
    assert await ivy.status() == "transferred"


async def test_what_stripe_alone_knows_of_an_account_is_learnt_by_its_refusal(
    world: World, ivy: Payee
) -> None:
    """Its webhooks were lost."""
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.earn(5_000)
    payout_id = await ivy.ask()
    ivy.onboard("restricted", at_stripe)
    await world.settle()
    assert await blocked(ivy) == ["insufficient_capabilities_for_transfer"]
    assert status_of(await ivy.account()) == "restricted"
    ivy.onboard("complete", at_stripe)
    await ivy.look()
    await ivy.retry(payout_id)
    ivy.leave(at_stripe)
    await world.settle()
    assert (await blocked(ivy))[1:] == ["account_not_payable"]
    assert status_of(await ivy.account()) == "closed"


async def test_an_earlier_attempt_that_was_made_after_all_is_paid_once(
    world: World, bench: Bench, ivy: Payee
) -> None:
    """The platform's key could not be used for a day, but the first call had come through."""
    await ivy.open()
    await ivy.fund()
    await ivy.earn(7_000)
    payout_id = await ivy.ask()
    bench.fault("error_after", "/v1/transfers")
    await world.gateway.deliver(CreateTransfer("usr_ivy", "usd", payout_id, 1), WORKER)
    refusal = RecordTransferRefusal(
        command_id="cmd_wrong",
        effective_at=world.clock.now(),
        payout_id=payout_id,
        attempt=1,
        user_id="usr_ivy",
        currency="usd",
        code="never_reached_stripe",
    )
    await ivy.send(refusal)
    await ivy.retry(payout_id)
    await world.settle()
    assert await blocked(ivy) == ["never_reached_stripe", "earlier_attempt_paid"]
    assert ([one["amount"] for one in await ivy.transfers()], await ivy.available()) == ([7_000], 0)


async def test_webhooks_twice_and_in_any_order_end_alike(world: World, ivy: Payee) -> None:
    await ivy.open()
    await ivy.fund()
    transfer_id = await ivy.paid(7_000)
    ivy.reverse_outside(transfer_id, 1_000)
    ivy.reverse_outside(transfer_id, 500)
    events = await world.events() * 2
    random.Random(5).shuffle(events)  # noqa: S311  repeatable, no secret
    await world.receive(events)
    assert await ivy.told() == [
        "payout_reserved", "payout_transferred", "transfer_reversed", "transfer_reversed",
    ]  # fmt: skip
    assert await ivy.available() == 1_500
    assert await world.stripe_in_books() == await world.stripe_balance()


async def test_a_reversal_whose_webhook_was_lost_is_caught_up(world: World, ivy: Payee) -> None:
    await ivy.open()
    await ivy.fund()
    ivy.reverse_outside(await ivy.paid(7_000), 700)
    await world.catch_up()
    [back] = [one.event for one in await ivy.facts("reversed")]
    assert isinstance(back, TransferReversed)
    assert (back.amount_minor, back.recall_id) == (700, "")


async def test_a_transfer_that_a_restored_ledger_does_not_know_is_taken_up(
    world: World, client: StripeClient, ivy: Payee
) -> None:
    at_stripe = await ivy.open()
    await ivy.fund()
    create: Any = client.v1.transfers.create_async
    ours = {"payout_id": "ipo_lost", "attempt": "1", "user_id": "usr_ivy", "ledger_id": world.store.ledger_id}
    sent = {"amount": 2_000, "currency": "usd", "destination": at_stripe}
    await create({**sent, "metadata": ours})
    await create({**sent, "metadata": {**ours, "ledger_id": "another"}})
    await create(sent)
    await world.receive(await world.events())
    [made] = [one.event for one in await ivy.facts("transferred")]
    assert isinstance(made, PayoutTransferred)
    assert (made.payout_id, made.amount_minor, made.was_reserved) == ("ipo_lost", 2_000, False)
    results = [one["result"] for one in await world.rows(TRANSFER_WEBHOOKS)]
    assert results == ["applied", "unexplained", "unexplained"]


async def test_what_a_restored_ledger_has_forgotten_is_taken_up_before_more_is_paid(
    world: World, client: StripeClient, ivy: Payee
) -> None:
    """The payout of another day has another key, so that Stripe would pay it as well."""
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.earn(7_000)
    create: Any = client.v1.transfers.create_async
    ours = {"payout_id": "ipo_lost", "attempt": "1", "user_id": "usr_ivy", "ledger_id": world.store.ledger_id}
    sent = {"amount": 6_500, "currency": "usd", "destination": at_stripe}
    await create({**sent, "metadata": ours})
    await create({**sent, "metadata": {**ours, "ledger_id": "another"}})
    await create({**sent, "metadata": {**ours, "user_id": "usr_lou"}})
    assert await world.gateway.account_to_pay("usr_ivy", "usd", WORKER) == at_stripe
    assert (await ivy.told(), await ivy.available()) == (["payout_transferred"], 500)
    head = await world.store.head()
    await world.gateway.account_to_pay("usr_ivy", "usd", WORKER)
    assert await world.store.head() == head, "it is known now"


async def test_what_is_taken_back_after_it_was_paid_is_recalled_by_its_own_key(
    world: World, ivy: Payee
) -> None:
    await ivy.open()
    await ivy.fund()
    transfer_id = await ivy.paid(7_000)
    await ivy.earn(-7_000, kind="refund", recovery="reversal")
    await world.settle()
    assert (await ivy.told())[2:] == ["recall_requested", "transfer_reversed"]
    [transfer] = await ivy.transfers()
    assert (transfer["id"], transfer["amount_reversed"]) == (transfer_id, 7_000)
    [asked] = [one.event for one in await ivy.facts("recall_requested")]
    assert isinstance(asked, RecallRequested)
    [reversal] = transfer["reversals"]["data"]
    assert reversal["metadata"] == {"recall_id": asked.recall_id, "ledger_id": world.store.ledger_id}
    assert (await ivy.available(), (await ivy.earnings()).owed_minor) == (0, 0)
    await world.receive(await world.events())
    assert len(await ivy.facts("reversed")) == 1
    assert await world.stripe_in_books() == await world.stripe_balance()


@pytest.mark.parametrize("kind", [*LOST, *NOT_DONE])
async def test_a_reversal_whose_answer_is_lost_is_unknown_and_made_once(
    world: World, bench: Bench, ivy: Payee, kind: FaultKind
) -> None:
    await ivy.open()
    await ivy.fund()
    transfer_id = await ivy.paid(7_000)
    bench.fault(kind, f"/v1/transfers/{transfer_id}/reversals")
    await ivy.earn(-3_000, kind="refund", recovery="reversal")
    await world.settle()
    assert (await ivy.told())[2:] == ["recall_requested", "recall_outcome_unknown", "transfer_reversed"]
    assert [one["amount_reversed"] for one in await ivy.transfers()] == [3_000]


async def test_a_reversal_that_the_account_cannot_bear_is_netted(world: World, ivy: Payee) -> None:
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.paid(7_000)
    ivy.adjust(at_stripe, -5_000)
    await ivy.earn(-7_000, kind="refund", recovery="reversal")
    await world.settle()
    [refused] = [one.event for one in await ivy.facts("recall_refused")]
    assert isinstance(refused, RecallRefused)
    assert (refused.code, (await ivy.earnings()).owed_minor) == ("balance_insufficient", -7_000)
    await ivy.earn(10_000)
    assert await ivy.available() == 3_000


async def test_nothing_is_recalled_from_an_account_that_left(world: World, ivy: Payee) -> None:
    at_stripe = await ivy.open()
    await ivy.fund()
    await ivy.paid(7_000)
    ivy.leave(at_stripe)
    await ivy.earn(-7_000, kind="refund", recovery="reversal")
    assert await world.settle() == []
    [refused] = [one.event for one in await ivy.facts("recall_refused")]
    assert isinstance(refused, RecallRefused)
    assert (refused.code, status_of(await ivy.account())) == ("account_invalid", "closed")


@pytest.mark.parametrize("recovery", ["netting", "reversal"])
async def test_how_it_comes_in_again_is_the_operators_choice(recovery: Recovery) -> None:
    """As the setting says on the day on which it is taken back."""
    market, sent = Market(), list[Any]()
    market.begin()
    market.tell(snapshot())

    async def handle(command: Any, _origin: Origin) -> Any:
        sent.append(command)

    async def state(*_: object) -> Any:
        return market.payment()

    tools: Any = SimpleNamespace(store=SimpleNamespace(handle=handle, state=state), recovery=recovery)
    [effect] = market.asking()
    await earnings.deliver(tools, effect, WORKER, market.facts[effect.position - 1])
    assert {command.recovery for command in sent} == {recovery}
