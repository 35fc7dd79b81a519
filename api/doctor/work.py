"""Whether facts are projected and effects delivered, as `/readyz` says it."""

from __future__ import annotations

import psycopg
from psycopg import AsyncConnection

from api.doctor.finding import Finding, ok, skipped, worrying, wrong
from api.operations import health
from ledger.store import conninfo

CHECK = "work"


async def examine(url: str, schema: str) -> list[Finding]:
    """As the service sees it. Where this login may not look, the checks of the database say why."""
    try:
        dsn = conninfo(url, schema=schema, name="doctor")
        async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
            return findings_of(await health.look(conn, {}))
    except psycopg.Error:
        return [skipped(CHECK, "what the service has done cannot be read, see the checks of the database")]


def findings_of(seen: health.Health) -> list[Finding]:
    findings = [wrong(CHECK, f"{said[0].upper()}{said[1:]}.", _todo(said)) for said in seen.wrong] + [
        worrying(CHECK, f"{said[0].upper()}{said[1:]}.", _todo(said)) for said in seen.worrying
    ]
    said = f"Facts are projected up to position {seen.position}; {seen.effects_waiting} effects wait."
    return findings or [ok(CHECK, said)]


def _todo(said: str) -> str:
    if "parked" in said:
        return "See `liberation outbox list`; after the cause is mended, `liberation outbox requeue --all`."
    return "See that `liberation serve` or `liberation worker` runs, and what its log says of it."
