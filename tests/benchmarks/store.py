"""How fast commands become facts, against the least that PostgreSQL itself must do."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial, reduce
from itertools import islice
from typing import Any

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.domain import event as raises
from psycopg.conninfo import conninfo_to_dict

from ledger.customers.commands import RemovePaymentMethod, SavePaymentMethod
from ledger.customers.decider import CUSTOMER
from ledger.ids import new_id
from ledger.message import Origin, Recorded
from ledger.payments.commands import InitiatePayment
from ledger.payments.events import RefundRequested
from ledger.payments.state import Payment, evolve
from ledger.store import Reader, Store, chain, conninfo
from ledger.store.mapper import FactMapper
from ledger.store.recorder import APPEND, NewRow, append_arguments
from tests.benchmarks.measure import Figure, interleaved

STUDENT = Origin(actor="usr_1", roles=frozenset({"student"}), correlation_id=new_id("req"))
SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 1.0

PLAIN_TABLE = """
    CREATE TABLE IF NOT EXISTS plain (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        type text COLLATE "C" NOT NULL,
        data bytea NOT NULL,
        metadata bytea NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        command_id text COLLATE "C" NOT NULL,
        command_index integer NOT NULL,
        hash bytea NOT NULL,
        UNIQUE (stream, version)
    );
    CREATE UNIQUE INDEX IF NOT EXISTS plain_command ON plain (command_id) WHERE command_index = 0;
"""
PLAIN_INSERT = """
    INSERT INTO plain (stream, version, type, data, metadata, command_id, command_index, hash)
    VALUES (%s, %s, %s, %b, %b, %s, %s, %b)
"""
PLAIN_COPY = """
    COPY plain (stream, version, type, data, metadata, command_id, command_index, hash)
    FROM STDIN (FORMAT BINARY)
"""
COPY_TYPES = ("text", "int8", "text", "bytea", "bytea", "text", "int4", "bytea")
HASH = bytes(32)


def initiate() -> InitiatePayment:
    return InitiatePayment(
        command_id=uuid.uuid4().hex,
        effective_at=NOW,
        payment_id=new_id("pay"),
        user_id="usr_1",
        amount_minor=1999,
        currency="usd",
        payment_method_id="pm_card_visa",
        description="Event sourcing for accountants",
    )


async def measure(url: str) -> list[Figure]:
    """All figures of the store; `url` is the owner's, of a migrated database."""
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        conn.execute(PLAIN_TABLE.encode())
    figures: list[Figure] = []
    async with Store.open(url) as store:
        example = (await store.handle(initiate(), STUDENT)).recorded[0]
        for clients, goal in ((1, 0.4), (16, 1.0), (64, 1.5)):
            figures += await _commands(url, store, example, clients, goal)
        figures.append(await _against_the_library(url, store))
        figures.append(
            Figure(
                name="group size over all of this",
                value=store.appended / store.commits,
                unit="events a commit",
            )
        )
    figures.append(await _batches(url, example))
    figures += await _cold_loads(url)
    figures.append(_fold_refunds())
    figures.append(_verify(url))
    figures.append(_bytes_per_event(url))
    return figures


async def _commands(url: str, store: Store, example: Recorded, clients: int, goal: float) -> list[Figure]:
    cards = deque((f"pm_{i}", False) for i in range(clients))

    async def save_or_remove_a_card() -> None:
        """On one user's stream; each client has a card of its own, so every command appends."""
        card, saved = cards.popleft()
        await store.handle((_remove if saved else _save)(card), SYSTEM)
        cards.append((card, not saved))

    async def spread() -> float:
        return await _per_second(clients, lambda: store.handle(initiate(), STUDENT))

    async def one_hot_stream() -> float:
        return await _per_second(clients, save_or_remove_a_card)

    async def plain() -> float:
        return await _plain_inserts(url, example, clients)

    median = await interleaved({"spread": spread, "hot": one_hot_stream, "plain": plain})
    return [
        Figure(
            name=f"handle, {clients} at once, {where}",
            value=median[key],
            unit="commands/s",
            baseline=f"one INSERT a transaction: {median['plain']:,.0f}/s",
            ratio=median[key] / median["plain"],
            goal=f"≥ {goal}",
            met=median[key] / median["plain"] >= goal,
        )
        for key, where in (("spread", "a stream each"), ("hot", "all on one stream"))
    ]


