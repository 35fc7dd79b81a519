"""Calls by an organisation's API keys: no write for each, and exact at a hard limit over processes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from api import metering
from api.http.api_keys import create_api_key
from api.metering import ApiCalls
from ledger.errors import Invalid, StoreUnavailable
from ledger.ids import new_id
from ledger.licence_tiers import Allowance, Grant
from ledger.licences.commands import ActivateLicence, IssueLicence, SuspendLicence, UpgradeLicence
from ledger.licences.live import LicenceNotLive
from ledger.store import Store, conninfo
from ledger.usage.commands import LeaseUsage, SettleLease
from ledger.usage.decider import USAGE
from ledger.usage.refusals import MetricNotGranted, UsageExceeded
from ledger.usage.state import Usage
from ledger.usage.stream import stream_of
from tests.api.licences.test_seats import Clock, app, clock
from tests.api.licences.ways import ADMIN
from tests.api.support import Caller, Running, problem
from tests.ledger.licence_examples import GIVEN, STARTER, command

__all__ = ["app", "clock"]
DAY = timedelta(days=1)


class Hands:
    """A clock of seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def granting(limit: int | None, **changes: Any) -> Grant:
    allowances = () if limit == -1 else (Allowance(metric="api_calls", limit=limit, **changes),)
    return replace(STARTER, allowances=allowances)


async def licensed(store: Store, clock: Clock, limit: int | None, **changes: Any) -> str:
    """A licence that is active, and grants so many calls a month; none with -1."""
    licence_id = new_id("lic")
    about = {"licence_id": licence_id, "billing": GIVEN}
    await do(store, clock, IssueLicence, **about, grant=granting(limit, **changes))
    await do(store, clock, ActivateLicence, licence_id=licence_id)
    return licence_id


async def do(store: Store, clock: Clock, kind: Any, **changes: Any) -> None:
    await store.handle(command(kind, clock.now(), command_id=new_id("cmd"), **changes), ADMIN)


async def used(store: Store, licence_id: str, month: str = "2026-01") -> Usage:
    usage: Usage = await store.state(USAGE, stream_of(licence_id, "api_calls", month))
    return usage


async def passed(calls: ApiCalls, licence_id: str, times: int) -> int:
    """How many of so many at once are let through."""

    async def one() -> bool:
        try:
            await calls.count(licence_id)
        except UsageExceeded:
            return False
        return True

    return sum(await asyncio.gather(*(one() for _ in range(times))))


@pytest.fixture
def still() -> Clock:
    """A clock of this test alone."""
    clock = Clock()
    clock.at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    return clock


async def test_of_two_processes_that_ask_for_more_than_there_is_exactly_the_limit_passes(
    database_url: str, still: Clock
) -> None:
    """One that is done early may hold some back, until it tells; then they are there for the other."""
    hands = Hands()
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(Store.open(database_url)) for _ in range(2)]
        licence_id = await licensed(stores[0], still, 1_000)
        processes = [ApiCalls(store, still, hands) for store in stores]

        async def asked(times: int) -> list[int]:
            let_through = await asyncio.gather(*(passed(one, licence_id, times) for one in processes))
            for one in processes:
                await one.tell()
            hands.at += metering.REFUSED_S
            return let_through

        first = await asked(700)
        assert sum(first) <= 1_000
        rest = await asked(1_000)
        assert sum(first) + sum(rest) == 1_000
        assert await asked(10) == [0, 0]
        usage = await used(stores[0], licence_id)
        assert (usage.used, usage.leased, len(usage.leases)) == (1_000, 0, 0)


async def test_five_hundred_calls_are_a_dozen_facts_and_are_told_when_a_process_stops(
    app: Running, still: Clock
) -> None:
    store = app.services.store
    licence_id = await licensed(store, still, 100_000)
    before = await store.head()
    async with ApiCalls(store, still) as calls:
        assert await passed(calls, licence_id, 500) == 500
    usage = await used(store, licence_id)
    assert (usage.used, usage.leased) == (500, 0)
    assert await store.head() - before <= 12


async def test_a_process_that_dies_leaves_its_block_set_aside_and_the_limit_holds(
    app: Running, still: Clock
) -> None:
    store = app.services.store
    licence_id = await licensed(store, still, 100)
    assert await passed(ApiCalls(store, still), licence_id, 3) == 3, "and it says nothing more"
    usage = await used(store, licence_id)
    assert (usage.used, usage.leased) == (0, 5)
    other = ApiCalls(store, still)
    assert await passed(other, licence_id, 200) == 95
    await other.tell()
    assert (await used(store, licence_id)).used == 95
    still.at += 20 * DAY
    assert await passed(other, licence_id, 200) == 100, "the next month begins anew"


async def test_what_was_not_used_is_given_back_to_the_others_when_it_is_told(
    app: Running, still: Clock
) -> None:
    store, hands = app.services.store, Hands()
    licence_id = await licensed(store, still, 100)
    one, other = ApiCalls(store, still, hands), ApiCalls(store, still, hands)
    assert await passed(one, licence_id, 1) == 1
    assert await passed(other, licence_id, 200) == 95
    with pytest.raises(UsageExceeded, match="set aside"):
        await other.count(licence_id)
    await one.tell(older_than_s=metering.TELL_S)
    assert (await used(store, licence_id)).leased == 5, "it is not so old yet"
    hands.at += metering.TELL_S
    await one.tell(older_than_s=metering.TELL_S)
    assert await passed(other, licence_id, 200) == 4
    await other.tell()
    assert (await used(store, licence_id)).used == 100


