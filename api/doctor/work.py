"""Whether facts are projected and effects delivered, as `/readyz` says it."""

from __future__ import annotations

import psycopg
from psycopg import AsyncConnection

from api.doctor.finding import Finding, ok, skipped, worrying, wrong
from api.operations import health
from ledger.store import conninfo

CHECK = "work"
_RUN = "See that `liberation serve` or `liberation worker` runs, and what its log says of it."
_REMEDIES = {
    "parked": "See `liberation outbox list`; after the cause is mended, `liberation outbox requeue --all`.",
    "unexplained": (
        "Find out at Stripe what each is that `liberation stripe unexplained` lists, and say so with "
        "`liberation stripe explain`."
    ),
    "one side is missing": (
        "The worker finds the other side within a day. When it stays, look for it in Stripe's balance "
        "transactions: see docs/operations.md."
    ),
    "none of our plans": "See the check `subscriptions`, which names them and says what to do.",
    "owed to instructors": "Top the balance at Stripe up, or wait: payouts go on by themselves.",
    "differences from Stripe": (
        "See the checks `webhooks`; `liberation stripe sweep --dry-run` tells what differs now."
    ),
}
"""By words of what is worrying; all else is of what runs."""


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
    return next((todo for words, todo in _REMEDIES.items() if words in said), _RUN)
