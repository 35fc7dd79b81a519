"""A snapshot is believed when it is right, left aside when it is not, and never needed."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from psycopg import Connection, errors

from ledger.store import APPLICATION, AUDITOR, Role, conninfo, snapshots
from ledger.store.mapper import FactMapper
from ledger.store.proof import AHEAD, UNREADABLE, UNSEALED, WRONG, Proof, prove_snapshots
from ledger.store.streams import EVERY, Folded, StreamCache, StreamLoader
from tests.ledger.store.purse import (
    ANN,
    PURSE,
    Filled,
    FilledV1,
    NotEnough,
    Purse,
    Spent,
    evolve,
    fill,
    open_purses,
    spend,
)
from tests.service import eventually

FACTS = 3 * EVERY
"""One coin each, in the purse that every test begins with."""


class Counted:
    """The rules of purses, and how many facts they folded."""

    def __init__(self) -> None:
        self.folded = 0
        self.rules = replace(PURSE, evolve=self.evolve)

    def evolve(self, purse: Purse, event: Any) -> Purse:
        self.folded += 1
        return evolve(purse, event)


@pytest.fixture
async def url(database_url: str) -> str:
    """Of a ledger with `purse-a`, which is long, and `purse-b`, which is as long and holds less."""
    async with open_purses(database_url) as store:
        for purse, coins in (("a", 2), ("b", 1)):
            await store.handle(fill(purse, coins=FACTS * coins), ANN)
            await store.handle(spend(purse, times=FACTS - 1), ANN)
    return database_url


LEFT = FACTS + 1
"""The coins in `purse-a`."""


@pytest.fixture
def owner(url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        yield conn


async def load(url: str, rules: Any = PURSE, purse: str = "a") -> Any:
    """The stream as a process reads it that has just started."""
    async with open_purses(url, deciders=(rules,)) as store:
        return await store.state(rules, f"purse-{purse}")


def prove(conn: Connection[Any]) -> Proof:
    return prove_snapshots(conn, deciders=(PURSE,), event_types=(Filled, FilledV1, Spent))


def kept(conn: Connection[Any]) -> dict[str, int]:
    return dict(conn.execute("SELECT stream, version FROM snapshots").fetchall())


async def test_a_long_stream_is_not_folded_again(url: str, owner: Connection[Any]) -> None:
    counted = Counted()
    assert await load(url, counted.rules) == Purse(LEFT)
    assert counted.folded < EVERY
    assert kept(owner) == {"purse-a": FACTS, "purse-b": FACTS}


async def test_what_came_after_the_snapshot_is_folded_onto_it(url: str) -> None:
    async with open_purses(url) as store:
        await store.handle(fill(coins=5), ANN)
    counted = Counted()
    assert await load(url, counted.rules) == Purse(LEFT + 5)
    assert counted.folded == 1


async def test_decisions_after_a_restart_rest_on_all_facts(url: str) -> None:
    async with open_purses(url) as store:
        with pytest.raises(NotEnough):
            await store.handle(spend(coins=LEFT + 1), ANN)
        assert (await store.handle(spend(coins=LEFT), ANN)).state == Purse(0)


async def test_many_streams_come_in_one_query(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    rows = StreamLoader._rows

    async def counted(self: StreamLoader, conn: Any, query: str, arguments: Any) -> Any:
        asked.append(query)
        return await rows(self, conn, query, arguments)

    monkeypatch.setattr(StreamLoader, "_rows", counted)
    loader = StreamLoader(FactMapper((Filled, FilledV1, Spent)))
    async with await psycopg.AsyncConnection.connect(conninfo(url), autocommit=True) as conn:
        known = await loader.refresh(conn, dict.fromkeys(("purse-a", "purse-b", "purse-none"), PURSE), {})
    assert [known[f"purse-{name}"].state for name in ("a", "b", "none")] == [Purse(LEFT), Purse(1), Purse()]
    assert len(asked) == 1


async def test_deleting_all_of_them_loses_nothing(url: str, owner: Connection[Any]) -> None:
    owner.execute("DELETE FROM snapshots")
    assert await load(url) == Purse(LEFT)
    assert kept(owner) == {"purse-a": FACTS}, "who had to read it all keeps it for the next"


RESEAL = """
    UPDATE snapshots SET seal = sha256(
        (SELECT hash FROM events AS e WHERE e.stream = snapshots.stream AND e.version = snapshots.version)
        || convert_to(shape, 'UTF8') || state
    )
