"""What the comparisons with Stripe found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.stripe.sweep import run

KEPT = 30


class SweepFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Stripe had and the ledger did not. `recorded` are the types of the facts that say so
    now.
    """

    kind: Literal["subscription", "invoice", "payment", "refund", "dispute", "payout"]
    object_id: str
    subject: str
    recorded: list[str]


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """`sweep_id` is the date of the night, or the time at which an operator asked for it; `finished_at` is
    null while it runs. `found` counts what differed, of which `findings` shows the first hundred.
    """

    sweep_id: str
    cause: Literal["night", "operator"]
    started_at: datetime
    finished_at: datetime | None
    compared_since: datetime
    compared: int
    found: int
    findings: list[SweepFinding]


class Sweeps(msgspec.Struct, frozen=True):
    items: list[Sweep]


@get(
    "/api/webhooks/sweeps",
    operation_id="listSweeps",
    summary="What the comparisons with Stripe found",
    tags=["webhooks"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_sweeps(
    services: NamedDependency[Services],
    limit: Annotated[int, QueryParameter(ge=1, le=KEPT, description="So many of the newest.")] = 7,
) -> Read[Sweeps]:
    """Each night what is not settled is compared with Stripe, in case an event was lost. Newest first."""
    async with services.reading() as connection:
        return Read(Sweeps([_shown(one) for one in await run.latest(connection, limit)]))


def _shown(sweep: run.Sweep) -> Sweep:
    return Sweep(
        sweep_id=sweep.sweep_id,
        cause=sweep.cause,
        started_at=sweep.started_at,
        finished_at=sweep.finished_at,
        compared_since=sweep.since,
        compared=sweep.compared,
        found=sweep.found,
        findings=[
            SweepFinding(
                kind=one.kind, object_id=one.object_id, subject=one.subject, recorded=list(one.recorded)
            )
            for one in sweep.findings
        ],
    )


HANDLERS = (list_sweeps,)
