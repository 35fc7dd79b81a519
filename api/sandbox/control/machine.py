"""The clock, faults of the API, and starting afresh."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency

from api.sandbox.control.work import AnyRequest, Body, read
from api.sandbox.errors import Object, invalid
from api.sandbox.faults import Fault
from api.sandbox.state import State
from api.sandbox.transaction import API_VERSION

MOST_SECONDS = 366 * 86_400


class Advance(Body, frozen=True, kw_only=True):
    seconds: Annotated[int, msgspec.Meta(ge=0, le=MOST_SECONDS)]


class SetClock(Body, frozen=True, kw_only=True):
    """`now` in Unix seconds; `frozen` stops the clock there until it is set again."""

    now: int | None = None
    frozen: bool = False


@get("/")
async def status(sandbox: NamedDependency[State]) -> Object:
    return {
        "api_version": API_VERSION,
        "url": sandbox.base_url,
        "state": str(sandbox.store.path) if sandbox.store.path else None,
        "objects": sandbox.store.rank,
        "clock": _clock(sandbox),
    }


@get("/clock")
async def show_clock(sandbox: NamedDependency[State]) -> Object:
    return _clock(sandbox)


def _clock(sandbox: State) -> Object:
    now = sandbox.clock.now()
    return {
        "now": now,
        "ahead_s": now - int(time.time()),
        "frozen": sandbox.clock.setting.frozen_at is not None,
    }


@post("/clock/advance", status_code=200)
async def advance_clock(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Advance)
    return _move(
        sandbox, sandbox.clock.now() + asked.seconds, frozen=sandbox.clock.setting.frozen_at is not None
    )


@post("/clock/set", status_code=200)
async def set_clock(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, SetClock)
    return _move(sandbox, sandbox.clock.now() if asked.now is None else asked.now, frozen=asked.frozen)


def _move(sandbox: State, to: int, *, frozen: bool) -> Object:
    try:
        ran = sandbox.move_clock(to, frozen=frozen)
    except ValueError as cause:
        raise invalid(f"{cause}; POST /_sandbox/reset starts afresh.", param="now") from None
    return {**_clock(sandbox), "jobs_run": ran}


@get("/faults")
async def list_faults(sandbox: NamedDependency[State]) -> list[Fault]:
    return sandbox.faults.asked()


@post("/faults", status_code=200)
async def ask_fault(request: AnyRequest, sandbox: NamedDependency[State]) -> list[Fault]:
    sandbox.faults.ask(await read(request, Fault))
    return sandbox.faults.asked()


@delete("/faults", status_code=200)
async def clear_faults(sandbox: NamedDependency[State]) -> list[Fault]:
    sandbox.faults.clear()
    return []


@post("/reset", status_code=200)
async def reset(sandbox: NamedDependency[State]) -> Object:
    sandbox.reset()
    return _clock(sandbox)


HANDLERS = (status, show_clock, advance_clock, set_clock, list_faults, ask_fault, clear_faults, reset)
