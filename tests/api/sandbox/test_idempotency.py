from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
import stripe

from api.sandbox import Sandbox

HEADERS = {"Authorization": "Bearer sk_test_1", "Idempotency-Key": "key-1"}
PAYMENT = {"amount": "500", "currency": "usd"}


def post(
    sandbox: Sandbox, params: dict[str, str] = PAYMENT, path: str = "/v1/payment_intents"
) -> httpx.Response:
    return httpx.post(sandbox.url + path, data=params, headers=HEADERS)


def test_the_first_answer_is_replayed(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    first, second = post(sandbox), post(sandbox)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"] != second.headers["request-id"]
    assert len(client.v1.payment_intents.list().data) == 1
    event = client.v1.events.list().data[0]
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (first.headers["request-id"], "key-1")


@pytest.mark.parametrize("path", ["/v1/payment_intents", "/v1/customers"])
def test_the_key_with_something_else_is_an_error(sandbox: Sandbox, path: str) -> None:
    post(sandbox)
    answer = post(sandbox, {"description": "x"}, path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


def test_the_order_of_parameters_does_not_matter(sandbox: Sandbox) -> None:
    post(sandbox)
    assert post(sandbox, dict(reversed(PAYMENT.items()))).headers["idempotent-replayed"] == "true"


def test_a_decline_is_replayed_and_bad_parameters_are_not(sandbox: Sandbox, control: Any) -> None:
    declined = PAYMENT | {
        "payment_method": "pm_card_chargeDeclined",
        "confirm": "true",
        "return_url": "https://x.example",
    }
    assert post(sandbox, {"currency": "usd"}).status_code == 400
    first, second = post(sandbox, declined), post(sandbox, declined)
    assert first.status_code == second.status_code == 402
    assert first.content == second.content


def test_a_key_is_forgotten_after_a_day(sandbox: Sandbox, client: stripe.StripeClient, control: Any) -> None:
    post(sandbox)
    control.post("/clock/advance", seconds=86_000)
    assert post(sandbox).headers["idempotent-replayed"] == "true"
    control.post("/clock/advance", seconds=600)
    assert "idempotent-replayed" not in post(sandbox, {"amount": "600", "currency": "usd"}).headers
    assert len(client.v1.payment_intents.list().data) == 2


def test_old_keys_leave_the_file_also_when_a_reset_turned_the_clock_back(
    sandbox: Sandbox, control: Any
) -> None:
    def kept() -> int:
        count: int = sandbox.call(lambda: sandbox.state.store.rows("SELECT count(*) FROM idempotency")[0][0])
        return count

    for _ in range(2):
        post(sandbox)
        control.post("/clock/advance", seconds=3 * 86_400)
        assert kept() == 0
        control.post("/reset")


def test_a_key_in_use_is_a_conflict(sandbox: Sandbox, control: Any, until: Any) -> None:
    control.post("/faults", kind="slow", seconds=0.5)
    answers: list[httpx.Response] = []
    slow = threading.Thread(target=lambda: answers.append(post(sandbox)))
    slow.start()
    until(lambda: not control.get("/faults"))  # the slow call has begun
    conflict = post(sandbox)
    slow.join()
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert answers[0].status_code == 200


def test_a_key_can_be_too_long(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.url}/v1/customers", headers=HEADERS | {"Idempotency-Key": "k" * 256})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("credential", "says"),
    [
        ("", "did not provide"),
        ("Bearer sk_live_1", "refuses live keys"),
        ("Bearer nonsense", "Invalid API Key"),
    ],
)
def test_only_test_keys_are_let_in(sandbox: Sandbox, credential: str, says: str) -> None:
    answer = httpx.get(
        f"{sandbox.url}/v1/balance", headers={"Authorization": credential} if credential else {}
    )
    assert answer.status_code == 401
    assert says in answer.json()["error"]["message"]
    assert "sk_live_1" not in answer.text


def test_what_is_not_there_is_told_in_stripes_way(sandbox: Sandbox) -> None:
    for path in ("/v1/quotes", "/v1/payment_intents/pi_1/unknown", "/elsewhere"):
        answer = httpx.get(sandbox.url + path, headers=HEADERS)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")
    wrong = httpx.post(f"{sandbox.url}/v1/customers", json={"name": "a"}, headers=HEADERS)
    assert wrong.status_code == 400
