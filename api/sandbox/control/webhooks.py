"""The queue of webhooks: hold, release, repeat, drop; and faults of delivery."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.sandbox.control.work import AnyRequest, Body, read
from api.sandbox.errors import Object, missing
from api.sandbox.faults import WebhookFault
from api.sandbox.state import State

DeliveryState = Literal["", "pending", "held", "delivered", "failed", "dropped"]


class Release(Body, frozen=True, kw_only=True):
    """`limit` sends only so many of the oldest (or of the shuffled) and goes on holding."""

    shuffle: bool = False
    seed: int = 0
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None


class OfEvent(Body, frozen=True, kw_only=True):
    event: str


class Drop(Body, frozen=True, kw_only=True):
    event: str = ""


@get("/deliveries")
async def list_deliveries(
    sandbox: NamedDependency[State], *, state_is: FromQuery[DeliveryState] = "", limit: FromQuery[int] = 100
) -> list[Object]:
    return sandbox.deliveries.newest(state_is, max(1, min(limit, 1000)))


@post("/deliveries/hold", status_code=200)
async def hold(sandbox: NamedDependency[State]) -> Object:
    sandbox.deliveries.hold()
    return {"holding": True}


@post("/deliveries/release", status_code=200)
async def release(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Release)
    released = sandbox.deliveries.release(shuffle=asked.shuffle, seed=asked.seed, limit=asked.limit)
    return {"holding": asked.limit is not None, "released": released}


@post("/deliveries/redeliver", status_code=200)
async def redeliver(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, OfEvent)
    event = sandbox.store.find(asked.event)
    if event is None or event["object"] != "event":
        raise missing("event", asked.event, param="event", status=400)
    return {"queued": sandbox.deliveries.redeliver(asked.event, event["type"], event.get("account", ""))}


@post("/deliveries/drop", status_code=200)
async def drop(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Drop)
    return {"dropped": sandbox.deliveries.drop(asked.event)}


@get("/webhook_faults")
async def list_faults(sandbox: NamedDependency[State]) -> list[WebhookFault]:
    return sandbox.deliveries.faults.asked()


@post("/webhook_faults", status_code=200)
async def ask_fault(request: AnyRequest, sandbox: NamedDependency[State]) -> list[WebhookFault]:
    sandbox.deliveries.faults.ask(await read(request, WebhookFault))
    return sandbox.deliveries.faults.asked()


@delete("/webhook_faults", status_code=200)
async def clear_faults(sandbox: NamedDependency[State]) -> list[WebhookFault]:
    sandbox.deliveries.faults.clear()
    return []


HANDLERS = (list_deliveries, hold, release, redeliver, drop, list_faults, ask_fault, clear_faults)
