"""Domains, permissions and policies: complete for every command and fact."""

from __future__ import annotations

import pytest

from ledger.domains import DECIDERS, EVENT_TYPES, decider_of
from ledger.effects import (
    ApplyWebhook,
    CreatePaymentIntent,
    CreateRefund,
    Effect,
    ResolvePayment,
    ResolveRefund,
)
from ledger.errors import Forbidden
from ledger.message import Event, Origin
from ledger.payments.commands import RecordPaymentSnapshot
from ledger.payments.decider import PAYMENT
from ledger.payments.events import (
    PaymentOutcomeUnknown,
    PaymentProcessing,
    RefundOutcomeUnknown,
    RefundRequested,
)
from ledger.permissions import MAY_SEND, ROLES, check
from ledger.policies import react
from ledger.webhooks.events import WebhookReceived
from tests.ledger.examples import NOON, initiate, initiated, recorded, request_refund, snapshot

COMMANDS = [command for decider in DECIDERS for command in decider.commands]


def origin(*roles: str) -> Origin:
    return Origin(actor="usr_ann", roles=frozenset(roles))


def test_names_and_types_are_said_once() -> None:
    assert len({command.NAME for command in COMMANDS}) == len(COMMANDS)
    assert len({event.TYPE for event in EVENT_TYPES}) == len(EVENT_TYPES)
    assert all(event.TYPE.rpartition(".v")[2].isdigit() for event in EVENT_TYPES)


def test_each_command_finds_its_rules() -> None:
    assert decider_of(RecordPaymentSnapshot) is PAYMENT
    assert all(command in decider_of(command).commands for command in COMMANDS)


def test_it_is_said_for_each_command_who_may_send_it() -> None:
    assert set(MAY_SEND) == set(COMMANDS)
    assert all(roles and roles <= ROLES for roles in MAY_SEND.values())


@pytest.mark.parametrize("role", ["student", "instructor", "enterprise", "admin"])
def test_people_pay_and_ask_for_refunds_but_do_not_report_for_stripe(role: str) -> None:
    check(initiate(), origin(role))
    check(request_refund(), origin(role))
    with pytest.raises(Forbidden, match=r"payments\.record_snapshot needs .* system"):
        check(snapshot(), origin(role))


@pytest.mark.parametrize("roles", [(), ("service",), ("system",), ("root",)])
def test_nobody_else_pays(roles: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden):
        check(initiate(), origin(*roles))


def test_only_an_administrator_refunds_as_one() -> None:
    check(request_refund(by_admin=True), origin("student", "admin"))
    with pytest.raises(Forbidden, match="administrator"):
        check(request_refund(by_admin=True), origin("student"))


def webhook(kind: str) -> WebhookReceived:
    return WebhookReceived(
        stripe_event_id="evt_1",
        stripe_event_type=kind,
        object_id="ch_1",
        created_at=NOON,
        payment_intent_id="pi_1",
        charge_id="ch_1",
    )


def apply(kind: str) -> ApplyWebhook:
    return ApplyWebhook(
        stripe_event_id="evt_1",
        stripe_event_type=kind,
        object_id="ch_1",
        payment_intent_id="pi_1",
        charge_id="ch_1",
    )


FOLLOWED = ["payment_intent.processing", "charge.dispute.created", "refund.failed", "payout.paid"]


@pytest.mark.parametrize(
    ("event", "effects"),
    [
        (initiated(), (CreatePaymentIntent(payment_id="pay_1"),)),
        (PaymentOutcomeUnknown(cause="timeout"), (ResolvePayment(payment_id="pay_1"),)),
        (
            RefundRequested(
                payment_id="pay_1",
                refund_id="re_1",
                payment_intent_id="pi_1",
                amount_minor=1,
                currency="usd",
                reason="duplicate",
            ),
            (CreateRefund(payment_id="pay_1", refund_id="re_1"),),
        ),
        (
            RefundOutcomeUnknown(refund_id="re_1", cause="timeout"),
            (ResolveRefund(payment_id="pay_1", refund_id="re_1"),),
        ),
        *((webhook(kind), (apply(kind),)) for kind in FOLLOWED),
        (webhook("customer.updated"), ()),
        (PaymentProcessing(payment_intent_id="pi_1"), ()),
    ],
)
def test_a_fact_asks_for_what_must_follow(event: Event, effects: tuple[Effect, ...]) -> None:
    assert react(recorded(event)) == effects
