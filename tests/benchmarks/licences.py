"""Licences over HTTP: validated beside reads of payments, claimed by a crowd, and used a million times."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from ledger.licence_keys import file
from ledger.licence_keys.keyring import Keyring, made
from ledger.licence_keys.signing import key_of
from ledger.licence_tiers import Allowance, Grant
from ledger.licences.commands import ActivateLicence, IssueLicence
from ledger.licences.decider import LICENCE
from ledger.licences.key_claims import key_claims
from ledger.licences.stream import stream_of as licence_stream
from ledger.licences.terms import Billing
from ledger.message import Origin
from ledger.store import Store
from ledger.usage.commands import Item, RecordUsage, UsageTerms
from ledger.usage.decider import USAGE
from ledger.usage.metrics import month_of
from ledger.usage.state import Usage
from ledger.usage.stream import stream_of as usage_stream
from tests.benchmarks.http import SEEDED, all_good, cpu_s, latency, pay, payments, read, service
from tests.benchmarks.load import Plan, Result, run_apart
from tests.benchmarks.measure import ROUNDS, Figure, interleaved
from tests.projections.tables import catch_up

ADMIN = Origin(actor="usr_root", roles=frozenset({"admin"}))
SERVICE = Origin(actor="usr_shop", roles=frozenset({"service"}))
LICENSES = "/api/enterprise/licenses"
LICENCES = 200
"""That are validated: as many as there are payments to read."""
CONNECTIONS, QUESTIONS = 64, 4_000
CLIENTS, INCREMENTS = 16, 1_000_000
BATCH, KNOWN = 950, 50
"""So many increments of a batch are new, and so many of the one before."""
REPEATED = 10
"""Each so manieth batch is sent twice at once, as by who has given an answer up."""
LIMITS = ("PER_MINUTE", "BURST", "LICENCE_PER_MINUTE", "LICENCE_BURST")
"""Of questions, which are to stop nobody here."""
USED = 100_000
TIMES, CROWD = 40, 1_000
VALIDATE_GOAL, CLAIM_GOAL, USAGE_GOAL = 0.5, 1.5, 20_000
GRANT = Grant(
    tier="professional",
    currency="usd",
    year_minor=490_000,
    grace_days=14,
    features=("api_access", "white_label"),
    allowances=(
        Allowance(metric="active_users", limit=500),
        Allowance(metric="courses_created", limit=10**9),
        Allowance(metric="api_calls"),
    ),
)
_NUMBERS = count()


class Desk:
    """Licences that are active, with their keys."""

    def __init__(self, store: Store, keyring: Keyring, now: datetime) -> None:
        self.store, self.keyring, self.now = store, keyring, now

    async def key(self, licence_id: str) -> str:
        """Of a licence that is made."""
        common: dict[str, Any] = {"effective_at": self.now, "licence_id": licence_id}
        issue = IssueLicence(
            command_id=f"issue:{licence_id}",
            org_id="org_bench",
            grant=GRANT,
            months=12,
            billing=Billing(),
            **common,
        )
        await self.store.handle(issue, ADMIN)
        await self.store.handle(ActivateLicence(command_id=f"activate:{licence_id}", **common), ADMIN)
        return key_of(
            key_claims(await self.store.state(LICENCE, licence_stream(licence_id)), self.now), self.keyring
        )

    async def use(self, licence_id: str, times: int) -> None:
        """One fact each."""
        month = month_of(self.now)
        commands = (
            RecordUsage(
                command_id=f"use:{number}",
                effective_at=self.now,
                licence_id=licence_id,
                org_id="org_bench",
                metric="courses_created",
                month=month,
                source="eu-1",
                items=(Item(sequence=number, quantity=1),),
                terms=UsageTerms(as_of=2, status="active", granted=True),
            )
            for number in range(1, times + 1)
        )
        while chunk := list(islice(commands, 512)):
            await asyncio.gather(*(self.store.handle(command, SERVICE) for command in chunk))


async def measure(
    url: str, *, questions: int = QUESTIONS, increments: int = INCREMENTS, used: int = USED
) -> list[Figure]:
    """`url` is the owner's, of a migrated database. Smaller numbers are for looking at this file."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    with tempfile.TemporaryDirectory(prefix="liberation-bench-") as folder:
        path = Path(folder) / "licence-keys.json"
        async with Store.open(url) as store:
            desk = Desk(store, file.make(path, made(now)), now)
            keys = [await desk.key(f"lic_{number}") for number in range(LICENCES)]
            new, busy, counted = [await desk.key(f"lic_{name}") for name in ("new", "busy", "counted")]
            await desk.use("lic_busy", used)
            await asyncio.to_thread(catch_up, url)
            limits = {f"LIBERATION_VALIDATE_{name}": "1000000000" for name in LIMITS}
            async with service(url, LIBERATION_LICENCE_KEYS=str(path), **limits) as (
                address,
                credential,
                process,
            ):
                figures = await _validated((address, process), credential, keys, questions)
                figures.append(await _claimed(address, credential, {"new": new, "busy": busy}, used))
                figures += await _stormed(address, credential, keys[0], CROWD)
                figures.append(await _used(address, credential, counted, (store, now, increments)))
    return figures


