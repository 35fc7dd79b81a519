"""The last two owners of an organisation leave at the same moment, over two stores: one stays."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from msgspec.structs import replace

from ledger.message import Origin
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.refusals import LastOwner
from ledger.organisations.stream import stream_of
from ledger.store import Store
from tests.ledger.organisation_examples import OLA, ZOE, create, joins, leave

ORGANISATIONS = [f"org_{number}" for number in range(10)]


async def ask(store: Store, org_id: str, asked: Any) -> bool:
    """Whether it was done."""
    origin = Origin(actor=asked.user_id, roles=frozenset({"enterprise"}))
    try:
        await store.handle(replace(asked, org_id=org_id), origin)
    except LastOwner:
        return False
    return True


async def founded(url: str) -> None:
    async with Store.open(url) as store:
        for org_id in ORGANISATIONS:
            for asked in (create(), *joins(ZOE, "owner")):
                assert await ask(store, org_id, asked)


async def owners(url: str) -> list[int]:
    async with Store.open(url) as store:
        found = [await store.state(ORGANISATION, stream_of(org_id)) for org_id in ORGANISATIONS]
    assert all(set(one.members.values()) == {"owner"} for one in found)
    return [one.owners for one in found]


def leaves_all(url: str, user_id: str, together: Barrier) -> list[bool]:
    """In a thread, with a store of its own; each of the two waits for the other before it leaves the next."""

    async def leave_all() -> list[bool]:
        done = []
        async with Store.open(url) as store:
            for org_id in ORGANISATIONS:
                together.wait()
                done.append(await ask(store, org_id, leave(user_id)))
        return done

    return asyncio.run(leave_all())


def test_of_the_last_two_owners_one_stays(database_url: str) -> None:
    asyncio.run(founded(database_url))
    together = Barrier(2, timeout=60)
    with ThreadPoolExecutor(2) as threads:
        leaving = [threads.submit(leaves_all, database_url, user, together) for user in (OLA, ZOE)]
        done = [one.result() for one in leaving]
    assert [sum(both) for both in zip(*done, strict=True)] == [1] * len(ORGANISATIONS)
    assert asyncio.run(owners(database_url)) == [1] * len(ORGANISATIONS)
