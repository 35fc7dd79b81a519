"""For the machines that run this: alive, ready, and in numbers."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from api.health import Health, examine
from api.metrics import CONTENT_TYPE
from api.problems import MEDIA_TYPE, Problem, answer, problem, responses
from api.services import Services

TAGS = ["operations"]


class Alive(msgspec.Struct, frozen=True):
    status: Literal["ok"] = "ok"


class NotReady(Problem, kw_only=True):
    """`health` tells what is wrong."""

    health: Health


@get("/livez", operation_id="livez", summary="Is the process alive", tags=TAGS, responses=responses())
async def livez() -> Alive:
    """Says nothing of the database: restarting this process would not mend it."""
    return Alive()


@get(
    "/readyz",
    operation_id="readyz",
    summary="Can it serve",
    tags=TAGS,
    responses=responses()
    | {503: ResponseSpec(NotReady, description="Not ready", media_type=MEDIA_TYPE, generate_examples=False)},
)
async def readyz(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[Health]:
    """Database, projections, outbox, Stripe and clocks. 503 when requests would fail or reads be wrong."""
    health = await examine(services)
    if not health.wrong:
        return Response(health, headers={"Cache-Control": "no-store"})
    said = problem("not_ready", "; ".join(health.wrong), request.url.path)
    not_ready = NotReady(**msgspec.structs.asdict(said), health=health)
    failed: Response[Any] = answer(not_ready, {"Cache-Control": "no-store"})
    return failed


@get(
    "/metrics",
    operation_id="metrics",
    summary="Numbers for Prometheus",
    tags=TAGS,
    media_type=MediaType.TEXT,
    responses=responses(),
)
async def metrics(services: NamedDependency[Services]) -> Response[str]:
    """In the text format of Prometheus."""
    health = await examine(services)
    services.metrics.observe_health(health)
    text = await asyncio.to_thread(services.metrics.render)
    return Response(text.decode(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


HANDLERS = (livez, readyz, metrics)
