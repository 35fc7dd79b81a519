"""Seats over HTTP: claimed by who holds the key, never more than there are, and freed when they lapse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from api.seats import leases
from api.seats.of_organisations import TableLicences
from api.settings import Settings
from api.stripe.delivery import Postponed
from api.stripe.gateway import StripeGateway
from ledger.effects import FreeMemberSeats
from ledger.ids import new_id
from ledger.licence_keys.keyring import made
from ledger.licence_keys.signing import key_of
from ledger.licences.decider import LICENCE
from ledger.licences.stream import stream_of as licence_stream
from ledger.message import Origin
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.stream import stream_of as organisation_stream
from ledger.seats.decider import SEATS
from ledger.seats.events import SeatActivated
from ledger.seats.stream import stream_of
from ledger.store import conninfo
from ledger.verifier import KeyClaims
from tests.api.licences.keys import key_for
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

LICENSES = "/api/enterprise/licenses"
MINUTE = timedelta(minutes=1)
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


class Clock(FakeStripe):
    """Goes on when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 1, 1, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Desk:
    """A licence with its key, and who works with it."""

    def __init__(self, app: Running, licence_id: str) -> None:
        self.app, self.licence_id = app, licence_id
        self.key = key_for(app.services, licence_id)
        self.admin = app.caller("usr_admin", "admin")

    async def ask(self, what: str, device: str, *, by: Caller | None = None, **more: Any) -> httpx.Response:
        caller = by or self.app.caller(f"usr_{device}", "student")
        headers = {**caller.headers, "Licence-Key": more.pop("licence_key", self.key)}
        body = {"fingerprint": f"device-{device}", **more}
        return await self.app.client.post(f"{LICENSES}/{what}", json=body, headers=headers)

    async def codes(self, what: str, *devices: str) -> list[int]:
        return [(await self.ask(what, device)).status_code for device in devices]

    async def refused(self, what: str, device: str, **more: Any) -> tuple[int, str]:
        answer = await self.ask(what, device, **more)
        return answer.status_code, problem(answer)["code"]

    async def do(self, what: str, **body: Any) -> httpx.Response:
        path = f"{LICENSES}/{self.licence_id}/{what}"
        return await self.admin("POST", path, key=new_id("key"), json=body)

    async def seats(self) -> list[dict[str, Any]]:
        """As many as the licence says that are in use."""
        await self.app.projected()
        answer = await self.admin.get(f"{LICENSES}/{self.licence_id}/seats", params={"limit": 100})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        licence = await self.admin.get(f"{LICENSES}/{self.licence_id}")
        assert licence.json()["seats_in_use"] == len(found)
        return found


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def app(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("seats")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, clock) as opened:
        yield opened
    drop(server, url)


async def desk_of(app: Running, **custom: Any) -> Desk:
    """A licence that is active, with numbers of its own."""
    admin = app.caller("usr_admin", "admin")
    numbers = {"year_minor": 1_000, "seats": None, "features": ["white_label"], **custom}
    founded = {"name": "Acme", "owner_id": new_id("usr")}
    made = await admin("POST", "/api/enterprise/organisations", key=new_id("key"), json=founded)
    body = {"org_id": made.json()["org_id"], "tier": "custom", "custom": numbers}
    issued = await admin("POST", f"{LICENSES}/create", key=new_id("key"), json=body)
    assert issued.status_code == 201, issued.text
    desk = Desk(app, issued.json()["licence_id"])
    assert (await desk.do("activate")).status_code == 200
    return desk


async def test_a_device_has_one_seat_and_the_limit_is_the_limit(app: Running) -> None:
    desk = await desk_of(app, seats=2)
    first, again = await desk.ask("activate", "a"), await desk.ask("activate", "a")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["features"] == ["white_label"]
    assert first.json()["until"] is None
    assert await desk.codes("activate", "b") == [201]
    assert await desk.refused("activate", "c") == (409, "seats_exceeded")
    assert await desk.codes("activate", "a") == [200]


