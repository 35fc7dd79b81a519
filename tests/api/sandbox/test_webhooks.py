from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from api.sandbox import Sandbox, Settings, running_sandbox
from api.stripe.client import STRIPE_VERSION
from ledger.webhooks.decider import SUBSCRIBED

SECRET = "whsec_test"


@pytest.fixture
def sandbox(receiver: Any) -> Iterator[Sandbox]:
    settings = Settings(webhook_retry_base_s=0.01)
    with running_sandbox(
        seed="webhooks", settings=settings, webhook_url=receiver.url, webhook_secret=SECRET, environ={}
    ) as running:
        yield running


def test_events_are_signed_and_delivered(
    client: stripe.StripeClient, pay: Any, receiver: Any, until: Any, description: Any, control: Any
) -> None:
    control.post("/clock/advance", seconds=40 * 86_400)  # signatures keep the wall clock's time
    pay()
    until(lambda: len(receiver.got) == 3)
    assert sorted(receiver.types()) == [
        "charge.succeeded",
        "payment_intent.created",
        "payment_intent.succeeded",
    ]
    for signature, body in receiver.got:
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        description.check(json.loads(body))
        assert event.created > time.time() + 30 * 86_400
        until(lambda found=event.id: client.v1.events.retrieve(found).pending_webhooks == 0)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


def test_a_refused_delivery_is_tried_again(pay: Any, receiver: Any, until: Any, control: Any) -> None:
    receiver.statuses = [500, 302, 404]
    pay()
    until(lambda: len(receiver.got) == 6)
    until(lambda: {row["state"] for row in control.get("/deliveries")} == {"delivered"})
    assert sum(row["attempts"] for row in control.get("/deliveries", state_is="delivered")) == 6


def test_held_deliveries_are_released_shuffled(pay: Any, receiver: Any, until: Any, control: Any) -> None:
    control.post("/deliveries/hold")
    pay()
    assert len(control.get("/deliveries", state_is="held")) == 3
    assert receiver.got == []
    assert control.post("/deliveries/release", limit=1) == {"holding": True, "released": 1}
    until(lambda: receiver.types() == ["payment_intent.created"])
    control.post("/deliveries/release", shuffle=True, seed=1)
    until(lambda: len(receiver.got) == 3)


def test_dropped_and_redelivered(
    client: stripe.StripeClient, pay: Any, receiver: Any, until: Any, control: Any
) -> None:
    control.post("/deliveries/hold")
    pay()
    assert control.post("/deliveries/drop") == {"dropped": 3}
    control.post("/deliveries/release")
    event = client.v1.events.list({"type": "charge.succeeded"}).data[0]
    assert control.post("/deliveries/redeliver", event=event.id) == {"queued": 1}
    until(lambda: receiver.types() == ["charge.succeeded"])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "duplicate"}, ["charge.succeeded"] * 2),
        ({"kind": "drop"}, []),
        ({"kind": "late", "seconds": 0.05}, ["charge.succeeded"]),
        ({"kind": "shuffle", "seconds": 0.05, "seed": 3}, ["charge.succeeded"]),
    ],
)
def test_faults_of_delivery(
    pay: Any, receiver: Any, until: Any, control: Any, fault: Any, expected: list[str]
) -> None:
    control.post("/webhook_faults", event_type="charge.", **fault)
    pay()
    until(lambda: len(receiver.got) == 2 + len(expected))
    until(lambda: not control.get("/deliveries", state_is="pending"))
    assert [kind for kind in receiver.types() if kind == "charge.succeeded"] == expected


def test_endpoints_are_made_changed_and_deleted(
    client: stripe.StripeClient, pay: Any, receiver: Any, until: Any
) -> None:
    first = client.v1.webhook_endpoints.list().data[0]
    made = client.v1.webhook_endpoints.create(
        {"url": f"{receiver.url}/2", "enabled_events": ["charge.succeeded"]}
    )
    assert made.secret
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id)
    client.v1.webhook_endpoints.update(first.id, {"disabled": True})
    pay()
    until(lambda: receiver.types() == ["charge.succeeded"])
    stripe.Webhook.construct_event(receiver.got[0][1], receiver.got[0][0], made.secret)
    assert client.v1.webhook_endpoints.delete(made.id).deleted
    assert [found.id for found in client.v1.webhook_endpoints.list().data] == [first.id]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.webhook_endpoints.create({"url": "ftp://x", "enabled_events": ["*"]})


def test_an_endpoint_keeps_the_version_that_it_was_made_with(client: stripe.StripeClient) -> None:
    create: Any = client.v1.webhook_endpoints.create
    wanted = {"url": "https://pay.example/hook", "enabled_events": ["refund.created"]}
    assert create({**wanted, "api_version": "2024-06-20"}).api_version == "2024-06-20"
    plain = create(wanted)
    assert plain.api_version is None
    changed: Any = client.v1.webhook_endpoints.update(plain.id, {"enabled_events": ["refund.updated"]})
    assert (changed.enabled_events, changed.api_version) == (["refund.updated"], None)
    update: Any = client.v1.webhook_endpoints.update
    with pytest.raises(stripe.InvalidRequestError):
        create({**wanted, "api_version": "newest"})
    with pytest.raises(stripe.InvalidRequestError):
        update(plain.id, {"api_version": "2024-06-20"})


def test_stripe_makes_an_endpoint_with_our_version_and_event_types(description: Any) -> None:
    known = description.parameters("/v1/webhook_endpoints")
    assert STRIPE_VERSION in known["api_version"]["enum"]
    assert set(SUBSCRIBED) <= set(known["enabled_events"]["items"]["enum"])
    assert "api_version" not in description.parameters("/v1/webhook_endpoints/{webhook_endpoint}")
