"""Webhooks to others: whatever one endpoint does, the others have all, once each by its id, and nobody is
sent elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.endpoints import queue
from api.endpoints.schedule import DISABLED_AFTER, RETRIES
from api.endpoints.transport import Transport
from tests.api.endpoints.conftest import PLENTY, Receiver, World

OVER = timedelta(seconds=queue.LEASE_S + 1)


async def test_what_is_sent_is_signed_as_standard_webhooks_has_it(world: World, receiver: Receiver) -> None:
    await world.pay()
    await world.app.projected()
    made = await world.endpoint(receiver.url + "/all")
    thin = await world.endpoint(receiver.url + "/thin", types=["payment.succeeded"], payload="thin")
    await world.pay()
    await world.deliver(await world.sender())
    told = [Webhook(made["secret"]).verify(body, dict(headers)) for headers, body in receiver.got["/all"]]
    assert [each["type"] for each in told] == ["payment.initiated", "payment.succeeded"]
    assert told[0]["data"]["amount_minor"] == 1250
    assert receiver.ids("/all") == [each["id"] for each in told]
    [(headers, body)] = receiver.got["/thin"]
    one = Webhook(thin["secret"]).verify(body, dict(headers))
    assert one["data"] == {"payment_id": told[1]["data"]["payment_id"]}
    with pytest.raises(WebhookVerificationError):
        Webhook(thin["secret"]).verify(body + b" ", dict(headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(body, dict(headers))
    await world.deliver(await world.sender())
    assert len(receiver.got["/all"]) == 2, "what was taken is sent once"


async def test_two_secrets_sign_until_the_overlap_is_over(world: World, receiver: Receiver) -> None:
    made, sender = await world.endpoint(receiver.url + "/"), await world.sender()
    renewed = await world.post(f"{made['endpoint_id']}/rotate-secret", overlap_hours=2)
    assert renewed["secret"] != made["secret"]
    await world.pay()
    await world.deliver(sender)
    headers, body = receiver.got["/"][0]
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (made["secret"], renewed["secret"]):
        Webhook(secret).verify(body, dict(headers))
    world.wait(timedelta(hours=2, seconds=1))
    await world.pay()
    await world.deliver(sender)
    headers, body = receiver.got["/"][-1]
    assert len(headers["webhook-signature"].split()) == 1


async def test_a_redirect_is_a_failed_attempt_and_leads_nowhere(world: World, receiver: Receiver) -> None:
    receiver.statuses["/moves"] = 302
    receiver.headers["Location"] = receiver.url + "/inside"
    made = await world.endpoint(receiver.url + "/moves", types=["payment.succeeded"])
    await world.pay()
    await world.deliver(await world.sender())
    assert (len(receiver.got["/moves"]), receiver.got["/inside"]) == (1, [])
    [one] = await world.deliveries(made["endpoint_id"])
    assert (one["state"], one["last_status"], one["last_fault"]) == ("pending", 302, "redirected")
    kept = await world.admin.get(f"/api/webhook-endpoints/{made['endpoint_id']}/deliveries/{one['event_id']}")
    assert [each["status"] for each in kept.json()["tries"]] == [302]
    assert kept.json()["body"]["id"] == one["event_id"]
    with psycopg.connect(world.app.services.database_url) as connection:
        for table in ("deliveries", "delivery_attempts", "delivery_queues"):
            rows = connection.execute(f"SELECT t::text FROM liberation.{table} AS t").fetchall()  # noqa: S608  ours
            assert "hunter2" not in str(rows), "no answer's body is kept"


async def test_a_slow_endpoint_holds_up_itself_alone(world: World, receiver: Receiver) -> None:
    """It answers after longer than any time-out: it is in nobody else's hands meanwhile, and others have
    theirs.
    """
    receiver.held.add("/slow")
    slow = await world.endpoint(receiver.url + "/slow", types=["payment.succeeded"])
    await world.endpoint(receiver.url + "/quick", types=["payment.succeeded"])
    await world.pay(3)
    await world.app.projected()
    one, other = await world.sender(), await world.sender()
    assert await one.turn()
    await receiver.has("/quick", 3)
    await receiver.has("/slow", 3)
    world.wait(timedelta(seconds=queue.LEASE_S - 5))
    await other.turn()
    assert not other.under_way, "what is under way is one's alone"
    await world.pay()
    await world.app.projected()
    await other.turn()
    await receiver.has("/quick", 4)
    assert len(set(receiver.ids("/slow"))) == len(receiver.ids("/slow"))
    receiver.release.set()
    await world.deliver(other)
    await world.deliver(one)
    assert [each["state"] for each in await world.deliveries(slow["endpoint_id"])] == ["delivered"] * 4


async def test_one_that_takes_too_long_is_cut_off(world: World, receiver: Receiver) -> None:
    receiver.held.add("/never")
    made = await world.endpoint(receiver.url + "/never", types=["payment.succeeded"])
    await world.pay()
    await world.deliver(await world.sender(transport=Transport(loopback=True, timeout_s=0.2)))
    [one] = await world.deliveries(made["endpoint_id"])
    assert (one["last_status"], one["last_fault"], one["attempts"]) == (None, "timed_out", 1)


async def test_a_broken_endpoint_hurts_itself_only(world: World, receiver: Receiver) -> None:
    receiver.statuses["/broken"] = 400
    broken = await world.endpoint(receiver.url + "/broken", types=["payment.succeeded"])
    good = await world.endpoint(receiver.url + "/good", types=["payment.succeeded"])
    await world.pay(2)
    sender = await world.sender()
    await world.deliver(sender)
    assert len(receiver.got["/good"]) == 2
    for pause in RETRIES:
        world.wait(pause * 1.2)
        await world.deliver(sender)
    parked = await world.deliveries(broken["endpoint_id"], state="parked")
    assert [each["attempts"] for each in parked] == [len(RETRIES) + 1] * 2
    assert {each["last_status"] for each in parked} == {400}
    assert (await world.listed(broken["endpoint_id"]))["parked"] == 2
    assert {each["state"] for each in await world.deliveries(good["endpoint_id"])} == {"delivered"}
    assert len(receiver.got["/good"]) == 2


async def test_one_that_is_gone_is_sent_nothing_more(world: World, receiver: Receiver) -> None:
    receiver.statuses["/gone"] = 410
    made, sender = await world.endpoint(receiver.url + "/gone"), await world.sender()
    await world.pay()
    await world.deliver(sender)
    assert (await world.listed(made["endpoint_id"]))["state"] == "gone"
    sent = len(receiver.got["/gone"])
    await world.pay()
    world.wait(PLENTY)
    await world.deliver(sender)
    assert len(receiver.got["/gone"]) == sent


async def test_one_that_fails_for_days_is_disabled_and_said_so(world: World, receiver: Receiver) -> None:
    receiver.statuses["/"] = 500
    made, sender = await world.endpoint(receiver.url + "/"), await world.sender()
    await world.pay()
    await world.deliver(sender)
    world.wait(DISABLED_AFTER - timedelta(hours=1))
    await world.deliver(sender)
    assert (await world.listed(made["endpoint_id"]))["state"] == "enabled"
    world.wait(PLENTY)
    await world.deliver(sender)
    assert (await world.listed(made["endpoint_id"]))["state"] == "failing"
    worrying = (await world.app.client.get("/readyz")).json()["worrying"]
    assert [said for said in worrying if "1 webhook endpoint is disabled, as it failed" in said]
    await world.post(f"{made['endpoint_id']}/enable")
    world.wait(PLENTY)
    await world.deliver(sender)
    assert (await world.listed(made["endpoint_id"]))["state"] == "enabled", "it has five days again"
    receiver.statuses.clear()
    world.wait(PLENTY)
    await world.deliver(sender)
    assert (await world.listed(made["endpoint_id"]))["failing_since"] is None
    assert {each["state"] for each in await world.deliveries(made["endpoint_id"])} == {"delivered"}


async def test_what_a_process_that_died_had_in_hand_is_sent_again_by_its_id(
    world: World, receiver: Receiver
) -> None:
    await world.endpoint(receiver.url + "/", types=["payment.succeeded"])
    await world.pay()
    await world.app.projected()
    dies = await world.sender()
    await dies.turn()
    await asyncio.wait(dies.under_way)
    dies._settled.clear()  # sent, and nobody told of it
    assert len(receiver.got["/"]) == 1
    lives = await world.sender()
    await world.deliver(lives)
    assert len(receiver.got["/"]) == 1, "its lease is not over"
    world.wait(OVER)
    await world.deliver(lives)
    assert len(receiver.got["/"]) == 2
    assert len(set(receiver.ids("/"))) == 1


async def test_events_come_in_order_where_that_is_asked_for(world: World, receiver: Receiver) -> None:
    receiver.statuses["/ordered"] = 500
    await world.endpoint(receiver.url + "/ordered", ordered=True)
    await world.pay(3)
    sender = await world.sender()
    await world.deliver(sender)
    assert len(receiver.got["/ordered"]) == 1, "what comes after waits"
    receiver.statuses.clear()
    world.wait(PLENTY)
    await world.deliver(sender)
    positions = [msgspec.json.decode(body)["position"] for _, body in receiver.got["/ordered"]][1:]
    assert positions == sorted(positions)
    assert len(positions) == 6


async def test_after_a_restore_nothing_that_may_have_left_goes_by_itself(
    world: World, receiver: Receiver
) -> None:
    made, sender = await world.endpoint(receiver.url + "/"), await world.sender()
    receiver.statuses["/"] = 500
    await world.pay()
    await world.deliver(sender)  # waits for its next attempt
    await world.pay()  # nobody was given these yet
    sent = len(receiver.got["/"])
    with psycopg.connect(world.app.services.database_url, autocommit=True) as connection:
        connection.execute("UPDATE liberation.fan_out SET cluster = 'the backed-up one'")
    receiver.statuses.clear()
    world.wait(PLENTY)
    await world.deliver(sender)
    assert len(receiver.got["/"]) == sent
    uncertain = await world.deliveries(made["endpoint_id"], state="uncertain")
    assert len(uncertain) == 4
    worrying = (await world.app.client.get("/readyz")).json()["worrying"]
    assert [said for said in worrying if "4 deliveries of webhooks may have left before a restore" in said]
    await world.pay()
    await world.deliver(sender)
    assert len(receiver.got["/"]) == sent + 2, "what happens from now on goes as ever"
    again = await world.post(f"{made['endpoint_id']}/deliveries/{uncertain[0]['event_id']}/redeliver")
    assert again == {"events": 1}
    await world.deliver(sender)
    assert receiver.ids("/")[-1] == uncertain[0]["event_id"]


class Rebinding(AbstractResolver):
    """A name that was public when it was looked up is not when it is connected to."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(self, host: str, *_: Any, **__: Any) -> list[ResolveResult]:
        found: ResolveResult = {
            "hostname": host,
            "host": "127.0.0.1",
            "port": self._port,
            "family": socket.AF_INET,
            "proto": 0,
            "flags": socket.AI_NUMERICHOST,
        }
        return [found]

    async def close(self) -> None:
        pass


