"""Reading a control call's body, and doing its work as one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request

from api.sandbox import expand
from api.sandbox.errors import Object, invalid
from api.sandbox.state import State
from api.sandbox.transaction import Transaction

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A control's JSON body; without one all fields take their defaults."""


async def read(request: AnyRequest, into: type[T]) -> T:
    """Raises StripeError that says what is wrong with the body."""
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=into)
    except msgspec.DecodeError as cause:
        raise invalid(f"Invalid JSON body: {cause}") from None


async def work(state: State, act: Callable[[Transaction], Object], *, about: str = "") -> Object:
    """The object that `act` answers, as the API shows it. Raises StripeError, and then nothing was done.
    It is done in the account that the object `about` is of.
    """
    state.run_due()
    tx = state.begin(account=state.ids.owner(about))
    try:
        shown = expand.show(state.registry, tx, act(tx), [])
    except BaseException:
        tx.abandon()
        raise
    tx.commit()
    state.run_due()
    await state.store.durable()
    return shown
