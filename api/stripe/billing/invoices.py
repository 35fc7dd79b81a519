"""Charge an invoice again, or find out what became of an attempt."""

from __future__ import annotations

from typing import assert_never

import msgspec
import structlog

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.lookup import path_of
from api.stripe.billing.objects import PresentInvoice
from api.stripe.billing.record import delivered_of, invoice_of, record_invoice
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
from api.stripe.objects import Named
from ledger.ids import new_id
from ledger.invoices.commands import RecordInvoiceRetryFailure, RecordInvoiceRetryUnknown
from ledger.invoices.events import InvoiceRetryRequested
from ledger.invoices.stream import stream_of
from ledger.message import Origin, Recorded

NOTHING_CAME = "no_attempt"
"""Stripe took the request and shows no attempt."""

log = structlog.get_logger()


async def retry(tools: Tools, stripe_invoice_id: str, attempt: int, origin: Origin) -> Delivered:
    """The first call for an attempt. An unclear answer is recorded as such, which asks for `resolve`."""
    waiting = (await invoice_of(tools, stripe_invoice_id)).retry
    if waiting is None or waiting.attempt != attempt or waiting.unknown:
        return Delivered()
    asked = await _requested(tools, stripe_invoice_id, attempt)
    if age(tools, asked.metadata.effective_at) > LAST_CALL:
        return await _look_up(tools, asked, origin)
    return await _call(tools, asked, origin)


async def resolve(tools: Tools, stripe_invoice_id: str, attempt: int, origin: Origin) -> Delivered:
    """What became of an attempt whose first call was unclear. Raises Postponed while nobody can tell."""
    waiting = (await invoice_of(tools, stripe_invoice_id)).retry
    if waiting is None or waiting.attempt != attempt or not waiting.unknown:
        return Delivered()
    return await _look_up(tools, await _requested(tools, stripe_invoice_id, attempt), origin)


async def _look_up(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    """An attempt leaves a charge, or the invoice paid, or a question to the cardholder."""
    seen = await _look(tools, asked, origin)
    if not await _is_open(tools, asked):
        return seen.delivered
    if seen.processing:
        raise Postponed("the bank has not answered yet")
    waited = age(tools, asked.metadata.effective_at)
    if waited > NEVER_REACHED_AFTER:
        return await _failed(tools, asked, NEVER_REACHED, origin)
    if waited > LAST_CALL:
        raise Postponed("Stripe shows no such attempt; it is given up 24 hours after it was asked for")
    return await _call(tools, asked, origin)


async def _call(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    requested = _event(asked)
    code = NOTHING_CAME
    try:
        await billing_lookup.post(
            tools.stripe,
            path_of("invoices", requested.stripe_invoice_id, "/pay"),
            Named,
            f"invoice:{requested.stripe_invoice_id}:{requested.attempt}",
            # only the customer who asks is there to confirm
            off_session=requested.cause != "customer",
        )
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        match failure.kind:
            case "refused" | "used":  # used: by an attempt that a restored ledger has forgotten
                code = failure.code
            case "unclear":
                return await _unclear(tools, asked, failure.code, origin)
            case "busy" | "misconfigured":
                raise postponed_by(failure) from error
            case _:
                assert_never(failure.kind)
    # the answer may be a replay by the idempotency key, and an error tells little: what is there counts
    seen = await _look(tools, asked, origin)
    if seen.processing or not await _is_open(tools, asked):
        return seen.delivered
    failed = await _failed(tools, asked, code, origin)
    return msgspec.structs.replace(seen.delivered, outcome=failed.outcome)


class _Seen(msgspec.Struct, frozen=True):
    delivered: Delivered
    processing: bool
    """A bank debit is under way; its outcome comes by webhook."""


async def _look(tools: Tools, asked: Recorded, origin: Origin) -> _Seen:
    """Record the present state. Raises Postponed when Stripe does not answer."""
    try:
        present = await billing_lookup.present_invoice(tools.stripe, _event(asked).stripe_invoice_id)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    outcomes = await record_invoice(tools, present, recorder(origin, present.invoice.id))
    return _Seen(delivered_of(outcomes[-1], present, outcomes[-1]), _is_processing(present))


def _is_processing(present: PresentInvoice) -> bool:
    return any(intent.status == "processing" for intent in present.intents)


async def _is_open(tools: Tools, asked: Recorded) -> bool:
    requested = _event(asked)
    waiting = (await invoice_of(tools, requested.stripe_invoice_id)).retry
    return waiting is not None and waiting.attempt == requested.attempt


async def _failed(tools: Tools, asked: Recorded, code: str, origin: Origin) -> Delivered:
    command = RecordInvoiceRetryFailure(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        stripe_invoice_id=_event(asked).stripe_invoice_id,
        attempt=_event(asked).attempt,
        code=code,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _unclear(tools: Tools, asked: Recorded, cause: str, origin: Origin) -> Delivered:
    """Recorded once. When it is known already, the outbox row that asked must stay, hence Postponed."""
    requested = _event(asked)
    waiting = (await invoice_of(tools, requested.stripe_invoice_id)).retry
    if waiting is not None and waiting.unknown:
        raise Postponed(f"Stripe: unclear ({cause})")
    log.warning("invoice_retry_unknown", stripe_invoice_id=requested.stripe_invoice_id, cause=cause)
    command = RecordInvoiceRetryUnknown(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        stripe_invoice_id=requested.stripe_invoice_id,
        attempt=requested.attempt,
        cause=cause,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _requested(tools: Tools, stripe_invoice_id: str, attempt: int) -> Recorded:
    for fact in await tools.store.read_stream(stream_of(stripe_invoice_id)):
        if isinstance(fact.event, InvoiceRetryRequested) and fact.event.attempt == attempt:
            return fact
    raise Postponed(f"the ledger has no attempt {attempt} of invoice {stripe_invoice_id}")


def _event(asked: Recorded) -> InvoiceRetryRequested:
    assert isinstance(asked.event, InvoiceRetryRequested)
    return asked.event