async def test_an_address_is_judged_when_it_is_connected_to(receiver: Receiver) -> None:
    port = int(receiver.url.rpartition(":")[2])
    for url in ("http://example.org/in", receiver.url + "/in", f"http://[::ffff:127.0.0.1]:{port}/in"):
        async with Transport(loopback=False, resolver=Rebinding(port)) as transport:
            answer = await transport.post(url, {}, b"{}")
        assert (answer.status, answer.fault) == (None, "address_refused"), url
    async with Transport(loopback=True, resolver=Rebinding(port)) as transport:
        assert (await transport.post("http://example.org/in", {}, b"{}")).status == 204
    assert len(receiver.got["/in"]) == 1


async def test_what_was_missed_while_disabled_can_be_redelivered(world: World, receiver: Receiver) -> None:
    made, sender = await world.endpoint(receiver.url + "/"), await world.sender()
    began = world.app.services.now()
    await world.post(f"{made['endpoint_id']}/disable")
    await world.pay()
    await world.deliver(sender)
    await world.post(f"{made['endpoint_id']}/enable")
    await world.deliver(sender)
    assert not receiver.got["/"]
    since = (began - timedelta(hours=1)).isoformat()
    assert await world.post(f"{made['endpoint_id']}/redeliver", since=since) == {"events": 2}
    await world.deliver(sender)
    assert len(receiver.got["/"]) == 2
    assert await world.post(f"{made['endpoint_id']}/redeliver", since=since) == {"events": 2}
    await world.deliver(sender)
    assert len(receiver.got["/"]) == 4
    assert len(set(receiver.ids("/"))) == 2


async def test_an_endpoint_is_tried_out_while_its_owner_waits(world: World, receiver: Receiver) -> None:
    made = await world.endpoint(receiver.url + "/")
    receiver.statuses["/"] = 503
    tested = await world.post(f"{made['endpoint_id']}/test")
    assert (tested["status"], tested["fault"]) == (503, "refused")
    [(headers, body)] = receiver.got["/"]
    assert Webhook(made["secret"]).verify(body, dict(headers))["type"] == "endpoint.test"
    assert await world.deliveries(made["endpoint_id"]) == []