def _save(card: str, user: str = "usr_hot") -> SavePaymentMethod:
    return SavePaymentMethod(
        command_id=uuid.uuid4().hex, effective_at=NOW, user_id=user, payment_method_id=card
    )


def _remove(card: str, user: str = "usr_hot") -> RemovePaymentMethod:
    return RemovePaymentMethod(
        command_id=uuid.uuid4().hex, effective_at=NOW, user_id=user, payment_method_id=card
    )


async def _per_second(clients: int, call: Callable[[], Awaitable[Any]]) -> float:
    done = 0
    end = time.perf_counter() + SECONDS

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return done / (time.perf_counter() - start)


@asynccontextmanager
async def _connections(url: str, n: int) -> AsyncIterator[asyncio.Queue[psycopg.AsyncConnection[Any]]]:
    dsn = conninfo(url, role=None)
    queue: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    opened = [await psycopg.AsyncConnection.connect(dsn, autocommit=True) for _ in range(n)]
    for conn in opened:
        queue.put_nowait(conn)
    try:
        yield queue
    finally:
        for conn in opened:
            await conn.close()


def _row(example: Recorded) -> NewRow:
    mapper = FactMapper(())
    data, metadata = mapper.encode(example.event), mapper.encode(example.metadata)
    return (f"payment-{new_id('pay')}", 1, example.event.TYPE, data, metadata, uuid.uuid4().hex, 0)


async def _plain_inserts(url: str, example: Recorded, clients: int) -> float:
    _, version, type_, data, metadata, _, index = _row(example)
    async with _connections(url, clients) as connections:

        async def insert() -> None:
            conn = connections.get_nowait()
            stream = f"payment-{new_id('pay')}"
            row = (stream, version, type_, data, metadata, uuid.uuid4().hex, index, HASH)
            await conn.execute(PLAIN_INSERT.encode(), row, prepare=True)
            connections.put_nowait(conn)

        return await _per_second(clients, insert)


class _Purchase(Aggregate):
    """The same facts, written as the library's documentation would."""

    @raises("Initiated")
    def __init__(self, user: str, amount_minor: int, currency: str, method: str, description: str) -> None:
        self.user, self.amount_minor, self.currency = user, amount_minor, currency
        self.method, self.description = method, description


async def _against_the_library(url: str, store: Store) -> Figure:
    """The library's `Application.save` from sixteen threads, on its own PostgreSQL recorder."""
    clients = 16
    words = conninfo_to_dict(url)
    stock = Application[uuid.UUID](
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(words["dbname"]),
            "POSTGRES_HOST": str(words["host"]),
            "POSTGRES_PORT": str(words.get("port", 5432)),
            "POSTGRES_USER": str(words["user"]),
            "POSTGRES_PASSWORD": "",
            "POSTGRES_POOL_SIZE": str(clients),
        }
    )

    def save_for_a_while() -> int:
        done, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            stock.save(_Purchase("usr_1", 1999, "usd", "pm_card_visa", "Event sourcing for accountants"))
            done += 1
        return done

    async def theirs() -> float:
        loop = asyncio.get_running_loop()
        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as threads:
            counts = await asyncio.gather(
                *(loop.run_in_executor(threads, save_for_a_while) for _ in range(clients))
            )
        return sum(counts) / (time.perf_counter() - start)

    async def ours() -> float:
        return await _per_second(clients, lambda: store.handle(initiate(), STUDENT))

    try:
        median = await interleaved({"ours": ours, "theirs": theirs})
    finally:
        stock.close()
    ratio = median["ours"] / median["theirs"]
    return Figure(
        name=f"handle, {clients} at once",
        value=median["ours"],
        unit="commands/s",
        baseline=f"the library's Application.save: {median['theirs']:,.0f}/s",
        ratio=ratio,
        goal="≥ 5",
        met=ratio >= 5,
    )


