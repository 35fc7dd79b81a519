"""The library's own classes work on the same table: mapper, recorder, event store."""

from __future__ import annotations

import threading

import msgspec
import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, MapperDeserialisationError, StoredEvent

from ledger.message import Metadata, Recorded
from ledger.store import Reader, chain, conninfo
from ledger.store.mapper import FactMapper
from ledger.store.recorder import LedgerRecorder, open_datastore
from tests.ledger.store.purse import (
    ANN,
    NOON,
    PURSE,
    Filled,
    FilledV1,
    Purse,
    Spent,
    fill,
    open_purses,
    spend,
)

METADATA = Metadata(actor="usr_ann", command="test", command_digest="", effective_at=NOON)


def fact(stream: str, version: int, event: Filled | FilledV1 | Spent, command_id: str) -> Recorded:
    return Recorded(0, stream, version, event, METADATA, NOON, command_id)


@pytest.fixture
def reader(database_url: str) -> Reader:
    return Reader(database_url, event_types=(Filled, FilledV1, Spent))


async def test_what_the_event_store_puts_the_service_reads(database_url: str, reader: Reader) -> None:
    with reader:
        put = reader.events.put(
            [fact("purse-a", 1, Filled(coins=3), "c1"), fact("purse-b", 1, Filled(coins=4), "c2")]
        )
        assert [recording.notification.id for recording in put] == [1, 2]
        (got,) = reader.events.get("purse-b")
        assert isinstance(got, Recorded)
        assert got.event == Filled(coins=4)
        assert reader.head() == 2
    async with open_purses(database_url) as store:
        assert (await store.handle(spend("b", coins=4), ANN)).state == Purse(0)


async def test_what_the_service_records_the_event_store_gets(database_url: str, reader: Reader) -> None:
    async with open_purses(database_url) as store:
        await store.handle(fill(coins=9), ANN)
        await store.handle(spend(times=4), ANN)
    with reader:
        got = list(reader.events.get("purse-a", gt=1, lte=4, desc=True, limit=2))
        assert [recorded.originator_version for recorded in got] == [4, 3]
        assert [recorded.position for recorded in reader.batch(after=2, limit=2)] == [3, 4]


def test_a_taken_version_or_command_is_the_librarys_integrity_error(reader: Reader) -> None:
    with reader:
        reader.events.put([fact("purse-a", 1, Filled(coins=3), "c1")])
        with pytest.raises(IntegrityError, match="events_stream_version"):
            reader.events.put([fact("purse-a", 1, Filled(coins=3), "c2")])
        with pytest.raises(IntegrityError, match="events_command"):
            reader.events.put([fact("purse-a", 2, Filled(coins=3), "c1")])
        assert reader.head() == 1


def test_an_old_event_comes_back_in_its_newest_form(reader: Reader) -> None:
    with reader:
        reader.events.put([fact("purse-a", 1, FilledV1(dozens=2), "c1")])
        (recorded,) = reader.batch(after=0, limit=10)
    assert recorded.event == Filled(coins=24)
    assert PURSE.evolve(PURSE.initial, recorded.event) == Purse(24)


def test_what_cannot_be_read_is_named_and_what_came_before_is_not_lost(
    database_url: str, reader: Reader
) -> None:
    with reader, Reader(database_url, event_types=(Filled,)) as older:
        reader.events.put(
            [fact("purse-a", 1, Filled(coins=3), "c1"), fact("purse-a", 2, Spent(coins=1), "c2")]
        )
        assert [recorded.position for recorded in older.batch(after=0, limit=10)] == [1]
        with pytest.raises(MapperDeserialisationError, match=r"purse.spent.v1 at position 2 \(purse-a"):
            older.batch(after=1, limit=10)


def test_bytes_that_are_no_event_are_named() -> None:
    mapper = FactMapper((Filled,))
    row = (7, "purse-a", 1, Filled.TYPE, b'{"coins":"many"}', msgspec.json.encode(METADATA), NOON, "c1")
    with pytest.raises(MapperDeserialisationError, match=r"position 7.*Expected `int`, got `str`"):
        mapper.decode(row)


def test_the_notification_log_is_gapless_and_in_order(database_url: str) -> None:
    """Eight threads append; a follower reads with the library's own call and misses nothing."""
    recorder = LedgerRecorder(open_datastore(conninfo(database_url), pool_size=9))
    mapper = FactMapper((Filled,))
    threads_n, each = 8, 25

    def write(thread: int) -> None:
        for i in range(each):
            recorder.insert_events(
                [
                    mapper.to_stored_event(fact(f"purse-{thread}-{i}", 1, Filled(coins=1), f"{thread}-{i}a")),
                    mapper.to_stored_event(fact(f"purse-{thread}-{i}", 2, Filled(coins=2), f"{thread}-{i}b")),
                ]
            )

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(threads_n)]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while len(seen) < threads_n * each * 2:
        last = seen[-1] if seen else 0
        found = recorder.select_notifications(last, limit=17, inclusive_of_start=False)
        seen += [notification.id for notification in found]
    for thread in threads:
        thread.join()
    assert seen == list(range(1, threads_n * each * 2 + 1))
    assert [n.id for n in recorder.select_notifications(5, limit=2)] == [5, 6]
    assert [n.id for n in recorder.select_notifications(1, limit=9, stop=3, topics=[Filled.TYPE])] == [
        1,
        2,
        3,
    ]
    assert recorder.max_notification_id() == len(seen)
    recorder.datastore.close()
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        assert chain.verify(conn).position == len(seen)


def test_only_facts_of_the_ledgers_own_mapper_are_taken(database_url: str) -> None:
    recorder = LedgerRecorder(open_datastore(conninfo(database_url)))
    with pytest.raises(IntegrityError, match="command id"):
        recorder.insert_events([StoredEvent("purse-a", 1, Filled.TYPE, b"{}")])
    assert recorder.insert_events([]) == []
    assert recorder.max_notification_id() is None
    recorder.datastore.close()
