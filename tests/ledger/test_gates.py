"""Domains, permissions and policies: complete for every command and fact."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.domain import Domain
from ledger.domains import DECIDERS, DOMAINS, EVENT_TYPES, decider_of
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
from ledger.permissions import MAY_SEND, check
from ledger.policies import react
from ledger.roles import ROLES
from ledger.webhooks.events import WebhookReceived
from tests.ledger.examples import NOON, initiate, initiated, recorded, request_refund, snapshot
from tests.ledger.strategies import structs

COMMANDS = [command for decider in DECIDERS for command in decider.commands]
ROOT = Path(__file__).parents[2]
each_domain = pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)


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


def test_each_folder_with_rules_is_a_domain_of_the_ledger() -> None:
    folders = {rules.parent.name for rules in (ROOT / "ledger").glob("*/decider.py")}
    assert {domain.name for domain in DOMAINS} == folders
    assert len(DOMAINS) == len(folders)


@each_domain
def test_a_domain_speaks_of_its_own_commands_and_facts_alone(domain: Domain) -> None:
    assert set(domain.may_send) == set(domain.decider.commands)
    if domain.entries is not None:
        assert set(domain.entries.descriptions) <= set(domain.decider.events)


@each_domain
@for_all(data=st.data())
def test_a_command_goes_to_a_stream_of_its_domain(domain: Domain, data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(domain.decider.commands).flatmap(structs))
    stream = domain.decider.stream(command)
    assert [one.name for one in DOMAINS if one.stream.has(stream)] == [domain.name]
    assert domain.stream.stream_of(domain.stream.id_of(stream)) == stream


def test_streams_are_spelt_by_their_domain_alone() -> None:
    kinds = "|".join(domain.stream.prefix for domain in DOMAINS)
    spelt = re.compile(rf"[\"'](?:{kinds})-(?:[\"']|\{{)")
    sources = (source for part in ("ledger", "projections", "api") for source in (ROOT / part).rglob("*.py"))
    assert [str(source) for source in sources if spelt.search(source.read_text())] == []


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