async def test_of_a_hundred_at_once_ten_have_the_ten_seats(app: Running, clock: Clock) -> None:
    """By two processes, of which each decides for itself."""
    desk = await desk_of(app, seats=10)
    async with running(app.services.settings, app.services.database_url, clock) as second:
        other = Desk(second, desk.licence_id)
        asked = [(desk if number % 2 else other).ask("activate", f"n{number}") for number in range(100)]
        answers = await asyncio.gather(*asked)
    found = [answer.status_code for answer in answers]
    assert (found.count(201), found.count(409)) == (10, 90)
    assert len((await app.services.store.state(SEATS, stream_of(desk.licence_id))).held) == 10


async def test_a_manager_frees_a_seat_of_whoever_is_inactive(app: Running) -> None:
    desk = await desk_of(app, seats=1)
    seat = (await desk.ask("activate", "a")).json()["seat_id"]
    assert [one["seat_id"] for one in await desk.seats()] == [seat]
    assert (await desk.do(f"seats/{seat}/deactivate")).json() == {"freed": True}
    assert await desk.codes("activate", "b") == [201]
    assert [one["user_id"] for one in await desk.seats()] == ["usr_b"]
    gone = await desk.do(f"seats/{seat}/deactivate")
    assert (gone.status_code, problem(gone)["code"]) == (404, "not_found")


async def test_who_has_a_seat_gives_it_back(app: Running) -> None:
    desk = await desk_of(app, seats=1, transfers=1)
    assert (await desk.ask("release", "a")).json() == {"freed": False}
    assert await desk.codes("activate", "a") == [201]
    stranger = app.caller("usr_b", "student")
    assert (await desk.ask("release", "a", by=stranger)).json() == {"freed": False}
    assert await desk.refused("activate", "a", by=stranger) == (409, "seat_taken")
    assert (await desk.ask("release", "a")).json() == {"freed": True}
    assert await desk.codes("activate", "b") == [201]
    assert await desk.refused("release", "b") == (409, "seat_transfers_exceeded")


async def test_who_left_the_organisation_has_no_seat_of_its_licences_once(app: Running) -> None:
    """By the gateway: who is back when it looks keeps theirs, and so does who claims one again later."""
    desk = await desk_of(app, seats=3, transfers=0)
    store, unused, clock = app.services.store, SimpleNamespace(), app.services.clock
    org_id = (await store.state(LICENCE, licence_stream(desk.licence_id))).org_id
    [owner] = (await store.state(ORGANISATION, organisation_stream(org_id))).members
    assert await desk.codes("activate", "a", "b") == [201, 201]
    assert (await desk.ask("activate", "c", by=app.caller(owner, "enterprise"))).status_code == 201
    licences = TableLicences(conninfo(app.services.database_url))
    gateway = StripeGateway(store, unused, clock, licences=licences)  # type: ignore[arg-type]  # Stripe is not asked
    left_at = await app.projected()
    for user_id in ("usr_a", owner):
        await gateway.deliver(FreeMemberSeats(org_id, user_id, left_at), WORKER)
    assert [one["user_id"] for one in await desk.seats()] == [owner, "usr_b"]
    assert await desk.codes("activate", "a") == [201]
    await gateway.deliver(FreeMemberSeats(org_id, "usr_a", left_at), WORKER)
    assert len(await desk.seats()) == 3
    with pytest.raises(Postponed, match="behind the ledger"):
        await gateway.deliver(FreeMemberSeats(org_id, "usr_a", await store.head() + 1), WORKER)
    with pytest.raises(Postponed, match="nothing here"):
        await StripeGateway(store, unused, clock).deliver(FreeMemberSeats(org_id, "usr_a", left_at), WORKER)  # type: ignore[arg-type]  # as above


