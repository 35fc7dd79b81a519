"""Credit an invoice at Stripe and refund what was charged for it, or find out what became of a credit."""

from __future__ import annotations

from typing import Any, assert_never

import structlog

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.objects import CreditNote, PresentInvoice
from api.stripe.billing.record import invoice_of, record_invoice
from api.stripe.delivery import (
    LAST_CALL,
    NEVER_REACHED,
    NEVER_REACHED_AFTER,
    STRIPE_ERRORS,
    Delivered,
    Postponed,
    Tools,
    age,
    postponed,
    postponed_by,
    recorder,
)
from api.stripe.failures import failure_of
from ledger.ids import new_id
from ledger.invoices.commands import RecordCreditFailure, RecordCreditUnknown
from ledger.invoices.events import CreditRequested
from ledger.invoices.stream import stream_of
from ledger.message import Origin, Recorded

log = structlog.get_logger()


async def deliver(tools: Tools, stripe_invoice_id: str, credit_id: str, origin: Origin) -> Delivered:
    """The first call and the resolution of an unclear one are the same: look first, then call."""
    if not await _is_open(tools, stripe_invoice_id, credit_id):
        return Delivered()
    asked = await _requested(tools, stripe_invoice_id, credit_id)
    try:
        present = await _present(tools, stripe_invoice_id)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    delivered = await _record(tools, present, origin)
    if not await _is_open(tools, stripe_invoice_id, credit_id):
        return delivered
    waited = age(tools, asked.metadata.effective_at)
    if waited > NEVER_REACHED_AFTER:
        return await _failed(tools, _event(asked), NEVER_REACHED, origin)
    if waited > LAST_CALL:
        raise Postponed("Stripe knows no such credit note; it is given up 24 hours after it was asked for")
    return await _call(tools, _event(asked), present, origin)


async def _is_open(tools: Tools, stripe_invoice_id: str, credit_id: str) -> bool:
    credit = (await invoice_of(tools, stripe_invoice_id)).credits.get(credit_id)
    return credit is not None and credit.status in {"requested", "unknown"}


async def _present(tools: Tools, stripe_invoice_id: str) -> PresentInvoice:
    return await billing_lookup.present_invoice(tools.stripe, stripe_invoice_id, with_credits=True)


async def _record(tools: Tools, present: PresentInvoice, origin: Origin) -> Delivered:
    outcomes = await record_invoice(tools, present, recorder(origin, present.invoice.id))
    return Delivered(outcomes[-1], invoice=outcomes[-1])


async def _call(
    tools: Tools, requested: CreditRequested, present: PresentInvoice, origin: Origin
) -> Delivered:
    try:
        await billing_lookup.post(
            tools.stripe,
            "/v1/credit_notes",
            CreditNote,
            f"credit:{requested.credit_id}",
            **parameters(requested, present),
        )
        present = await _present(tools, requested.stripe_invoice_id)
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        match failure.kind:
            case "refused":
                return await _failed(tools, requested, failure.code, origin)
            case "unclear" | "used":  # either way the next look tells
                return await _unclear(tools, requested, failure.code, origin)
            case "busy" | "misconfigured":
                raise postponed_by(failure) from error
            case _:
                assert_never(failure.kind)
    return await _record(tools, present, origin)


def parameters(requested: CreditRequested, present: PresentInvoice) -> dict[str, Any]:
    """Refund as much as the card was charged; what was paid out of the customer's balance goes back there.

    `note` stays with us: it may name people.
    """
    charged = sum(one.amount_captured - one.amount_refunded for one in present.charges)
    refund = min(requested.amount_minor, charged)
    shares = {"refund_amount": refund, "credit_amount": requested.amount_minor - refund}
    return {
        "invoice": requested.stripe_invoice_id,
        "amount": requested.amount_minor,
        "reason": requested.reason,
        "metadata": {"credit_id": requested.credit_id},
        **{name: amount for name, amount in shares.items() if amount},
    }


async def _failed(tools: Tools, requested: CreditRequested, code: str, origin: Origin) -> Delivered:
    command = RecordCreditFailure(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        stripe_invoice_id=requested.stripe_invoice_id,
        credit_id=requested.credit_id,
        code=code,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _unclear(tools: Tools, requested: CreditRequested, cause: str, origin: Origin) -> Delivered:
    """Recorded once. When it is known already, the outbox row that asked must stay, hence Postponed."""
    credit = (await invoice_of(tools, requested.stripe_invoice_id)).credits[requested.credit_id]
    if credit.status == "unknown":
        raise Postponed(f"Stripe: unclear ({cause})")
    log.warning("credit_outcome_unknown", credit_id=requested.credit_id, cause=cause)
    command = RecordCreditUnknown(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        stripe_invoice_id=requested.stripe_invoice_id,
        credit_id=requested.credit_id,
        cause=cause,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _requested(tools: Tools, stripe_invoice_id: str, credit_id: str) -> Recorded:
    for fact in await tools.store.read_stream(stream_of(stripe_invoice_id)):
        if isinstance(fact.event, CreditRequested) and fact.event.credit_id == credit_id:
            return fact
    raise Postponed(f"the ledger has no credit {credit_id}")


def _event(asked: Recorded) -> CreditRequested:
    assert isinstance(asked.event, CreditRequested)
    return asked.event
