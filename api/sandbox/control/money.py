"""What happens at banks and in the dashboard: disputes, refunds, debits, payouts."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.sandbox.control.work import AnyRequest, Body, read, work
from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.money import check_currency
from api.sandbox.resources import attempts, disputes, payouts, refunds
from api.sandbox.resources.connect.access import own
from api.sandbox.settings import DisputeFees
from api.sandbox.state import State
from api.sandbox.testing_methods import Decline, by_name
from api.sandbox.transaction import Rate, Transaction


class OpenDispute(Body, frozen=True, kw_only=True):
    """`amount` in minor units, of what is refunded, too; without it all that is neither refunded nor taken by
    another dispute. An `inquiry` moves no money. `another` one may be open.
    """

    amount: int | None = None
    reason: str = "fraudulent"
    inquiry: bool = False
    another: bool = False


class Resolve(Body, frozen=True, kw_only=True):
    outcome: Literal["won", "lost"]


class DashboardRefund(Body, frozen=True, kw_only=True):
    amount: int | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None


class EndRefund(Body, frozen=True, kw_only=True):
    outcome: Literal["succeeded", "failed", "canceled", "requires_action"]
    failure_reason: str = "expired_or_canceled_card"


class Settle(Body, frozen=True, kw_only=True):
    outcome: Literal["succeeded", "failed"]
    code: str = "insufficient_funds"


class Turn(Body, frozen=True, kw_only=True):
    """`into` is the name of a test card, such as `pm_card_visa_chargeDeclinedLostCard`."""

    into: str


class Exchange(Body, frozen=True, kw_only=True):
    """From now on; without `settles_in` a currency settles in itself again."""

    currency: str
    settles_in: str = ""
    rate: Annotated[float, msgspec.Meta(gt=0)] = 1.0


class ChargeForDisputes(Body, frozen=True, kw_only=True):
    """From now on, in minor units; what is left out is as at the beginning."""

    received: Annotated[int, msgspec.Meta(ge=0)] = DisputeFees().received
    countered: Annotated[int, msgspec.Meta(ge=0)] = DisputeFees().countered
    returns_received: bool = DisputeFees().returns_received


class PayOut(Body, frozen=True, kw_only=True):
    """`account` is a connected account; without it the platform pays itself."""

    currency: str = "usd"
    account: str = ""


class EndPayout(Body, frozen=True, kw_only=True):
    outcome: Literal["in_transit", "paid", "failed"]
    failure_code: str = "account_closed"


@post("/rates", status_code=200)
async def set_rate(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    """What charges, refunds and disputes in a currency settle at."""
    asked = await read(request, Exchange)
    currency = check_currency(asked.currency)
    sandbox.rates.pop(currency, None)
    if asked.settles_in:
        sandbox.rates[currency] = Rate(check_currency(asked.settles_in), asked.rate)
    return {one: {"settles_in": rate.settles_in, "rate": rate.rate} for one, rate in sandbox.rates.items()}


@post("/dispute_fees", status_code=200)
async def set_dispute_fees(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    """What Stripe takes for disputes, and gives back of it when they are won."""
    asked = await read(request, ChargeForDisputes)
    fees = DisputeFees(
        received=asked.received, countered=asked.countered, returns_received=asked.returns_received
    )
    sandbox.dispute_fees = fees
    return msgspec.structs.asdict(fees)


@post("/charges/{charge_id:str}/dispute", status_code=200)
async def open_dispute(
    request: AnyRequest, charge_id: FromPath[str], sandbox: NamedDependency[State]
) -> Object:
    asked = await read(request, OpenDispute)

    def act(tx: Transaction) -> Object:
        charge = tx.get("charge", charge_id)
        return disputes.open_dispute(
            tx,
            charge,
            amount=asked.amount,
            reason=asked.reason,
            inquiry=asked.inquiry,
            another=asked.another,
        )

    return await work(sandbox, act)


@post("/disputes/{dispute_id:str}/resolve", status_code=200)
async def resolve(request: AnyRequest, dispute_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    asked = await read(request, Resolve)

    def act(tx: Transaction) -> Object:
        return disputes.resolve(tx, tx.get("dispute", dispute_id), won=asked.outcome == "won")

    return await work(sandbox, act)


@post("/disputes/{dispute_id:str}/escalate", status_code=200)
async def escalate(dispute_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    return await work(sandbox, lambda tx: disputes.escalate(tx, tx.get("dispute", dispute_id)))


@post("/charges/{charge_id:str}/refund", status_code=200)
async def refund(request: AnyRequest, charge_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    """As somebody does in the dashboard: without our metadata."""
    asked = await read(request, DashboardRefund)

    def act(tx: Transaction) -> Object:
        charge = tx.get("charge", charge_id)
        return refunds.refund_charge(tx, charge, asked.amount, reason=asked.reason, metadata={})

    return await work(sandbox, act)


@post("/refunds/{refund_id:str}/end", status_code=200)
async def end_refund(
    request: AnyRequest, refund_id: FromPath[str], sandbox: NamedDependency[State]
) -> Object:
    asked = await read(request, EndRefund)

    def act(tx: Transaction) -> Object:
        found = tx.get("refund", refund_id)
        _check(found, asked.outcome, ("pending", "requires_action", "succeeded"))
        match asked.outcome:
            case "failed":
                refunds.fail(tx, refund_id, asked.failure_reason)
                return tx.get("refund", refund_id)
            case "succeeded" | "requires_action":
                _check(found, asked.outcome, ("pending", "requires_action"))
                return refunds.end(tx, found, asked.outcome)
            case "canceled":
                _check(found, asked.outcome, ("pending", "requires_action"))
                return refunds.cancel_pending(tx, found)

    return await work(sandbox, act)


def _check(value: Object, outcome: str, statuses: tuple[str, ...]) -> None:
    if value["status"] not in statuses:
        raise StripeError(f"{value['id']} has status {value['status']}; it cannot become {outcome}.")


@post("/payment_intents/{intent_id:str}/settle", status_code=200)
async def settle(request: AnyRequest, intent_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    """End a bank debit now, in any way."""
    asked = await read(request, Settle)

    def act(tx: Transaction) -> Object:
        intent = tx.get("payment_intent", intent_id)
        _check(intent, asked.outcome, ("processing",))
        reason = None
        if asked.outcome == "failed":
            reason = Decline(asked.code, "", f"The bank refused the debit: {asked.code}.")
        return attempts.end_debit(tx, intent, reason)

    return await work(sandbox, act)


@post("/payouts", status_code=200)
async def pay_out(request: AnyRequest, sandbox: NamedDependency[State]) -> Object:
    """An automatic payout of all that is available."""
    asked = await read(request, PayOut)

    def act(tx: Transaction) -> Object:
        with tx.acting_for(own(tx, asked.account)["id"] if asked.account else ""):
            return payouts.pay_out_all(tx, asked.currency.lower())

    return await work(sandbox, act)


@post("/payouts/{payout_id:str}/end", status_code=200)
async def end_payout(
    request: AnyRequest, payout_id: FromPath[str], sandbox: NamedDependency[State]
) -> Object:
    asked = await read(request, EndPayout)

    def act(tx: Transaction) -> Object:
        payout = tx.get("payout", payout_id)
        match asked.outcome:
            case "in_transit":
                return payouts.send(tx, payout)
            case "paid":
                return payouts.pay(tx, payout)
            case "failed":
                return payouts.fail(tx, payout, asked.failure_code)

    return await work(sandbox, act, about=payout_id)


@post("/payment_methods/{method_id:str}/turn", status_code=200)
async def turn_card(request: AnyRequest, method_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    """What a card's bank changed its mind about: it stays attached, and behaves like another one. Stripe's
    testing has a single card that attaches and declines later, with `generic_decline`.
    """
    asked = await read(request, Turn)

    def act(tx: Transaction) -> Object:
        method = tx.get("payment_method", method_id)
        test = by_name(asked.into)
        if test is None or test.bank or method["type"] != "card":
            raise invalid(f"{asked.into} is not the name of a test card.", param="into")
        return tx.update(method, card={**method["card"], "last4": test.last4, "brand": test.brand})

    return await work(sandbox, act)


HANDLERS = (
    set_rate,
    set_dispute_fees,
    open_dispute,
    resolve,
    escalate,
    refund,
    end_refund,
    settle,
    turn_card,
    pay_out,
    end_payout,
)
