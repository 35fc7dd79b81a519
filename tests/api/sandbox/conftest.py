"""The sandbox over HTTP with the real SDK; every answer and stored body is held against Stripe's description.

`stripe-openapi-2026-08-26.json.gz` is https://github.com/stripe/openapi (MIT, see LICENSE-stripe-openapi).
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import stripe

from api.sandbox import Sandbox, running_sandbox

VERSION = "2026-08-26.dahlia"
KINDS = (
    "account",
    "account_link",
    "application",
    "balance",
    "balance_transaction",
    "bank_account",
    "capability",
    "billing_portal.configuration",
    "billing_portal.session",
    "card",
    "charge",
    "checkout.session",
    "coupon",
    "credit_note",
    "credit_note_line_item",
    "customer",
    "customer_balance_transaction",
    "discount",
    "dispute",
    "event",
    "file",
    "invoice",
    "invoice_payment",
    "invoiceitem",
    "item",
    "line_item",
    "payment_intent",
    "payment_method",
    "payout",
    "price",
    "product",
    "promotion_code",
    "refund",
    "setup_intent",
    "subscription",
    "subscription_item",
    "test_helpers.test_clock",
    "topup",
    "transfer",
    "transfer_reversal",
    "webhook_endpoint",
)
Json = dict[str, Any]


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema 2020-12."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: as_json_schema(value) for key, value in node.items()}
    if plain.pop("nullable", None) is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


class Description:
    """Stripe's description of its objects."""

    def __init__(self) -> None:
        with gzip.open(Path(__file__).with_name("stripe-openapi-2026-08-26.json.gz")) as packed:
            whole = json.load(packed)
        self.schemas, self.paths = whole["components"]["schemas"], whole["paths"]
        self._validator = jsonschema_rs.Draft202012Validator(
            {
                "allOf": [
                    {
                        "if": {
                            "properties": {"object": {"const": kind}, "deleted": False},
                            "required": ["object"],
                        },
                        "then": {"$ref": f"#/components/schemas/{kind}"},
                    }
                    for kind in KINDS
                ],
                "components": {"schemas": as_json_schema(self.schemas)},
            }
        )
        self._error = jsonschema_rs.Draft202012Validator(
            {"$ref": "#/components/schemas/error", "components": {"schemas": as_json_schema(self.schemas)}}
        )

    def check(self, body: Json) -> None:
        """Also that no field is unknown to Stripe, which its schemas would allow."""
        if "error" in body:
            self._error.validate(body)
            return
        for item in body["data"] if body["object"] == "list" else [body]:
            self._check_object(item)

    def _check_object(self, item: Json) -> None:
        kind = item["object"]
        if item.get("deleted"):
            told = set(self.schemas["deleted_discount"]["properties"]) if kind == "discount" else set()
            assert set(item) - told == {"id", "object", "deleted"} - told
            return
        assert kind in KINDS
        self._validator.validate(item)
        unknown = set(item) - set(self.schemas[kind]["properties"])
        assert not unknown, f"Stripe's {kind} has no {unknown}"
        if kind == "event":
            self._check_object(item["data"]["object"])

    def parameters(self, path: str) -> Json:
        """Of a POST, each with its schema."""
        body = self.paths[path]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
        found: Json = body["schema"]["properties"]
        return found


class CheckingClient(stripe.RequestsClient):
    """Holds each answer against the description; a cut one is not looked at."""

    def __init__(self, description: Description) -> None:
        super().__init__()
        self._description = description

    def request(self, *arguments: Any, **named: Any) -> Any:
        body, status, answered = super().request(*arguments, **named)
        self._description.check(json.loads(body))
        return body, status, answered


class Control:
    """Calls of /_sandbox; `post` fails unless the answer is 200."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/_sandbox", timeout=10)

    def post(self, path: str, /, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).json()


class Receiver:
    """A webhook endpoint that keeps what it gets and answers with `statuses`, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.headers["Stripe-Signature"], body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def wait_until(met: Callable[[], Any], within_s: float = 10.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (value := met()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)
    return value


@pytest.fixture(scope="session")
def description() -> Description:
    return Description()


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(seed="tests", environ={}) as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, description: Description) -> Iterator[Sandbox]:
    """Empty at the start of each test; at its end all that it left is held against the description."""
    running = shared_sandbox
    running.call(running.state.reset)
    yield running
    check_all(running, description)


