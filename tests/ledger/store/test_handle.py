from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import psycopg
import pytest

from ledger.errors import Contended, IdempotencyMismatch, StoreUnavailable
from ledger.store import Store, conninfo, writer
from tests.ledger.store.purse import (
    ANN,
    NOON,
    PURSE,
    Fill,
    Filled,
    NotEnough,
    Purse,
    Spend,
    Spent,
    fill,
    open_purses,
    spend,
)


@pytest.fixture
async def purses(database_url: str) -> AsyncIterator[Store]:
    async with open_purses(database_url) as store:
        yield store


async def test_a_command_is_decided_and_recorded_with_who_what_and_when(purses: Store) -> None:
    outcome = await purses.handle(fill(coins=5, command_id="c1"), ANN)

    (recorded,) = await purses.read(after=0, limit=10)
    assert recorded == outcome.recorded[0]
    assert (recorded.position, recorded.stream, recorded.version) == (1, "purse-a", 1)
    assert recorded.event == Filled(coins=5)
    assert recorded.command_id == "c1"
    assert recorded.metadata.actor == "usr_ann"
    assert recorded.metadata.roles == ("student",)
    assert recorded.metadata.command == "purse.fill"
    assert recorded.metadata.correlation_id == "req_1"
    assert recorded.metadata.effective_at == NOON
    assert outcome.position == 1
    assert outcome.state == Purse(5)
    assert not outcome.repeated


async def test_a_refusal_records_nothing(purses: Store) -> None:
    await purses.handle(fill(coins=1), ANN)
    with pytest.raises(NotEnough, match="1 coins"):
        await purses.handle(spend(coins=2), ANN)
    assert await purses.head() == 1


async def test_all_events_of_a_command_are_recorded_together(purses: Store) -> None:
    await purses.handle(fill(coins=3), ANN)
    outcome = await purses.handle(spend(coins=1, times=3), ANN)
    assert [recorded.version for recorded in outcome.recorded] == [2, 3, 4]
    assert outcome.position == 4
    assert outcome.state == Purse(0)


async def test_a_command_that_changes_nothing_answers_with_the_state(purses: Store) -> None:
    await purses.handle(fill(coins=3), ANN)
    outcome = await purses.handle(fill(coins=0), ANN)
    assert (outcome.recorded, outcome.state, outcome.position) == ((), Purse(3), 1)


async def test_a_repeated_command_answers_with_what_it_did_the_first_time(purses: Store) -> None:
    first = await purses.handle(fill(coins=4, command_id="c1", slip="x"), ANN)
    await purses.handle(fill(coins=1), ANN)
    again = await purses.handle(fill(coins=4, command_id="c1", slip="generated anew"), ANN)
    assert again.repeated
    assert again.recorded == first.recorded
    assert again.state == Purse(5), "the state is today's"
    assert await purses.head() == 2


async def test_a_repeat_is_answered_even_when_the_rules_would_refuse_it_now(purses: Store) -> None:
    await purses.handle(fill(coins=1), ANN)
    first = await purses.handle(spend(coins=1, command_id="s1"), ANN)
    again = await purses.handle(spend(coins=1, command_id="s1"), ANN)
    assert again.repeated
    assert again.recorded == first.recorded


async def test_a_repeat_after_a_restart_is_found_too(database_url: str) -> None:
    async with open_purses(database_url) as store:
        first = await store.handle(fill(command_id="c1"), ANN)
    async with open_purses(database_url) as store:
        again = await store.handle(fill(command_id="c1"), ANN)
    assert again.recorded == first.recorded


async def test_the_same_command_id_for_another_payload_is_refused(purses: Store) -> None:
    await purses.handle(fill(coins=4, command_id="c1"), ANN)
    with pytest.raises(IdempotencyMismatch):
        await purses.handle(fill(coins=5, command_id="c1"), ANN)
    with pytest.raises(IdempotencyMismatch):
        await asyncio.gather(
            purses.handle(fill(coins=1, command_id="c2"), ANN),
            purses.handle(fill(coins=2, command_id="c2"), ANN),
        )


async def test_the_same_command_twenty_times_at_once_happens_once(database_url: str) -> None:
    async with open_purses(database_url) as one, open_purses(database_url) as other:
        outcomes = await asyncio.gather(
            *((one, other)[i % 2].handle(fill(coins=7, command_id="c1"), ANN) for i in range(20))
        )
        assert await one.head() == 1
    assert {outcome.recorded for outcome in outcomes} == {outcomes[0].recorded}


async def test_sixty_four_spends_at_once_from_twenty_coins(database_url: str) -> None:
    """Two services, one stream: exactly twenty succeed, whoever they are sent to."""
    async with open_purses(database_url) as one, open_purses(database_url) as other:
        await one.handle(fill(coins=20), ANN)
        results = await asyncio.gather(
            *((one, other)[i % 2].handle(spend(), ANN) for i in range(64)), return_exceptions=True
        )
        state = await other.state(PURSE, "purse-a")
    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 44
    assert {type(refusal) for refusal in refused} == {NotEnough}
    assert state == Purse(0)


