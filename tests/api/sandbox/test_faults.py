from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import stripe

from api.sandbox import Sandbox

PAYMENT: Any = {"amount": 500, "currency": "usd"}


@pytest.fixture
def retrying(sandbox: Sandbox) -> Iterator[stripe.StripeClient]:
    http_client = stripe.RequestsClient(timeout=5)
    http_client._sleep_time_seconds = lambda *_: 0.0  # type: ignore[method-assign]
    yield stripe.StripeClient(
        sandbox.api_key, base_addresses={"api": sandbox.url}, max_network_retries=2, http_client=http_client
    )
    http_client.close()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("kind", ["error_before", "disconnect_before", "disconnect_after"])
def test_the_sdk_gets_over_it_and_there_is_one_payment(
    retrying: stripe.StripeClient, control: Any, kind: str
) -> None:
    control.post("/faults", kind=kind, method="POST", path="/v1/payment_intents")
    intent = retrying.v1.payment_intents.create(PAYMENT)
    assert [found.id for found in retrying.v1.payment_intents.list().data] == [intent.id]
    assert control.get("/faults") == []


def test_half_an_answer_is_not_retried_by_the_sdk(retrying: stripe.StripeClient, control: Any) -> None:
    control.post("/faults", kind="disconnect_mid_body")
    with pytest.raises(stripe.APIConnectionError):
        retrying.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    again = retrying.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    assert [found.id for found in retrying.v1.payment_intents.list().data] == [again.id]


@pytest.mark.parametrize(("kind", "made"), [("error_after", 1), ("error_during", 0)])
def test_a_server_error_is_replayed(
    retrying: stripe.StripeClient, control: Any, kind: str, made: int
) -> None:
    control.post("/faults", kind=kind)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            retrying.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
        assert caught.value.http_status == 500
    assert len(retrying.v1.payment_intents.list().data) == made


@pytest.mark.parametrize(("kind", "made"), [("timeout_after", 1), ("timeout_before", 0)])
def test_a_time_out_leaves_the_outcome_to_the_key(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any, kind: str, made: int
) -> None:
    http_client = stripe.RequestsClient(timeout=0.3)
    hasty = stripe.StripeClient(sandbox.api_key, base_addresses={"api": sandbox.url}, http_client=http_client)
    control.post("/faults", kind=kind, path="/v1/payment_intents")
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    assert len(client.v1.payment_intents.list().data) == made
    again = client.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    assert [found.id for found in client.v1.payment_intents.list().data] == [again.id]
    http_client.close()  # type: ignore[no-untyped-call]


def test_too_many_requests_are_not_retried_by_the_sdk(retrying: stripe.StripeClient, control: Any) -> None:
    control.post("/faults", kind="rate_limit")
    with pytest.raises(stripe.RateLimitError):
        retrying.v1.payment_intents.create(PAYMENT)
    retrying.v1.payment_intents.create(PAYMENT)


def test_a_restricted_key_is_told_the_permission_that_it_lacks(
    retrying: stripe.StripeClient, control: Any
) -> None:
    control.post("/faults", kind="forbidden", method="GET", path="/v1/refunds", times=None)
    retrying.v1.payment_intents.create(PAYMENT)
    with pytest.raises(stripe.PermissionError, match="rak_refund_read") as refusal:
        retrying.v1.refunds.list()
    assert refusal.value.http_status == 403
    assert "more_permissions_required" in str(refusal.value.json_body)


def test_faults_meet_only_what_they_name(retrying: stripe.StripeClient, control: Any) -> None:
    control.post("/faults", kind="rate_limit", method="POST", path="/v1/refunds", times=None)
    retrying.v1.payment_intents.create(PAYMENT)
    retrying.v1.refunds.list()
    with pytest.raises(stripe.RateLimitError):
        retrying.v1.refunds.create({"charge": "ch_1"})
    assert control.http.delete("/faults").json() == []


def test_a_seed_makes_chance_repeatable(sandbox: Sandbox, control: Any) -> None:
    def outcomes() -> list[bool]:
        control.http.delete("/faults")
        control.post("/faults", kind="rate_limit", times=None, probability=0.5, seed=7)
        calls = [
            control.http.get(f"{sandbox.url}/v1/balance", headers={"Authorization": "Bearer sk_test_1"})
            for _ in range(20)
        ]
        return [call.status_code == 200 for call in calls]

    first = outcomes()
    assert first == outcomes()
    assert len(set(first)) == 2


def test_a_fault_with_a_mistake_is_explained(control: Any) -> None:
    answer = control.http.post("/faults", json={"kind": "explode"})
    assert answer.status_code == 400
    assert "explode" in answer.json()["error"]["message"]


async def test_the_asynchronous_client_works_and_meets_a_cut(sandbox: Sandbox, control: Any) -> None:
    http_client = stripe.AIOHTTPClient()
    client = stripe.StripeClient(
        sandbox.api_key, base_addresses={"api": sandbox.url}, max_network_retries=0, http_client=http_client
    )
    intent = await client.v1.payment_intents.create_async(PAYMENT)
    assert intent.status == "requires_payment_method"
    control.post("/faults", kind="disconnect_before")
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.payment_intents.create_async(PAYMENT)
    control.post("/faults", kind="disconnect_mid_body")
    with pytest.raises(aiohttp.ClientPayloadError):  # the SDK lets it through
        await client.v1.payment_intents.create_async(PAYMENT)
    await http_client.close_async()  # type: ignore[no-untyped-call]
