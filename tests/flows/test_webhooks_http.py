"""What the address for Stripe's webhooks answers, and what it records."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.di import Provide
from stripe import WebhookSignature

from api.http.problems import HANDLERS, MEDIA_TYPE
from api.services import Services
from api.settings import Settings
from api.webhooks.routes import MAX_BODY_BYTES, stripe_webhook
from ledger.errors import StoreUnavailable
from ledger.message import Command, Origin, Outcome
from ledger.store import Store

SECRETS = ("whsec_new", "whsec_old")
PATH = "/api/webhooks/stripe"


class Unreachable:
    async def handle(self, _command: Command, _origin: Origin) -> Outcome:
        raise StoreUnavailable("The database cannot be reached.")


def app_with(store: Store | Unreachable) -> Litestar:
    # of all of them, the handler needs these two
    parts: dict[str, Any] = dict.fromkeys(Services.__struct_fields__)
    parts |= {"settings": Settings(stripe_webhook_secret=SECRETS), "store": store}
    services = Services(**parts)

    async def provide() -> Any:
        return services

    return Litestar(
        [stripe_webhook],
        dependencies={"services": Provide(provide)},
        exception_handlers=HANDLERS,
        openapi_config=None,
    )


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(store) as opened:
        yield opened


def calling(store: Store | Unreachable) -> httpx.AsyncClient:
    """In the loop that the store lives in; Litestar's own test client would run another one."""
    transport = httpx.ASGITransport(cast("Any", app_with(store)))
    return httpx.AsyncClient(transport=transport, base_url="http://liberation.test")


def body_of(event_id: str = "evt_1", **changes: Any) -> bytes:
    event = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {
            "object": {
                "id": "pi_1",
                "object": "payment_intent",
                "latest_charge": "ch_1",
                "receipt_email": "someone@example.test",
            }
        },
    }
    return msgspec.json.encode(event | changes)


async def send(client: httpx.AsyncClient, body: bytes, *, secret: str = SECRETS[0], offset_s: int = 0) -> Any:
    header = WebhookSignature.generate_signature_header(body.decode(), secret, int(time.time()) + offset_s)
    return await client.post(PATH, content=body, headers={"Stripe-Signature": header})


@pytest.mark.parametrize("secret", SECRETS)
async def test_a_signed_event_is_recorded_before_it_is_acknowledged(
    client: httpx.AsyncClient, store: Store, secret: str
) -> None:
    answer = await send(client, body_of(), secret=secret)
    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    [recorded] = await store.read_stream("webhook-evt_1")
    assert (recorded.metadata.actor, recorded.metadata.roles) == ("stripe", ("system",))
    assert recorded.command_id == "stripe:evt_1"
    assert "example.test" not in repr(recorded)


async def test_a_duplicate_is_acknowledged_and_recorded_once(client: httpx.AsyncClient, store: Store) -> None:
    body = body_of()
    await send(client, body)
    again = await send(client, body)
    assert (again.status_code, again.json()) == (200, {"received": True, "duplicate": True})
    assert len(await store.read_stream("webhook-evt_1")) == 1


async def test_one_event_in_the_words_of_another_version_is_a_duplicate(
    client: httpx.AsyncClient, store: Store
) -> None:
    await send(client, body_of())
    answer = await send(client, body_of(data={"object": {"id": "pi_1", "object": "payment_intent"}}))
    assert answer.json() == {"received": True, "duplicate": True}
    assert len(await store.read_stream("webhook-evt_1")) == 1


async def test_a_type_that_nobody_follows_is_recorded_as_ignored(
    client: httpx.AsyncClient, store: Store
) -> None:
    body = body_of(type="balance.available", data={"object": {"object": "balance"}})
    assert (await send(client, body)).status_code == 200
    assert [each.event.TYPE for each in await store.read_stream("webhook-evt_1")] == [
        "webhooks.received.v1",
        "webhooks.applied.v1",
    ]


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (body_of(), {"secret": "whsec_guessed"}),
        (body_of(), {"offset_s": -301}),
        (body_of(), {"offset_s": 302}),
        (body_of(livemode=True), {}),
        (b"[]", {}),
        (b'{"id": "evt_1"}', {}),
        (b"not json", {}),
    ],
    ids=["forged", "stale", "future", "live", "a list", "no event", "no json"],
)
async def test_what_is_not_to_be_believed_gets_400_and_leaves_no_trace(
    client: httpx.AsyncClient, store: Store, body: bytes, options: dict[str, Any]
) -> None:
    answer = await send(client, body, **options)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["code"] == "invalid_webhook"
    assert "whsec" not in answer.text
    assert await store.head() == 0


async def test_no_signature_is_refused(client: httpx.AsyncClient, store: Store) -> None:
    assert (await client.post(PATH, content=body_of())).status_code == 400
    assert await store.head() == 0


async def test_a_body_without_end_is_cut_off(client: httpx.AsyncClient, store: Store) -> None:
    answer = await send(client, b" " * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)
    assert await store.head() == 0


async def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    async with calling(Unreachable()) as client:
        answer = await send(client, body_of())
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
