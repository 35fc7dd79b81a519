"""For the machines that run this: alive, ready, and in numbers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Literal

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency

from api.email.records import unsettled
from api.http.problems import Problem, ServiceNotReady, answer, problem
from api.http.promises import responses
from api.metrics import CONTENT_TYPE, Metrics
from api.operations.health import Health, examine
from api.services import Services
from ledger.errors import StoreUnavailable

TAGS = ["operations"]


class Alive(msgspec.Struct, frozen=True):
    status: Literal["ok"] = "ok"


class NotReady(Problem, kw_only=True):
    """`health` tells what is wrong."""

    health: Health


@get(
    "/livez",
    operation_id="livez",
    response_description="The process is alive",
    summary="Is the process alive",
    tags=TAGS,
)
async def livez() -> Alive:
    """Says nothing of the database: restarting this process would not mend it."""
    return Alive()


@get(
    "/readyz",
    operation_id="readyz",
    response_description="It can serve",
    summary="Can it serve",
    tags=TAGS,
    responses=responses(bodies={ServiceNotReady: NotReady}),
)
async def readyz(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[Health]:
    """Database, projections, outbox, Stripe and clocks. 503 when requests would fail or reads be wrong."""
    health = await examine(services)
    if not health.wrong:
        return Response(health, headers={"Cache-Control": "no-store"})
    common = problem(ServiceNotReady.code, "; ".join(health.wrong), request.url.path)
    not_ready = NotReady(**msgspec.structs.asdict(common), health=health)
    failed: Response[Any] = answer(not_ready, {"Cache-Control": "no-store"})
    return failed


@get(
    "/metrics",
    operation_id="metrics",
    summary="Numbers for Prometheus",
    tags=TAGS,
    media_type=MediaType.TEXT,
)
async def metrics(services: NamedDependency[Services]) -> Response[str]:
    """In the text format of Prometheus."""
    health = await examine(services)
    _observe(services.metrics, health)
    with suppress(StoreUnavailable):  # the numbers are those of before
        for state, count in (await unsettled(services.reads)).items():
            services.metrics.mails.labels(state).set(count)
    text = await asyncio.to_thread(services.metrics.render)
    return Response(text.decode(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _observe(metrics: Metrics, health: Health) -> None:
    metrics.head.set(health.position)
    for name, projection in health.projections.items():
        metrics.projected.labels(name).set(projection.position)
        metrics.lag.labels(name).set(projection.lag_events)
        metrics.poisoned.labels(name).set(bool(projection.stopped))
    metrics.outbox.labels("waiting").set(health.effects_waiting)
    metrics.outbox.labels("parked").set(health.effects_parked)
    metrics.outbox_age.set(health.oldest_effect_overdue_s)
    metrics.webhooks_waiting.set(health.webhooks_waiting)
    metrics.sweep_age.set(health.unswept_s)
    metrics.sweep_found.set(health.sweep_found)
    metrics.disputes.labels("soon").set(health.disputes_due_soon)
    metrics.disputes.labels("later").set(health.disputes_unanswered - health.disputes_due_soon)
    metrics.unexplained.set(health.unexplained)
    metrics.unexplained_age.set(health.oldest_unexplained_s)
    metrics.short.clear()
    for currency, missing in health.short_minor.items():
        metrics.short.labels(currency).set(missing)


HANDLERS = (livez, readyz, metrics)