async def test_a_refusal_is_repeated_for_a_moment_without_asking(
    app: Running, still: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, hands = app.services.store, Hands()
    licence_id = await licensed(store, still, 1)
    calls = ApiCalls(store, still, hands)
    assert await passed(calls, licence_id, 2) == 1
    asked: list[Any] = []
    handle = store.handle

    async def noted(command: Any, origin: Any) -> Any:
        asked.append(command)
        return await handle(command, origin)

    monkeypatch.setattr(store, "handle", noted)
    assert await passed(calls, licence_id, 100) == 0
    assert asked == []
    await do(store, still, UpgradeLicence, licence_id=licence_id, grant=granting(3), billing=GIVEN)
    hands.at += metering.REFUSED_S
    assert await passed(calls, licence_id, 100) == 2


async def test_beyond_a_soft_limit_and_without_one_all_pass(app: Running, still: Clock) -> None:
    store = app.services.store
    soft = await licensed(store, still, 5, soft=True, overage_minor=1)
    endless = await licensed(store, still, None)
    async with ApiCalls(store, still) as calls:
        assert await passed(calls, soft, 30) + await passed(calls, endless, 30) == 60
    assert ((await used(store, soft)).used, (await used(store, endless)).used) == (30, 30)


async def test_a_licence_that_gives_nothing_or_no_calls_lets_none_through(app: Running, still: Clock) -> None:
    store = app.services.store
    suspended, without = await licensed(store, still, 5), await licensed(store, still, -1)
    await do(store, still, SuspendLicence, licence_id=suspended)
    calls = ApiCalls(store, still)
    for licence_id, refusal in (
        (suspended, LicenceNotLive),
        (without, MetricNotGranted),
        ("lic_none", LicenceNotLive),
    ):
        with pytest.raises(refusal):
            await calls.count(licence_id)


class Cut:
    """A store that is not reached with commands of one kind, or does what is asked and loses the answer."""

    def __init__(self, store: Store, kind: type[Any], *, arrives: bool) -> None:
        self.store, self.kind, self.arrives, self.state = store, kind, arrives, store.state

    async def handle(self, command: Any, origin: Any) -> Any:
        cut = isinstance(command, self.kind)
        if self.arrives or not cut:
            outcome = await self.store.handle(command, origin)
        if cut:
            raise StoreUnavailable("The line was cut.")
        return outcome


async def test_a_lease_whose_answer_was_lost_is_asked_for_by_the_same_command(
    app: Running, still: Clock
) -> None:
    store = app.services.store
    licence_id = await licensed(store, still, 1_000)
    calls = ApiCalls(Cut(store, LeaseUsage, arrives=True), still)  # type: ignore[arg-type]  # what it uses of one
    with pytest.raises(StoreUnavailable):
        await calls.count(licence_id)
    calls._store = store
    await calls.count(licence_id)
    usage = await used(store, licence_id)
    assert (usage.leases_given, usage.leased) == (1, 10)


@pytest.mark.parametrize("arrives", [True, False])
async def test_what_could_not_be_told_is_told_later_and_counts_once(
    app: Running, still: Clock, *, arrives: bool
) -> None:
    store = app.services.store
    licence_id = await licensed(store, still, 1_000)
    cut: Any = Cut(store, SettleLease, arrives=arrives)
    calls = ApiCalls(cut, still)
    assert await passed(calls, licence_id, 7) == 7
    await calls.tell()
    calls._store = store
    await calls.tell()
    await calls.tell()
    usage = await used(store, licence_id)
    assert (usage.used, usage.leased) == (7, 0)


async def test_what_is_told_long_after_its_month_is_lost_and_said(app: Running, still: Clock) -> None:
    store = app.services.store
    licence_id = await licensed(store, still, 1_000)
    calls = ApiCalls(store, still)
    assert await passed(calls, licence_id, 7) == 7
    still.at += 20 * DAY
    await calls.tell()
    assert (await used(store, licence_id)).used == 0
    assert calls._untold == {}


# ------------------------------------------------------------------------------------------------- over HTTP


async def keyed(app: Running, licence_id: str, *roles: str) -> Caller:
    await app.projected()
    with psycopg.connect(conninfo(app.services.database_url, role=None), autocommit=True) as owner:
        made = create_api_key(owner, "lms", roles or ("student", "enterprise"), licence_id=licence_id)
    return Caller(app.client, made.key_id, made.key)


async def test_the_calls_of_an_organisations_key_are_counted_and_no_others(
    app: Running, clock: Clock
) -> None:
    clock.at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    licence_id = await licensed(app.services.store, clock, 3)
    key = await keyed(app, licence_id)
    assert (await key.get("/api/ledger/accounts")).status_code == 403, "what a role may not is no call"
    assert [(await key.get("/api/me")).status_code for _ in range(3)] == [200, 200, 200]
    refused = await key.get("/api/courses/list")
    assert (refused.status_code, problem(refused)["code"]) == (409, "usage_exceeded")
    for path in ("/api/enterprise/organisations", "/api/enterprise/licenses", "/livez"):
        assert (await key.get(path)).status_code == 200, path
    assert (await app.caller("usr_ann", "student").get("/api/me")).status_code == 200
    await app.services.api_calls.tell()
    assert (await used(app.services.store, licence_id)).used == 3


async def test_a_key_of_a_licence_that_there_is_not_is_not_made(app: Running) -> None:
    with pytest.raises(Invalid, match="no licence 'lic_none'"):
        await keyed(app, "lic_none")


async def test_a_suspended_licence_stops_its_keys(app: Running, clock: Clock) -> None:
    licence_id = await licensed(app.services.store, clock, None)
    await do(app.services.store, clock, SuspendLicence, licence_id=licence_id)
    refused = await (await keyed(app, licence_id)).get("/api/me")
    assert (refused.status_code, problem(refused)["code"]) == (403, "licence_not_live")
