"""What Stripe and the bank do with the platform's own balance: fees, corrections, reserves, top-ups."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.sandbox.control.work import AnyRequest, Body, read, work
from api.sandbox.errors import Object
from api.sandbox.money import check_currency
from api.sandbox.resources import account_money, topups
from api.sandbox.state import State
from api.sandbox.transaction import Transaction


class Fee(Body, frozen=True, kw_only=True):
    """`amount` in minor units."""

    amount: Annotated[int, msgspec.Meta(gt=0)]
    currency: str = "usd"
    description: str = "Billing (2026-11-01 - 2026-11-30): Radar"


class Adjust(Body, frozen=True, kw_only=True):
    """`amount` in minor units, of either sign."""

    amount: int
    currency: str = "usd"


class Reserve(Body, frozen=True, kw_only=True):
    """`amount` in minor units: held when it is above zero, else released."""

    amount: int
    currency: str = "usd"


class EndTopup(Body, frozen=True, kw_only=True):
    outcome: Literal["succeeded", "failed", "reversed"]


@post("/balance/fee", status_code=200)
async def fee(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Fee)

    def act(tx: Transaction) -> Object:
        currency = check_currency(asked.currency)
        return account_money.charge_fee(tx, asked.amount, currency, asked.description)

    return await work(sandbox, act)


@post("/balance/adjust", status_code=200)
async def adjust(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Adjust)
    return await work(
        sandbox, lambda tx: account_money.adjust(tx, asked.amount, check_currency(asked.currency))
    )


@post("/balance/reserve", status_code=200)
async def reserve(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Reserve)
    return await work(
        sandbox, lambda tx: account_money.reserve(tx, asked.amount, check_currency(asked.currency))
    )


@post("/topups/{topup_id:str}/end", status_code=200)
async def end_topup(request: AnyRequest, topup_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, EndTopup)
    return await work(sandbox, lambda tx: topups.end(tx, tx.get("topup", topup_id), asked.outcome))


HANDLERS = (fee, adjust, reserve, end_topup)