async def test_a_floating_seat_lasts_as_long_as_its_heartbeats(app: Running, clock: Clock) -> None:
    desk = await desk_of(app, seats=1, floating=True, lease_minutes=10)
    claimed = await desk.ask("activate", "a")
    assert datetime.fromisoformat(claimed.json()["until"]) == clock.at + 10 * MINUTE
    for _ in range(3):
        clock.at += 9 * MINUTE
        head = await app.services.store.head()
        assert await desk.codes("heartbeat", "a") == [200]
        assert await app.services.store.head() == head, "a heartbeat is no fact"
    assert await desk.refused("activate", "b") == (409, "seats_exceeded")
    clock.at += 10 * MINUTE
    assert await desk.seats() == [], "judged when it is read"
    assert await desk.codes("activate", "b") == [201]
    assert await desk.refused("heartbeat", "a") == (409, "seats_exceeded")
    clock.at += 10 * MINUTE
    late = await desk.ask("heartbeat", "a")
    assert (late.status_code, late.json()["seat_id"] != claimed.json()["seat_id"]) == (201, True)
    assert [one["user_id"] for one in await desk.seats()] == ["usr_a"]


async def test_a_heartbeat_that_is_late_claims_anew_also_when_nobody_else_did(
    app: Running, clock: Clock
) -> None:
    desk = await desk_of(app, seats=1, floating=True)
    first = await desk.ask("activate", "a")
    clock.at += 10 * MINUTE
    late = await desk.ask("heartbeat", "a")
    assert (late.status_code, late.json()["seat_id"] == first.json()["seat_id"]) == (201, False)


async def test_a_lease_that_was_found_over_is_not_revived_by_a_clock_that_is_behind(app: Running) -> None:
    noon, lease = datetime(2026, 1, 1, 12, tzinfo=UTC), 10 * MINUTE
    async with app.services.reading() as connection:
        await leases.begin(connection, "sea_slow", "lic_slow", noon)
        assert await leases.close(connection, "lic_slow", noon - MINUTE) == []
        assert await leases.beat(connection, "sea_slow", noon - MINUTE, MINUTE / 2) == noon, "never earlier"
        assert await leases.close(connection, "lic_slow", noon) == ["sea_slow"]
        assert await leases.beat(connection, "sea_slow", noon - MINUTE, lease) is None


async def test_a_named_seat_needs_no_heartbeat(app: Running, clock: Clock) -> None:
    desk = await desk_of(app, seats=1)
    await desk.ask("activate", "a")
    clock.at += 1000 * MINUTE
    assert await desk.codes("heartbeat", "a") == [200]
    assert await desk.refused("activate", "b") == (409, "seats_exceeded")