"""
RICHER = "UPDATE snapshots SET state = '{\"coins\":1000000}'"
DAMAGE = {
    "changed": (RICHER,),
    "cut short": ("UPDATE snapshots SET state = substr(state, 1, 5)",),
    "emptied": ("UPDATE snapshots SET state = '', seal = ''",),
    "ahead of the stream": (RICHER, "UPDATE snapshots SET version = version + 1"),
    "far ahead of the stream": ("UPDATE snapshots SET version = 9000000000000000000",),
    "said to be of another version": ("UPDATE snapshots SET version = version - 1",),
    "another stream's": (
        """
        UPDATE snapshots AS s SET state = o.state, seal = o.seal FROM snapshots AS o
        WHERE o.stream <> s.stream
        """,
    ),
    "of another shape": (RICHER, "UPDATE snapshots SET shape = repeat('0', 64)", RESEAL),
    "sealed but no JSON": ("UPDATE snapshots SET state = '\\xff00'", RESEAL),
    "sealed but of other fields": ('UPDATE snapshots SET state = \'{"coins":"many"}\'', RESEAL),
    "forged": (RICHER, RESEAL),
}


def do(conn: Connection[Any], damage: str) -> None:
    for statement in DAMAGE[damage]:
        conn.execute(statement.encode())


@pytest.mark.parametrize("damage", sorted(DAMAGE.keys() - {"forged"}))
async def test_a_snapshot_that_is_damaged_is_as_none(url: str, owner: Connection[Any], damage: str) -> None:
    do(owner, damage)
    assert await load(url) == Purse(LEFT)
    assert await load(url, purse="b") == Purse(1)
    counted = Counted()
    assert await load(url, counted.rules) == Purse(LEFT)
    assert counted.folded < EVERY, "and it was replaced by a good one"
    assert prove(owner) == Proof(proved=2, outdated=0, bad=())


class Wallet(msgspec.Struct, frozen=True):
    """What purses were, or will be."""

    coins: int = 0
    notes: int = 1


class Heavier(Spent, frozen=True, kw_only=True):
    grams: int = 0


def _wallet(wallet: Wallet, event: Any) -> Wallet:
    return replace(wallet, coins=evolve(Purse(wallet.coins), event).coins)


OTHER_RULES = {
    "another type of state": (replace(PURSE, initial=Wallet(), evolve=_wallet), Wallet(LEFT)),
    "another meaning": (replace(PURSE, revision=2, evolve=lambda _, event: Purse(event.coins)), Purse(1)),
    "another field in a fact": (replace(PURSE, events=(Filled, Heavier)), Purse(LEFT)),
    "another fact": (replace(PURSE, events=(Filled, Spent, FilledV1)), Purse(LEFT)),
}


@pytest.mark.parametrize("change", OTHER_RULES)
async def test_a_snapshot_of_other_rules_is_as_none(url: str, owner: Connection[Any], change: str) -> None:
    rules, state = OTHER_RULES[change]
    assert await load(url, rules) == state
    assert prove(owner).outdated == 1, "the newer process has replaced it"
    assert await load(url) == Purse(LEFT), "and an older one beside it minds as little"


async def test_a_stream_whose_state_cannot_be_written_goes_without(database_url: str) -> None:
    rules = replace(PURSE, initial=None, evolve=lambda *_: object(), decide=lambda *_: (Spent(coins=1),))
    async with open_purses(database_url, deciders=(rules,)) as store:
        for _ in range(EVERY + 1):
            await store.handle(fill(), ANN)
    with psycopg.connect(conninfo(database_url)) as conn:
        assert kept(conn) == {}


async def test_a_commit_waits_for_no_snapshot(
    url: str, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_STOPPING_S", 0.05)
    with owner.transaction():
        owner.execute("LOCK TABLE snapshots IN EXCLUSIVE MODE")  # no snapshot can be written meanwhile
        async with open_purses(url) as store:
            for _ in range(2):
                await store.handle(fill(coins=EVERY), ANN)
                outcome = await store.handle(spend(times=EVERY), ANN)
    assert outcome.state == Purse(LEFT)
    assert await load(url) == Purse(LEFT)


async def test_a_service_that_may_not_write_them_works_on(url: str, owner: Connection[Any]) -> None:
    owner.execute("REVOKE INSERT ON snapshots FROM liberation_application")
    async with open_purses(url) as store:
        for _ in range(2):
            await store.handle(fill(coins=EVERY), ANN)
            outcome = await store.handle(spend(times=EVERY), ANN)
    assert outcome.state == await load(url) == Purse(LEFT)


WRITES_ONE = """
    import asyncio, sys
    from tests.ledger.store.purse import ANN, fill, open_purses, spend

    async def main() -> None:
        async with open_purses(sys.argv[1]) as store:
            await store.handle(fill(coins=50, command_id="f"), ANN)
            await store.handle(spend(times=50, command_id="s"), ANN)
            print("acknowledged", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""
HOLD_THE_WRITING = """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(600);
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER hold BEFORE UPDATE ON snapshots FOR EACH ROW EXECUTE FUNCTION hold();
"""
THE_WRITING = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'snapshots' AND state = 'active' AND datname = current_database()
"""


async def test_kill_9_while_one_is_written_leaves_the_last_one(url: str, owner: Connection[Any]) -> None:
    owner.execute(HOLD_THE_WRITING)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(WRITES_ONE), url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"acknowledged\n"
    writing = eventually(lambda: owner.execute(THE_WRITING).fetchone())
    process.kill()
    await process.wait()
    owner.execute("SELECT pg_terminate_backend(%s, 10000)", writing)
    owner.execute("DROP TRIGGER hold ON snapshots")
    assert kept(owner)["purse-a"] == FACTS, "what was there before"
    assert await load(url) == Purse(LEFT)
    assert prove(owner).bad == ()


@pytest.mark.parametrize(
    ("role", "statement", "allowed"),
    [
        (APPLICATION, "UPDATE snapshots SET saved_at = now()", True),
        (APPLICATION, "DELETE FROM snapshots", True),
        (APPLICATION, "TRUNCATE snapshots", False),
        (AUDITOR, "SELECT count(*) FROM snapshots", True),
        (AUDITOR, "UPDATE snapshots SET saved_at = now()", False),
        (AUDITOR, "DELETE FROM snapshots", False),
    ],
)
async def test_who_may_do_what(url: str, role: Role, statement: str, *, allowed: bool) -> None:
    with psycopg.connect(conninfo(url, role=role), autocommit=True) as conn:
        if allowed:
            conn.execute(statement.encode())
            return
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute(statement.encode())


FOUND = {"changed": UNSEALED, "ahead of the stream": AHEAD, "sealed but no JSON": UNREADABLE, "forged": WRONG}


@pytest.mark.parametrize("damage", FOUND)
async def test_a_proof_names_the_snapshots_that_are_not_what_the_facts_say(
    url: str, owner: Connection[Any], damage: str
) -> None:
    assert prove(owner) == Proof(proved=2, outdated=0, bad=())
    do(owner, damage)
    assert [(one.stream, one.why) for one in prove(owner).bad] == [
        (stream, FOUND[damage]) for stream in ("purse-a", "purse-b")
    ]


# --------------------------------------------------------------------------------------------- memory


def heavy(version: int, saved_bytes: int) -> Folded:
    return Folded(version, Purse(), None, saved=version, saved_bytes=saved_bytes)


def test_the_cache_is_bounded_by_bytes() -> None:
    cache = StreamCache(1_000, max_bytes=1_000_000)
    for i in range(100):
        cache.update({f"purse-{i}": heavy(1, 10_000)})
        assert cache.weight <= 1_000_000
    assert 10 < len(cache) < 20
    assert cache.get("purse-99") is not None
    assert cache.get("purse-0") is None


def test_a_stream_that_grows_pushes_others_out_and_its_snapshot_tells_its_size() -> None:
    cache = StreamCache(1_000, max_bytes=100_000)
    cache.update({f"purse-{i}": heavy(1, 100) for i in range(10)})
    cache.update({"purse-long": Folded(10_000, Purse())})
    assert len(cache) == 1, "who knows what so many facts left"
    cache.note_saved("purse-long", 10_000, 200)
    cache.update({f"purse-{i}": heavy(1, 100) for i in range(10)})
    assert len(cache) == 11, "next to nothing, as it turned out"
    assert cache.weight == sum(folded.weight for folded in cache._folded.values())


def test_the_weight_follows_what_is_replaced_and_forgotten() -> None:
    cache = StreamCache(2)
    for version in (1, 50, 2, 51):
        for name in "abc":
            cache.update({name: Folded(version, Purse())})
            assert cache.weight == sum(folded.weight for folded in cache._folded.values())
    assert len(cache) == 2