async def _validated(
    asked: tuple[str, psutil.Process], credential: str, keys: list[str], questions: int
) -> list[Figure]:
    """By whoever has a key, without a credential; the payments with one, as they need it."""
    address, process = asked
    await pay(address, credential, connections=8, requests=SEEDED, first=0)
    paths = [f"/api/payments/{payment}" for payment in await payments(address, credential)]
    validate = Plan(
        url=address,
        paths=[f"{LICENSES}/validate?nonce=n{{n}}"],
        headers={"licence-key": "{value}"},
        values=tuple(keys),
        connections=CONNECTIONS,
        requests=questions,
    )
    validated: list[Result] = []
    read_: list[Result] = []
    own_ms = [0.0, 0.0]
    for _ in range(ROUNDS):
        before = cpu_s(process)
        validated.append(all_good(await run_apart(validate), "200", questions))
        between = cpu_s(process)
        read_.append(await read(address, paths, CONNECTIONS, questions, credential))
        for place, spent_s in enumerate((between - before, cpu_s(process) - between)):
            own_ms[place] += 1000 * spent_s / questions / ROUNDS
    rate, beside = (_median(rounds) for rounds in (validated, read_))
    name = f"GET {LICENSES}/validate of {len(keys)} licences, {CONNECTIONS} connections"
    return [
        Figure(
            name=name,
            value=rate,
            unit="requests/s",
            baseline=f"GET /api/payments/{{id}}: {beside:,.0f}/s; "
            f"the service's own time: {own_ms[0]:.2f} and {own_ms[1]:.2f} ms",
            ratio=rate / beside,
            goal=f"≥ {VALIDATE_GOAL}",
            met=rate / beside >= VALIDATE_GOAL,
        ),
        latency(name, validated, goal_ms=200),
    ]


def _median(rounds: list[Result]) -> float:
    rates = sorted(result.per_second for result in rounds)
    return rates[len(rates) // 2]


def _claims(address: str, credential: str, key: str, claims: int, connections: int) -> Plan:
    """Each of a device that has no seat yet."""
    first = next(_NUMBERS) * 1_000_000
    return Plan(
        url=address,
        paths=[f"{LICENSES}/activate"],
        method="POST",
        headers={"authorization": f"Bearer {credential}", "licence-key": key},
        body='{"fingerprint":"device-{n}"}',
        connections=connections,
        requests=claims,
        first=first,
    )


async def _claimed(address: str, credential: str, keys: dict[str, str], used: int) -> Figure:
    """One after another."""

    async def rate(key: str) -> float:
        plan = _claims(address, credential, key, TIMES, connections=1)
        return all_good(await run_apart(plan), "201", TIMES).per_second

    median = await interleaved({name: partial(rate, key) for name, key in keys.items()}, rounds=15)
    ratio = median["new"] / median["busy"]
    return Figure(
        name=f"a seat is claimed, of a licence with {used:,} facts of usage",
        value=1000 / median["busy"],
        unit="ms",
        baseline=f"of a new licence: {1000 / median['new']:.1f} ms",
        ratio=ratio,
        goal=f"≤ {CLAIM_GOAL}",
        met=ratio <= CLAIM_GOAL,
    )


async def _stormed(address: str, credential: str, key: str, claims: int) -> list[Figure]:
    """All of one licence."""
    rounds = [
        all_good(await run_apart(_claims(address, credential, key, claims, CONNECTIONS)), "201", claims)
        for _ in range(ROUNDS)
    ]
    name = f"POST {LICENSES}/activate of one licence, {CONNECTIONS} connections"
    return [
        Figure(name=name, value=_median(rounds), unit="claims/s"),
        latency(name, rounds, goal_ms=500),
    ]


async def _used(address: str, credential: str, key: str, asked: tuple[Store, datetime, int]) -> Figure:
    """By many clients in batches, which overlap, and of which some are sent again as after a lost answer."""
    store, now, increments = asked
    month, each = month_of(now), increments // CLIENTS
    headers = {"authorization": f"Bearer {credential}", "licence-key": key}
    limits = httpx.Limits(max_connections=4 * CLIENTS)
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60, limits=limits) as client:
        start = time.perf_counter()
        counted = await asyncio.gather(
            *(_client(client, f"client-{one}", month, each) for one in range(CLIENTS))
        )
        elapsed = time.perf_counter() - start
    usage: Usage = await store.state(USAGE, usage_stream("lic_counted", "api_calls", month))
    if not usage.used == sum(counted) == each * CLIENTS:
        raise AssertionError(f"{usage.used} of {each * CLIENTS} were counted, and {sum(counted)} answered")
    rate = each * CLIENTS / elapsed
    return Figure(
        name=f"{CLIENTS} clients count {increments:,} increments over HTTP, some sent twice",
        value=rate,
        unit="increments/s",
        goal=f"≥ {USAGE_GOAL:,}",
        met=rate >= USAGE_GOAL,
    )


async def _client(client: httpx.AsyncClient, source: str, month: str, increments: int) -> int:
    """How many increments it was told were counted."""
    counted = 0
    for place, first in enumerate(range(1, increments + 1, BATCH)):
        numbers = range(max(1, first - KNOWN), min(first + BATCH, increments + 1))
        items = [{"metric": "api_calls", "sequence": number} for number in numbers]
        body = msgspec.json.encode({"source": source, "month": month, "items": items})
        sent = [_send(client, body) for _ in range(2 if place % REPEATED == 0 else 1)]
        counted += sum(await asyncio.gather(*sent))
    return counted


async def _send(client: httpx.AsyncClient, body: bytes) -> int:
    answer = await client.post(
        f"{LICENSES}/usage", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["counted"]
    return found