async def test_a_lease_is_closed_once_whoever_finds_it_over(app: Running, clock: Clock) -> None:
    desk = await desk_of(app, seats=3, floating=True)
    await desk.codes("activate", "a", "b", "c")
    clock.at += 11 * MINUTE
    answers = await asyncio.gather(*(desk.ask("activate", f"late{number}") for number in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3


async def test_leases_of_seats_that_were_released_keep_nobody_waiting(
    app: Running, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "AT_ONCE", 1)
    desk = await desk_of(app, seats=1, floating=True)
    for device in "abc":
        assert await desk.codes("activate", device) == [201]
        await desk.ask("release", device)
    assert await desk.codes("activate", "d") == [201]
    clock.at += 10 * MINUTE
    assert await desk.codes("activate", "e") == [201]


async def test_over_a_limit_that_was_lowered_only_new_ones_wait(app: Running, clock: Clock) -> None:
    desk = await desk_of(app, seats=5)
    await desk.codes("activate", *"abcde")
    smaller = {"year_minor": 1_000, "seats": 3}
    renewed = await desk.do("renew", term=2, tier="custom", custom=smaller)
    assert renewed.status_code == 200, renewed.text
    before, clock.at = clock.at, clock.at + timedelta(days=366)
    try:
        assert await desk.codes("activate", *"abcde") == [200] * 5
        assert await desk.refused("activate", "f") == (409, "seats_exceeded")
        for device in "abc":
            await desk.ask("release", device)
        assert await desk.codes("activate", "f") == [201]
    finally:
        clock.at = before


async def test_a_licence_that_gives_nothing_gives_no_seat(app: Running) -> None:
    desk = await desk_of(app, seats=2)
    await desk.ask("activate", "a")
    await desk.do("suspend", reason="Unpaid")
    assert await desk.refused("activate", "b") == (403, "licence_not_live")
    assert await desk.refused("heartbeat", "a") == (403, "licence_not_live")
    assert (await desk.ask("release", "a")).json() == {"freed": True}


async def test_a_key_that_is_altered_unknown_or_of_nothing_is_one_refusal(app: Running, clock: Clock) -> None:
    desk = await desk_of(app)
    claims = KeyClaims(
        licence_id=desk.licence_id,
        org_id="org_acme",
        tier="custom",
        features=(),
        seats=None,
        serial=1,
        issued_at=int(clock.at.timestamp()),
        expires_at=int(clock.at.timestamp()) + 1_000,
    )
    foreign = key_of(claims, made(clock.at))
    unknown = key_for(app.services, "lic_nobodys")
    early = key_for(app.services, desk.licence_id, issued_at=int(clock.at.timestamp()) + 3_600)
    altered = f"{desk.key[:-3]}{'B' if desk.key[-3] == 'A' else 'A'}{desk.key[-2:]}"
    for key in ("key/x.y", altered, foreign, unknown, early):
        assert await desk.refused("activate", "a", licence_key=key) == (403, "licence_key_invalid")


async def test_a_key_outlives_its_term_as_the_licence_is_asked(app: Running, clock: Clock) -> None:
    desk = await desk_of(app)
    over = key_for(
        app.services,
        desk.licence_id,
        issued_at=int(clock.at.timestamp()) - 100,
        expires_at=int(clock.at.timestamp()) - 1,
    )
    assert (await desk.ask("activate", "a", licence_key=over)).status_code == 201


async def test_a_fingerprint_is_nowhere_as_it_is(app: Running) -> None:
    desk = await desk_of(app)
    await desk.ask("activate", "a")
    (fact,) = await app.services.store.read_stream(stream_of(desk.licence_id))
    assert "device-a" not in repr(fact)
    elsewhere = await desk_of(app)
    await elsewhere.ask("activate", "a")
    (other,) = await app.services.store.read_stream(stream_of(elsewhere.licence_id))
    mine, theirs = fact.event, other.event
    assert isinstance(mine, SeatActivated)
    assert isinstance(theirs, SeatActivated)
    assert mine.device != theirs.device, "each licence has a salt of its own"


async def test_a_service_claims_for_a_user_and_a_user_for_nobody_else(app: Running) -> None:
    desk = await desk_of(app)
    service = app.caller("usr_shop", "service")
    claimed = await desk.ask("activate", "a", by=service, user_id="usr_ann")
    assert claimed.json()["user_id"] == "usr_ann"
    assert await desk.refused("activate", "b", user_id="usr_ann") == (404, "not_found")


async def gives(app: Running, user: str, feature: str = "white_label") -> tuple[bool, str]:
    await app.projected()
    told = (await app.caller(user, "student").get(f"/api/features/{feature}/check")).json()
    return told["allowed"], told["reason"]


async def test_a_seat_gives_the_features_of_its_licence_as_long_as_both_last(
    app: Running, clock: Clock
) -> None:
    desk = await desk_of(app, floating=True)
    assert await gives(app, "usr_given") == (False, "not_in_tier")
    await desk.ask("activate", "given")
    assert await gives(app, "usr_given") == (True, "seat")
    assert await gives(app, "usr_given", "sso_integration") == (False, "not_in_tier")
    await desk.do("suspend", reason="Unpaid")
    assert (await gives(app, "usr_given"))[0] is False
    await desk.do("reinstate", reason="Paid")
    assert (await gives(app, "usr_given"))[0] is True
    clock.at += 10 * MINUTE
    assert (await gives(app, "usr_given"))[0] is False, "its lease is over"
    await desk.ask("heartbeat", "given")
    assert (await gives(app, "usr_given"))[0] is True
    await desk.ask("release", "given")
    assert (await gives(app, "usr_given"))[0] is False