def check_all(running: Sandbox, description: Description) -> None:
    every = "SELECT body FROM objects"
    for row in running.call(lambda: running.state.store.rows(every)):
        description.check(json.loads(row[0]))


@pytest.fixture
def http_client(description: Description) -> CheckingClient:
    return CheckingClient(description)


@pytest.fixture
def client(sandbox: Sandbox, http_client: CheckingClient) -> Iterator[stripe.StripeClient]:
    yield stripe.StripeClient(
        sandbox.api_key,
        base_addresses={"api": sandbox.url, "files": sandbox.url},
        stripe_version=VERSION,
        max_network_retries=0,
        http_client=http_client,
    )
    http_client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def control(sandbox: Sandbox) -> Iterator[Control]:
    calls = Control(sandbox.url)
    yield calls
    calls.http.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


@pytest.fixture
def pay(client: stripe.StripeClient) -> Callable[..., Any]:
    """A confirmed PaymentIntent of 100.00 USD, booked at once, as a plain dict."""

    def make(payment_method: str = "pm_card_visa", **changes: Any) -> Any:
        types = ["us_bank_account"] if "usBank" in payment_method else ["card"]
        params = {
            "amount": 10_000,
            "currency": "usd",
            "payment_method": payment_method,
            "payment_method_types": types,
            "capture_method": "automatic",
            "confirm": True,
            "expand": ["latest_charge.balance_transaction"],
        }
        return client.v1.payment_intents.create(params | changes).to_dict()  # type: ignore[arg-type]

    return make


@pytest.fixture
def account(client: stripe.StripeClient, control: Control) -> Callable[..., str]:
    """The id of an Express account that was onboarded with this outcome (None: not yet), a bank if named."""

    def make(outcome: str | None = "complete", **changes: Any) -> str:
        asked = {name: changes.pop(name) for name in ("bank", "due_in_s") if name in changes}
        params = {"type": "express", "capabilities": {"transfers": {"requested": True}}}
        made = client.v1.accounts.create(params | changes).id  # type: ignore[arg-type]
        if outcome is not None:
            control.post(f"/accounts/{made}/onboard", outcome=outcome, **asked)
        return made

    return make


@pytest.fixture
def frozen(control: Any) -> int:
    """31 January 2027, 10:00, and it stays so until a test moves it."""
    now = int(datetime(2027, 1, 31, 10, tzinfo=UTC).timestamp())
    control.post("/clock/set", now=now, frozen=True)
    return now


@pytest.fixture
def price(client: stripe.StripeClient) -> Any:
    made: dict[tuple[int, str], str] = {}
    product = client.v1.products.create({"name": "Pro"}).id

    def of(amount: int = 2_000, interval: str = "month") -> str:
        if (amount, interval) not in made:
            params: Any = {"product": product, "currency": "usd", "unit_amount": amount}
            params["recurring"] = {"interval": interval}
            made[amount, interval] = client.v1.prices.create(params).id
        return made[amount, interval]

    return of


@pytest.fixture
def customer(client: stripe.StripeClient) -> Any:
    def make(card: str = "pm_card_visa") -> str:
        made = client.v1.customers.create({"email": "a@example.org"}).id
        if card:
            method = client.v1.payment_methods.attach(card, {"customer": made}).id
            client.v1.customers.update(made, {"invoice_settings": {"default_payment_method": method}})
        return made

    return make


@pytest.fixture
def subscribe(client: stripe.StripeClient, customer: Any, price: Any) -> Any:
    def make(card: str = "pm_card_visa", amount: int = 2_000, **changes: Any) -> Any:
        params = {
            "customer": customer(card),
            "items": [{"price": price(amount)}],
            "expand": ["latest_invoice.payments", "latest_invoice.confirmation_secret"],
        }
        return client.v1.subscriptions.create(params | changes).to_dict()  # type: ignore[arg-type]

    return make


@pytest.fixture
def seen(client: stripe.StripeClient) -> Any:
    """Types of events since it was last asked, oldest first, without those of payments."""
    last = [""]

    def types() -> list[str]:
        params: Any = {"limit": 100} | ({"ending_before": last[0]} if last[0] else {})
        events = client.v1.events.list(params).data
        last[0] = events[0].id if events else last[0]
        kinds = ("customer.subscription", "invoice.", "credit_note")
        return [event.type for event in reversed(events) if event.type.startswith(kinds)]

    return types
