"""A sweep from its first stage to its last, kept as a row: cut off at any point, it goes on with the stage
that it was in, as to compare twice tells nothing new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Literal

import msgspec
import structlog
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from api.stripe.delivery import Tools, recorder
from api.stripe.sweep.billing import invoices, subscriptions
from api.stripe.sweep.comparing import Comparison, Finding, Pace
from api.stripe.sweep.payments import disputes, payments, payouts, refunds
from ledger.message import Origin

STAGES: tuple[Callable[[Comparison], AsyncIterator[Finding]], ...] = (
    subscriptions,
    invoices,
    payments,
    refunds,
    disputes,
    payouts,
)
"""What others hang on comes first."""
SHOWN = 100
"""So many findings are kept with a sweep; all are in the log, and their facts in the ledger."""
PER_SECOND = 10.0
"""Calls to Stripe, of the hundred that it takes of a live account: https://docs.stripe.com/rate-limits"""
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="sweep")

log = structlog.get_logger()


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """`found` is how many differed; `finished_at` is None while it runs, or was cut off."""

    sweep_id: str
    cause: Literal["night", "operator"]
    since: datetime
    started_at: datetime
    finished_at: datetime | None
    stages: int
    compared: int
    found: int
    findings: list[Finding]


_COLUMNS = "sweep_id, cause, since, started_at, finished_at, stages, compared, found, findings"
_BEGIN = """
    INSERT INTO stripe_sweeps (sweep_id, cause, since)
    VALUES (%(sweep_id)s, %(cause)s, %(since)s)
    ON CONFLICT DO NOTHING
"""
_READ = f"SELECT {_COLUMNS} FROM stripe_sweeps WHERE sweep_id = %s"  # noqa: S608  # our own columns
_FIND = """
    UPDATE stripe_sweeps
    SET found = found + 1,
        findings = CASE WHEN found < %(shown)s THEN findings || %(finding)s ELSE findings END
    WHERE sweep_id = %(sweep_id)s
"""
_STAGE_DONE = """
    UPDATE stripe_sweeps
    SET stages = %(stages)s, compared = compared + %(compared)s,
        finished_at = CASE WHEN %(finished)s THEN clock_timestamp() END
    WHERE sweep_id = %(sweep_id)s
"""


_LATEST = f"SELECT {_COLUMNS} FROM stripe_sweeps ORDER BY started_at DESC LIMIT %s"  # noqa: S608  # as above


async def latest(conn: AsyncConnection[Any], limit: int) -> list[Sweep]:
    """Newest first."""
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(_LATEST.encode(), (limit,))
    return msgspec.convert(await cursor.fetchall(), list[Sweep])


async def begin(conn: AsyncConnection[Any], sweep_id: str, cause: str, since: datetime) -> Sweep:
    """The one with this id, begun now if it was not."""
    await conn.execute(_BEGIN, {"sweep_id": sweep_id, "cause": cause, "since": since})
    return await _read(conn, sweep_id)


async def _read(conn: AsyncConnection[Any], sweep_id: str) -> Sweep:
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(_READ.encode(), (sweep_id,))
    return msgspec.convert(await cursor.fetchone(), Sweep)


async def carry_on(tools: Tools, conn: AsyncConnection[Any], sweep: Sweep, pace: Pace) -> Sweep:
    """Until it is finished. Raises what a call to Stripe raises; what was found until then stays."""
    for number, stage in enumerate(STAGES[sweep.stages :], sweep.stages + 1):
        run = Comparison(tools, conn, pace, recorder(_ORIGIN, f"sweep:{sweep.sweep_id}"), sweep.since)
        async for finding in stage(run):
            log.warning("sweep_found", sweep_id=sweep.sweep_id, **msgspec.structs.asdict(finding))
            await conn.execute(
                _FIND,
                {
                    "sweep_id": sweep.sweep_id,
                    "shown": SHOWN,
                    "finding": Jsonb([msgspec.to_builtins(finding)]),
                },
            )
        passed = {
            "sweep_id": sweep.sweep_id,
            "stages": number,
            "compared": run.compared,
            "finished": number == len(STAGES),
        }
        await conn.execute(_STAGE_DONE, passed)
    done = await _read(conn, sweep.sweep_id)
    log.info("sweep_finished", sweep_id=done.sweep_id, compared=done.compared, found=done.found)
    return done


async def try_out(
    tools: Tools, conn: AsyncConnection[Any], since: datetime, pace: Pace
) -> tuple[int, list[Finding]]:
    """How many were compared, and what differs; nothing is recorded."""
    run = Comparison(tools, conn, pace, _ORIGIN, since, dry=True)
    findings = [finding for stage in STAGES async for finding in stage(run)]
    return run.compared, findings
