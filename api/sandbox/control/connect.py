"""What owners of connected accounts and their banks do: onboarding by a call, leaving, debits."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.sandbox.control.work import AnyRequest, Body, read, work
from api.sandbox.errors import Object, invalid
from api.sandbox.money import add_balance_transaction, check_currency
from api.sandbox.resources.connect import accounts, external_accounts, onboarding, paying_out
from api.sandbox.resources.connect.access import own
from api.sandbox.state import State
from api.sandbox.transaction import Transaction


class Onboard(Body, frozen=True, kw_only=True):
    """`bank` is the last four digits of a test bank account; `due_in_s` goes with the outcome `due`."""

    outcome: onboarding.Outcome = "complete"
    bank: str | None = None
    due_in_s: Annotated[int, msgspec.Meta(ge=1)] = onboarding.DUE_IN_S


class Adjust(Body, frozen=True, kw_only=True):
    """`amount` in minor units; a negative one can take the balance below zero."""

    amount: int
    currency: str = "usd"


@post("/accounts/{account_id:str}/onboard", status_code=200)
async def onboard(request: AnyRequest, account_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    """As its owner would, at Stripe's pages."""
    asked = await read(request, Onboard)
    known = (external_accounts.GOOD, *external_accounts.FAILING)
    if asked.bank is not None and asked.bank not in known:
        raise invalid(f"{asked.bank} is no test bank account; use one of {', '.join(known)}.", param="bank")

    def act(tx: Transaction) -> Object:
        account = own(tx, account_id)
        return onboarding.finish(tx, account, asked.outcome, last4=asked.bank, due_in_s=asked.due_in_s)

    return await work(sandbox, act)


@post("/accounts/{account_id:str}/deauthorize", status_code=200)
async def deauthorize(account_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    return await work(sandbox, lambda tx: accounts.deauthorize(tx, account_id))


@post("/accounts/{account_id:str}/adjust", status_code=200)
async def adjust(request: AnyRequest, account_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    """What else moves a connected balance, such as a refund of a charge of its own."""
    asked = await read(request, Adjust)

    def act(tx: Transaction) -> Object:
        account = own(tx, account_id)
        with tx.acting_for(account_id):
            booked = add_balance_transaction(
                tx,
                kind="adjustment",
                category="other_adjustment",
                amount=asked.amount,
                currency=check_currency(asked.currency),
                source=None,
            )
        paying_out.plan(tx, account)
        return booked

    return await work(sandbox, act)


HANDLERS = (onboard, deauthorize, adjust)