async def _batches(url: str, example: Recorded) -> Figure:
    size, times = 500, 10
    async with _connections(url, 1) as connections:
        conn = connections.get_nowait()

        async def ours() -> float:
            batches = [append_arguments([_row(example) for _ in range(size)]) for _ in range(times)]
            start = time.perf_counter()
            for batch in batches:
                await conn.execute(APPEND, batch, prepare=True)
            return size * times / (time.perf_counter() - start)

        async def copy() -> float:
            batches = [[(*_row(example), HASH) for _ in range(size)] for _ in range(times)]
            start = time.perf_counter()
            for batch in batches:
                async with conn.cursor().copy(PLAIN_COPY.encode()) as stream:
                    stream.set_types(COPY_TYPES)
                    for row in batch:
                        await stream.write_row(row)
            return size * times / (time.perf_counter() - start)

        median = await interleaved({"ours": ours, "copy": copy})
    ratio = median["ours"] / median["copy"]
    return Figure(
        name=f"append in batches of {size}",
        value=median["ours"],
        unit="events/s",
        baseline=f"raw COPY: {median['copy']:,.0f}/s",
        ratio=ratio,
        goal="≥ 20,000 events/s or 0.5",
        met=median["ours"] >= 20_000 or ratio >= 0.5,
    )


LENGTHS = (10, 1_000, 100_000)


async def _cold_loads(url: str) -> list[Figure]:
    """Streams that differ in nothing but their length, read as by a process that never saw them."""
    async with Store.open(url) as store:
        for length in LENGTHS:
            commands = ((_remove if i % 2 else _save)("pm_1", f"usr_{length}") for i in range(length))
            while chunk := list(islice(commands, 512)):
                await asyncio.gather(*(store.handle(command, SYSTEM) for command in chunk))

    async with Store.open(url, cached_streams=0) as store:

        async def load(length: int) -> float:
            start = time.perf_counter()
            for _ in range(20):
                await store.state(CUSTOMER, f"customer-usr_{length}")
            return 20 / (time.perf_counter() - start)

        median = await interleaved({str(length): partial(load, length) for length in LENGTHS}, rounds=25)
    shortest = median[str(LENGTHS[0])]
    return [
        Figure(
            name=f"cold load of a stream of {length:,} facts",
            value=median[str(length)],
            unit="loads/s",
            baseline=f"of {LENGTHS[0]} facts: {shortest:,.0f}/s",
            ratio=median[str(length)] / shortest,
            goal="0.5 to 2",
            met=0.5 <= median[str(length)] / shortest <= 2,
        )
        for length in LENGTHS[1:]
    ]


def _fold_refunds() -> Figure:
    """A payment that is given back cent by cent: its state has as many entries as the stream has refunds."""
    payment, rates = Payment(), []
    for start in range(0, 100_000, 10_000):
        refunds = [_refund(number) for number in range(start, start + 10_000)]
        began = time.process_time()
        payment = reduce(evolve, refunds, payment)
        rates.append(10_000 / (time.process_time() - began))
    assert payment.refunded_minor == 100_000
    return Figure(
        name="fold refund 90,001 to 100,000 of one payment",
        value=rates[-1],
        unit="events/s",
        baseline=f"refund 1 to 10,000: {rates[0]:,.0f}/s",
        ratio=rates[-1] / rates[0],
        goal="≥ 0.5",
        met=rates[-1] >= 0.5 * rates[0],
    )


def _refund(number: int) -> RefundRequested:
    return RefundRequested(
        payment_id="pay_1",
        refund_id=f"re_{number}",
        payment_intent_id="pi_1",
        amount_minor=1,
        currency="usd",
        reason="",
    )


def _verify(url: str) -> Figure:
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        start = time.perf_counter()
        head = chain.verify(conn)
        rate = head.position / (time.perf_counter() - start)
    return Figure(
        name=f"verify, {head.position:,} events",
        value=rate,
        unit="events/s",
        goal="≥ 150,000",
        met=rate >= 150_000,
    )


def _bytes_per_event(url: str) -> Figure:
    with psycopg.connect(conninfo(url, role=None)) as conn, Reader(url) as reader:
        row = conn.execute("SELECT pg_total_relation_size('events')").fetchone()
        assert row is not None
        size = row[0] / reader.head()
    return Figure(name="size of an event with its indexes", value=size, unit="bytes")
