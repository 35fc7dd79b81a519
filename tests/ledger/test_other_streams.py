"""Customers, webhooks and payouts: small streams of what Stripe did or said."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.customers.commands import (
    EraseCustomer,
    RecordCustomer,
    RecordCustomerErased,
    RecordCustomerGone,
    RemovePaymentMethod,
    SavePaymentMethod,
)
from ledger.customers.decider import CUSTOMER
from ledger.customers.events import (
    CustomerCreated,
    CustomerErased,
    CustomerErasureRequested,
    CustomerGone,
    PaymentMethodRemoved,
    PaymentMethodSaved,
)
from ledger.errors import NotFound
from ledger.message import Command, Event
from ledger.payouts.commands import RecordPayoutSnapshot
from ledger.payouts.decider import PAYOUT
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid
from ledger.webhooks.commands import ReceiveWebhook, RecordWebhookApplied
from ledger.webhooks.decider import WEBHOOK
from ledger.webhooks.events import WebhookApplied, WebhookReceived
from tests.ledger.examples import DAY, NOON, names, txn
from tests.ledger.test_invariants import balances

SAVE = SavePaymentMethod(command_id="c", effective_at=NOON, user_id="usr_ann", payment_method_id="pm_1")
REMOVE = RemovePaymentMethod(command_id="c", effective_at=NOON, user_id="usr_ann", payment_method_id="pm_1")
RECEIVE = ReceiveWebhook(
    command_id="stripe:evt_1",
    effective_at=NOON,
    stripe_event_id="evt_1",
    stripe_event_type="payment_intent.succeeded",
    object_id="pi_1",
    created_at=NOON,
    payment_intent_id="pi_1",
    charge_id="ch_1",
)
APPLIED = RecordWebhookApplied(
    command_id="c", effective_at=NOON, stripe_event_id="evt_1", result="applied", subject="pay_1"
)
OUT, BACK = txn("payout", -9680), txn("payout_back", 9680)
PENDING = RecordPayoutSnapshot(
    command_id="c",
    effective_at=NOON,
    payout_id="po_1",
    amount_minor=9680,
    currency="usd",
    automatic=True,
    status="pending",
    arrival_at=NOON + 2 * DAY,
    balance_transaction=OUT,
)
PAID = replace(PENDING, status="paid")
FAILED = replace(PENDING, status="failed", failure_balance_transaction=BACK, failure_code="account_closed")


def when(decider: Any, *commands: Command) -> tuple[Any, list[Event]]:
    state, facts = decider.initial, []
    for command in commands:
        events = decider.decide(command, state)
        state = reduce(decider.evolve, events, state)
        facts += events
    return state, facts


def customer(stripe_customer_id: str) -> RecordCustomer:
    return RecordCustomer(
        command_id="c", effective_at=NOON, user_id="usr_ann", stripe_customer_id=stripe_customer_id
    )


def test_a_customer_is_recorded_once_and_again_when_made_anew() -> None:
    state, events = when(CUSTOMER, customer("cus_1"), customer("cus_1"), customer("cus_2"))
    assert events == [
        CustomerCreated(user_id="usr_ann", stripe_customer_id="cus_1"),
        CustomerCreated(user_id="usr_ann", stripe_customer_id="cus_2"),
    ]
    assert state.stripe_customer_id == "cus_2"
    assert CUSTOMER.stream(SAVE) == "customer-usr_ann"


def test_a_payment_method_is_saved_and_removed_once() -> None:
    state, events = when(CUSTOMER, REMOVE, SAVE, SAVE, REMOVE, REMOVE)
    assert events == [
        PaymentMethodSaved(user_id="usr_ann", payment_method_id="pm_1"),
        PaymentMethodRemoved(user_id="usr_ann", payment_method_id="pm_1"),
    ]
    assert state.payment_methods == frozenset()


def _customer(command: Any, **more: Any) -> Any:
    return command(command_id="c", effective_at=NOON, user_id="usr_ann", **more)


FIRST = _customer(RecordCustomer, stripe_customer_id="cus_1")
GONE = _customer(RecordCustomerGone, stripe_customer_id="cus_1")
LEAVES = _customer(EraseCustomer)
ERASED = _customer(RecordCustomerErased, stripe_customer_id="cus_1")


def test_a_customer_that_stripe_deleted_takes_its_cards_along_once_and_never_comes_back() -> None:
    state, events = when(CUSTOMER, FIRST, SAVE, GONE, GONE, FIRST)
    assert events[2:] == [
        CustomerGone(user_id="usr_ann", stripe_customer_id="cus_1", at=NOON, payment_method_ids=("pm_1",))
    ]
    assert (state.stripe_customer_id, state.cards_gone_at) == ("", NOON)
    second = _customer(RecordCustomer, stripe_customer_id="cus_2")
    state, events = when(CUSTOMER, FIRST, SAVE, GONE, second, GONE, SAVE)
    assert (state.stripe_customer_id, state.cards_gone_at) == ("cus_2", None)
    assert [type(one) for one in events].count(CustomerGone) == 1, "the second one's cards are theirs"


def test_who_leaves_has_no_customer_from_then_on_and_stripe_deletes_it_once() -> None:
    state, events = when(CUSTOMER, LEAVES, ERASED, FIRST, SAVE, LEAVES, LEAVES, GONE, ERASED, ERASED)
    assert events[2:] == [
        CustomerErasureRequested(user_id="usr_ann", stripe_customer_id="cus_1", payment_method_ids=("pm_1",)),
        CustomerErased(user_id="usr_ann", stripe_customer_id="cus_1"),
    ]
    assert state.stripe_customer_id == ""
    assert state.payment_methods == frozenset()
    assert state.erased == frozenset({"cus_1"})
    assert state.erasing == frozenset()


def test_who_leaves_without_a_customer_leaves_only_what_waits() -> None:
    state, events = when(CUSTOMER, LEAVES, replace(LEAVES, command_id="waits", payment_ids=("pay_1",)))
    assert events == [
        CustomerErasureRequested(user_id="usr_ann", stripe_customer_id="", payment_ids=("pay_1",))
    ]
    assert state == CUSTOMER.initial


def test_a_card_of_a_customer_that_is_no_more_is_not_saved() -> None:
    late = replace(SAVE, command_id="late", stripe_customer_id="cus_1")
    assert when(CUSTOMER, FIRST, GONE, late)[0].payment_methods == frozenset()
    assert when(CUSTOMER, FIRST, late)[0].payment_methods == frozenset({"pm_1"})


def test_a_webhook_is_received_once_and_applied_once() -> None:
    _, events = when(WEBHOOK, RECEIVE, RECEIVE, APPLIED, APPLIED)
    assert events == [
        WebhookReceived(
            stripe_event_id="evt_1",
            stripe_event_type="payment_intent.succeeded",
            object_id="pi_1",
            created_at=NOON,
            payment_intent_id="pi_1",
            charge_id="ch_1",
        ),
        WebhookApplied(stripe_event_id="evt_1", result="applied", subject="pay_1"),
    ]
    assert WEBHOOK.stream(RECEIVE) == "webhook-evt_1"


def test_a_webhook_that_was_not_received_cannot_be_applied() -> None:
    with pytest.raises(NotFound, match="receive it first"):
        when(WEBHOOK, APPLIED)


@pytest.mark.parametrize("kind", ["customer.updated", "invoice_payment.paid", "charges.odd", "price.created"])
def test_a_webhook_that_nobody_follows_is_received_and_ignored(kind: str) -> None:
    _, events = when(WEBHOOK, replace(RECEIVE, stripe_event_type=kind), APPLIED)
    assert events[1:] == [WebhookApplied(stripe_event_id="evt_1", result="ignored")]


def test_a_payout_is_initiated_then_paid() -> None:
    _, events = when(PAYOUT, PENDING, replace(PENDING, status="in_transit"), PAID, PAID)
    assert events == [
        PayoutInitiated(
            payout_id="po_1",
            amount_minor=9680,
            currency="usd",
            automatic=True,
            arrival_at=NOON + 2 * DAY,
            balance_transaction=OUT,
        ),
        PayoutPaid(payout_id="po_1", amount_minor=9680, currency="usd"),
    ]
    assert PAYOUT.stream(PENDING) == "payout-po_1"


def test_a_paid_payout_can_still_fail() -> None:
    _, events = when(PAYOUT, PAID, FAILED, PAID, FAILED)
    assert events[2:] == [
        PayoutFailed(payout_id="po_1", was_paid=True, balance_transaction=BACK, reason="account_closed")
    ]


def test_a_canceled_payout_comes_back() -> None:
    canceled = replace(FAILED, status="canceled", failure_code="")
    _, events = when(PAYOUT, PENDING, canceled)
    assert events[1:] == [
        PayoutFailed(payout_id="po_1", was_paid=False, balance_transaction=BACK, reason="canceled")
    ]


def test_a_failure_waits_for_the_money_to_be_back() -> None:
    _, events = when(PAYOUT, replace(FAILED, failure_balance_transaction=None))
    assert names(events) == ["PayoutInitiated"]


@for_all(st.lists(st.sampled_from([PENDING, PAID, FAILED])), st.sampled_from([PENDING, PAID, FAILED]))
def test_any_order_of_a_payouts_snapshots_ends_with_the_same_books(
    earlier: list[RecordPayoutSnapshot], last: RecordPayoutSnapshot
) -> None:
    stages = [PENDING, PAID, FAILED]
    known = [one for one in earlier if stages.index(one) <= stages.index(last)]
    _, in_order = when(PAYOUT, *stages[: stages.index(last) + 1])
    _, as_arrived = when(PAYOUT, *known, last, *known)
    assert balances(as_arrived) == balances(in_order)