async def test_a_writer_that_lost_its_races_takes_the_lock_and_wins(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "OPTIMISTIC_TRIES", 0)
    async with open_purses(database_url) as one, open_purses(database_url) as other:
        await asyncio.gather(*((one, other)[i % 2].handle(fill(coins=1), ANN) for i in range(60)))
        assert await one.state(PURSE, "purse-a") == Purse(60)


CUT_THE_FIRST_COMMIT = """
    CREATE SEQUENCE liberation.commits;
    CREATE FUNCTION liberation.cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF nextval('liberation.commits') = 1 THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
        RETURN NULL;
    END
    $$;
    CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON liberation.events
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liberation.cut();
"""


async def test_nothing_is_believed_before_its_commit(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut between the append and the commit of a writer that holds the lock."""
    monkeypatch.setattr(writer, "OPTIMISTIC_TRIES", 0)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(CUT_THE_FIRST_COMMIT)
    async with open_purses(database_url) as purses:
        outcome = await purses.handle(fill(coins=1), ANN)
        facts = await purses.read_stream("purse-a")
        assert [fact.version for fact in facts] == [1]
        assert tuple(facts) == outcome.recorded
        assert await purses.state(PURSE, "purse-a") == outcome.state == Purse(1)


async def test_a_refusal_looks_first_whether_another_service_changed_the_stream(database_url: str) -> None:
    async with open_purses(database_url) as one, open_purses(database_url) as other:
        await one.handle(fill(coins=1), ANN)
        await other.handle(fill(coins=9), ANN)
        assert (await one.handle(spend(coins=10), ANN)).state == Purse(0)


async def test_a_fault_in_the_rules_fails_its_own_command_alone(purses: Store) -> None:
    good, bad, also_good = await asyncio.gather(
        purses.handle(fill(coins=1), ANN),
        purses.handle(fill(coins=-1), ANN),
        purses.handle(fill(coins=2), ANN),
        return_exceptions=True,
    )
    assert isinstance(bad, ZeroDivisionError)
    assert not isinstance(good, BaseException)
    assert not isinstance(also_good, BaseException)
    assert also_good.state == Purse(3)


async def test_what_the_database_cannot_take_fails_its_own_command_alone(purses: Store) -> None:
    results = await asyncio.gather(
        purses.handle(fill("b", coins=1), ANN),
        purses.handle(fill("nul\x00", coins=1), ANN),
        purses.handle(fill("c", coins=1), ANN),
        return_exceptions=True,
    )
    assert [isinstance(result, psycopg.DataError) for result in results] == [False, True, False]
    assert await purses.head() == 2


async def test_commands_that_wait_together_share_a_transaction(purses: Store) -> None:
    await asyncio.gather(*(purses.handle(fill(f"p{i}"), ANN) for i in range(100)))
    assert purses.appended == 100
    assert purses.commits <= 3


async def test_a_lost_connection_loses_nothing_and_doubles_nothing(database_url: str, purses: Store) -> None:
    """The writer's connection is killed again and again while a hundred commands are under way."""
    kill = """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = 'store' AND datname = current_database()
    """
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        for round_ in range(5):
            sent = [
                asyncio.create_task(purses.handle(fill(f"r{round_}-{i % 7}", coins=1), ANN))
                for i in range(100)
            ]
            await asyncio.sleep(0)
            await admin.execute(kill)
            outcomes = await asyncio.gather(*sent)
            assert not any(outcome.repeated for outcome in outcomes)
    assert await purses.head() == 500


async def test_a_database_that_stays_away_is_said_so(database_url: str) -> None:
    async with open_purses(database_url, patience_s=0.05) as store:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
            name = admin.info.dbname
        async with await psycopg.AsyncConnection.connect(
            psycopg.conninfo.make_conninfo(database_url, dbname="postgres"), autocommit=True
        ) as admin:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            with pytest.raises(StoreUnavailable, match="same id"):
                await store.handle(fill(command_id="c1"), ANN)
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        assert (await store.handle(fill(command_id="c1"), ANN)).position == 1


async def test_stopping_records_what_was_waiting_and_refuses_what_comes_later(database_url: str) -> None:
    async with open_purses(database_url) as store:
        sent = [asyncio.create_task(store.handle(fill(f"p{i}"), ANN)) for i in range(300)]
        await asyncio.sleep(0)
    assert sorted(outcome.position for outcome in await asyncio.gather(*sent)) == list(range(1, 301))
    with pytest.raises(StoreUnavailable, match="shutting down"):
        await store.handle(fill(), ANN)


async def test_subscribers_hear_of_every_append(purses: Store) -> None:
    heard: list[int] = []
    purses.subscribe(heard.append)
    await purses.handle(fill(coins=3), ANN)
    await purses.handle(spend(times=2), ANN)
    assert heard == [1, 3]


async def test_the_cache_forgets_the_oldest_stream_and_nothing_else_changes(database_url: str) -> None:
    async with open_purses(database_url, cached_streams=2) as store:
        for i in range(6):
            await store.handle(fill(f"p{i % 3}", coins=1), ANN)
        assert [await store.state(PURSE, f"purse-p{i}") for i in range(3)] == [Purse(2)] * 3


async def test_a_follower_misses_nothing_while_services_race(database_url: str) -> None:
    async with open_purses(database_url) as one, open_purses(database_url) as other:
        seen: list[int] = []
        total = 400

        async def follow() -> None:
            while len(seen) < total:
                batch = await one.read(after=seen[-1] if seen else 0, limit=50)
                seen.extend(recorded.position for recorded in batch)

        await asyncio.gather(
            follow(), *((one, other)[i % 2].handle(fill(f"p{i % 40}"), ANN) for i in range(total))
        )
    assert seen == list(range(1, total + 1))


async def test_the_application_role_can_append_and_read_and_nothing_else(
    database_url: str, purses: Store
) -> None:
    await purses.handle(fill(), ANN)
    async with await psycopg.AsyncConnection.connect(conninfo(database_url), autocommit=True) as conn:
        for statement in (
            "INSERT INTO events SELECT * FROM events",
            "UPDATE events SET type = 'x'",
            "DELETE FROM events",
            "TRUNCATE events",
            "UPDATE head SET position = 0",
            "ALTER TABLE events DISABLE TRIGGER ALL",
            "DROP TABLE events",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(statement.encode())


async def test_not_even_the_owner_changes_history_by_mistake(database_url: str, purses: Store) -> None:
    await purses.handle(fill(), ANN)
    owner = conninfo(database_url, role=None)
    async with await psycopg.AsyncConnection.connect(owner, autocommit=True) as conn:
        await conn.execute("SET session_replication_role = replica")
        for statement in (
            "UPDATE events SET type = 'x'",
            "DELETE FROM events",
            "TRUNCATE events",
            "DELETE FROM head",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                await conn.execute(statement.encode())


async def test_an_auditor_reads_history_as_json(database_url: str, purses: Store) -> None:
    await purses.handle(fill(coins=2), ANN)
    await purses.handle(spend(coins=2), ANN)
    auditor = conninfo(database_url, role="liberation_auditor")
    async with await psycopg.AsyncConnection.connect(auditor, autocommit=True) as conn:
        rows = await (
            await conn.execute(
                "SELECT position, type, data->>'coins', metadata->>'actor' FROM event_log ORDER BY position"
            )
        ).fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute("SELECT append('{}', '{}', '{}', '{}', '{}', '{}', '{}')")
    assert rows == [(1, "purse.filled.v2", "2", "usr_ann"), (2, Spent.TYPE, "2", "usr_ann")]


async def test_a_first_command_on_a_stream_that_exists_is_decided_on_what_is_there(database_url: str) -> None:
    """`begins` saves the look at the store; the version tells when it was wrong to."""
    beginning = msgspec.structs.replace(PURSE, begins=(Fill, Spend))
    async with open_purses(database_url) as other:
        await other.handle(fill(coins=2), ANN)
    async with open_purses(database_url, deciders=(beginning,)) as store:
        assert (await store.handle(fill(coins=3), ANN)).state == Purse(5)
    async with open_purses(database_url, deciders=(beginning,)) as store:
        assert (await store.handle(spend(coins=5), ANN)).state == Purse(0)
        with pytest.raises(NotEnough):
            await store.handle(spend("never filled"), ANN)


async def test_reads_survive_the_death_of_their_connections(database_url: str, purses: Store) -> None:
    await purses.handle(fill(coins=2), ANN)
    await purses.head()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'store' AND datname = current_database()"
        )
    assert await purses.head() == 1
    assert [recorded.position for recorded in await purses.read_stream("purse-a")] == [1]


async def test_reads_that_wait_together_share_a_query(database_url: str, purses: Store) -> None:
    for name in "abc":
        await purses.handle(fill(name, coins=2), ANN)
        await purses.handle(spend(name, coins=1), ANN)
    states = await asyncio.gather(*(purses.state(PURSE, f"purse-{name}") for name in "abcabcx"))
    assert await purses.states([(PURSE, f"purse-{name}") for name in "abcabcx"]) == states
    assert states == [Purse(1)] * 6 + [Purse(0)]
    asked = [("purse-a", 0), ("purse-b", 1), ("purse-a", 1), ("purse-x", 0)]
    streams = await asyncio.gather(*(purses.read_stream(stream, after) for stream, after in asked))
    assert [[recorded.version for recorded in stream] for stream in streams] == [[1, 2], [2], [2], []]
    pages = await asyncio.gather(purses.read(0, 2), purses.read(4, 9))
    assert [[recorded.position for recorded in page] for page in pages] == [[1, 2], [5, 6]]


async def test_another_payload_at_the_same_time_is_refused_only_for_what_is_recorded(purses: Store) -> None:
    refused, other = await asyncio.gather(
        purses.handle(spend(coins=9, command_id="c1"), ANN),
        purses.handle(fill(coins=9, command_id="c1"), ANN),
        return_exceptions=True,
    )
    assert isinstance(refused, NotEnough)
    assert isinstance(other, Contended), "nothing stands under this id, so it may come again"
    assert (await purses.handle(fill(coins=9, command_id="c1"), ANN)).state == Purse(9)
