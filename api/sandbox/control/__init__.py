"""Controls of the sandbox itself, at /_sandbox; docs/sandbox.md shows each with curl."""

from __future__ import annotations

from litestar import Router
from litestar.di import Provide

from api.sandbox.control import (
    account,
    challenge,
    checkout,
    connect,
    machine,
    money,
    onboarding,
    portal,
    webhooks,
)
from api.sandbox.state import State


def control_router(state: State) -> Router:
    def sandbox() -> State:
        return state

    return Router(
        "/_sandbox",
        route_handlers=[
            *machine.HANDLERS,
            *webhooks.HANDLERS,
            *money.HANDLERS,
            *account.HANDLERS,
            *challenge.HANDLERS,
            *checkout.HANDLERS,
            *connect.HANDLERS,
            *onboarding.HANDLERS,
            *portal.HANDLERS,
        ],
        dependencies={"sandbox": Provide(sandbox, sync_to_thread=False, use_cache=True)},
    )
