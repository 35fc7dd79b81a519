"""Endpoints and the feed: whose they are, what is refused, and what is never shown twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.endpoints.addresses import all_open, is_open, url_fault
from ledger.ids import new_id
from tests.api.endpoints.conftest import World
from tests.api.endpoints.ways import NOWHERE, endpoint_in, given_out
from tests.api.organisations.conftest import Person, found
from tests.api.support import Running, problem

PRIVATE = (
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  not bound to
    "224.0.0.1",
    "240.0.0.1",
    "192.0.2.1",
    "::1",
    "::",
    "fd00::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:0:a00:1::",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_webhook_goes_within(address: str) -> None:
    assert not is_open(address, loopback=False)
    assert is_open(address, loopback=True) == (address in {"127.0.0.1", "::1"})


def test_of_several_addresses_all_are_public() -> None:
    assert all_open(["8.8.8.8", "2606:4700::1111"], loopback=False)
    assert not all_open(["8.8.8.8", "::ffff:10.0.0.1"], loopback=False)
    assert not all_open([], loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://user:word@example.org/",
        "https://example.org/?key=1",
        "https://example.org/#a",
        "https:///x",
        "https://example.org:99999/",
        "https://[::1/",
    ],
)
def test_an_address_is_https_and_holds_nothing_secret(url: str) -> None:
    assert url_fault(url, loopback=False)
    assert url_fault("https://example.org:8443/in", loopback=False) is None


async def test_doors_refuse_what_leads_inside(world: World) -> None:
    made = await world.endpoint(NOWHERE)
    for url in ("https://10.0.0.1/", "https://[::ffff:169.254.169.254]/", "http://8.8.8.8/"):
        for method, path in (("POST", ""), ("PUT", f"/{made['endpoint_id']}")):
            answer = await world.admin(
                method, f"/api/webhook-endpoints{path}", key=new_id("key"), json={"url": url}
            )
            assert (answer.status_code, problem(answer)["errors"][0]["pointer"]) == (422, "/url"), url


async def test_a_secret_is_shown_once_and_kept_nowhere(world: World) -> None:
    body = {"url": NOWHERE}
    first = await world.admin("POST", "/api/webhook-endpoints", key="one", json=body)
    again = await world.admin("POST", "/api/webhook-endpoints", key="one", json=body)
    assert first.json() == again.json()
    secret, endpoint_id = first.json()["secret"], first.json()["endpoint_id"]
    await world.app.projected()
    assert "secret" not in (await world.admin.get(f"/api/webhook-endpoints/{endpoint_id}")).json()
    listed = await world.admin.get("/api/webhook-endpoints")
    assert secret not in listed.text
    async with world.app.services.reading() as connection:
        for table in ("idempotency_keys", "events", "endpoints"):
            rows = await (await connection.execute(f"SELECT * FROM {table}")).fetchall()  # noqa: S608  ours
            assert rows or table == "idempotency_keys"  # where such an answer leaves nothing
            assert secret not in str(rows), table


async def test_an_organisations_endpoint_is_its_managers_and_told_of_it_alone(app: Running) -> None:
    school, other = await found(app), await found(app, "Hillside")
    await app.projected()
    made = await school.owner.post("/api/webhook-endpoints", url=NOWHERE, org_id=school.id)
    assert made.status_code == 201, made.text
    endpoint_id = made.json()["endpoint_id"]
    await app.projected()
    for of in (school, other):
        await of.code()
    await given_out(app)
    told = await school.owner.listed(f"/api/webhook-endpoints/{endpoint_id}/deliveries")
    assert [each["type"] for each in told] == ["member.invited"]
    assert await school.owner.listed("/api/webhook-endpoints")
    assert await other.owner.listed("/api/webhook-endpoints") == []
    refused = await other.owner.get(f"/api/webhook-endpoints/{endpoint_id}")
    assert refused.status_code == 404
    strange = await other.owner.post("/api/webhook-endpoints", url=NOWHERE, org_id=school.id)
    assert strange.status_code == 404
    everything = await other.owner.post("/api/webhook-endpoints", url=NOWHERE)
    assert everything.status_code == 403
    platforms = await school.owner.post(
        "/api/webhook-endpoints", url=NOWHERE, org_id=school.id, types=["payment.succeeded"]
    )
    assert (platforms.status_code, problem(platforms)["code"]) == (422, "unknown_event_type")
    member = await school.join(Person(app, "enterprise"))
    assert (await member.get(f"/api/webhook-endpoints/{endpoint_id}")).status_code == 404
    assert (await school.owner.delete(f"/api/webhook-endpoints/{endpoint_id}")).status_code == 200
    assert (await school.owner.get(f"/api/webhook-endpoints/{endpoint_id}")).status_code == 404


async def test_the_feed_tells_everything_once_and_in_order(app: Running) -> None:
    school, other = await found(app), await found(app, "Hillside")
    for _ in range(2):
        await school.code()
    await app.projected()
    admin = app.caller("usr_admin", "admin")
    after, told = 0, []
    while True:
        page = (await admin.get("/api/events", params={"after": after, "limit": 2})).json()
        told += page["items"]
        assert page["next_after"] >= after
        after = page["next_after"]
        if not page["has_more"]:
            break
    positions = [each["position"] for each in told]
    assert positions == sorted(set(positions))
    assert len([each for each in told if each["type"] == "member.invited"]) == 2
    assert after == await app.projected()
    assert (await admin.get("/api/events", params={"after": after})).json()["items"] == []
    asked: dict[str, Any] = {"types": "member.invited,organisation.created", "org_id": school.id}
    some = (await admin.get("/api/events", params=asked)).json()["items"]
    assert {each["org_id"] for each in some} == {school.id}
    own = await other.owner.listed("/api/events")
    assert {each["org_id"] for each in own} == {other.id}
    assert (await other.owner.get("/api/events", org_id=school.id)).status_code == 404
    assert (await Person(app, "enterprise").listed("/api/events")) == []
    assert (await admin.get("/api/events", params={"types": "payments.succeeded.v1"})).status_code == 422


async def test_the_stream_tells_what_came_after_and_ends_with_the_service(app: Running) -> None:
    school = await found(app)
    await school.code()
    await app.projected()
    app.services.stopping.set()
    told = await school.owner.caller.get("/api/events/stream", headers={"Last-Event-ID": "0"})
    assert told.headers["content-type"].startswith("text/event-stream")
    blocks = [
        dict(line.split(": ", 1) for line in block.split("\n")) for block in told.text.split("\n\n") if block
    ]
    assert [each.get("event") for each in blocks] == [
        None,
        "organisation.created",
        "member.invited",
    ]
    items = (await school.owner.caller.get("/api/events")).json()["items"]
    assert [json.loads(each["data"]) for each in blocks[1:]] == items
    assert [int(each["id"]) for each in blocks[1:]] == [each["position"] for each in items]
    after = await school.owner.caller.get("/api/events/stream", headers={"Last-Event-ID": blocks[-2]["id"]})
    assert [line for line in after.text.split("\n") if line.startswith("event")] == ["event: member.invited"]
    now = await school.owner.caller.get("/api/events/stream")
    assert "event:" not in now.text


async def test_a_delivery_shows_what_is_sent(app: Running) -> None:
    owner = app.caller("usr_root", "admin")
    made = await owner(
        "POST",
        "/api/enterprise/organisations",
        key="o",
        json={"name": "Lakeside", "owner_id": "usr_owner"},
    )
    ids = await endpoint_in(app, made.json()["org_id"])
    kept = await owner.get(f"/api/webhook-endpoints/{ids['endpoint_id']}/deliveries/{ids['event_id']}")
    assert (kept.json()["state"], kept.json()["tries"]) == ("pending", [])
    assert kept.json()["body"]["data"]["org_id"] == made.json()["org_id"]
