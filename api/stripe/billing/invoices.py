"""Charge an invoice again, or find out what became of an attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.lookup import path_of
from api.stripe.billing.objects import PresentInvoice
from api.stripe.billing.record import delivered_of, invoice_of, record_invoice
from api.stripe.delivery import Delivered, Postponed, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import Named
from api.stripe.request import DirectRequest, asking_in
from ledger.effects import ResolveInvoice, RetryInvoice
from ledger.invoices.commands import RecordInvoiceRetryFailure, RecordInvoiceRetryUnknown
from ledger.invoices.events import InvoiceRetryRequested
from ledger.invoices.state import Retry
from ledger.invoices.stream import stream_of
from ledger.message import Event, Origin, Recorded

NOTHING_CAME = "no_attempt"
"""Stripe took the request and shows no attempt."""


async def retry(tools: Tools, effect: RetryInvoice, origin: Origin, cause: Recorded | None) -> Delivered:
    """The first call for an attempt. An unclear answer is recorded as such, which asks for `resolve`."""
    waiting = await _waiting(tools, effect.stripe_invoice_id, effect.attempt)
    if waiting is None or waiting.unknown:
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(tools: Tools, effect: ResolveInvoice, origin: Origin, cause: Recorded | None) -> Delivered:
    """What became of an attempt whose first call was unclear. Raises Postponed while nobody can tell."""
    waiting = await _waiting(tools, effect.stripe_invoice_id, effect.attempt)
    if waiting is None or not waiting.unknown:
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def _waiting(tools: Tools, stripe_invoice_id: str, attempt: int) -> Retry | None:
    """The attempt, until its outcome is known."""
    waiting = (await invoice_of(tools, stripe_invoice_id)).retry
    return waiting if waiting is not None and waiting.attempt == attempt else None


async def _request(
    tools: Tools, effect: RetryInvoice | ResolveInvoice, origin: Origin, cause: Recorded | None
) -> _RetryRequest:
    def wish_of(event: Event) -> InvoiceRetryRequested | None:
        return event if isinstance(event, InvoiceRetryRequested) and event.attempt == effect.attempt else None

    asking = await asking_in(tools.store, stream_of(effect.stripe_invoice_id), cause, wish_of)
    return _RetryRequest(tools, asking, origin)


class _Seen(msgspec.Struct, frozen=True):
    delivered: Delivered
    processing: bool
    """A bank debit is under way; its outcome comes by webhook."""


class _RetryRequest(DirectRequest[InvoiceRetryRequested, None]):
    """The answer may be a replay by the idempotency key, and an error tells little: what is there counts."""

    absent: ClassVar[str] = "Stripe shows no such attempt"
    unknown_as: ClassVar[str] = "invoice_retry_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"stripe_invoice_id": self.wish.stripe_invoice_id}

    async def call(self) -> None:
        await billing_lookup.post(
            self.tools.stripe,
            path_of("invoices", self.wish.stripe_invoice_id, "/pay"),
            Named,
            f"invoice:{self.wish.stripe_invoice_id}:{self.wish.attempt}",
            # only the customer who asks is there to confirm
            off_session=self.wish.cause != "customer",
        )

    async def look(self) -> Delivered | None:
        """An attempt leaves a charge, or the invoice paid, or a question to the cardholder."""
        seen = await self._see()
        if await self._waiting() is None:
            return seen.delivered
        if seen.processing:
            raise Postponed("the bank has not answered yet")
        return None

    async def record(self, _answer: None, /) -> Delivered:
        return await self._seen_or_failed(Failure(kind="refused", code=NOTHING_CAME))

    async def refused(self, failure: Failure) -> Delivered:
        return await self._seen_or_failed(failure)

    async def used(self, failure: Failure) -> Delivered:
        """By an attempt that a restored ledger has forgotten."""
        return await self._seen_or_failed(failure)

    async def _seen_or_failed(self, failure: Failure) -> Delivered:
        seen = await self._see()
        if seen.processing or await self._waiting() is None:
            return seen.delivered
        failed = await self.failed(failure)
        return msgspec.structs.replace(seen.delivered, outcome=failed.outcome)

    async def _see(self) -> _Seen:
        """The present state, recorded."""
        present = await billing_lookup.present_invoice(self.tools.stripe, self.wish.stripe_invoice_id)
        outcomes = await record_invoice(self.tools, present, recorder(self.origin, present.invoice.id))
        return _Seen(delivered_of(outcomes[-1], present, outcomes[-1]), _is_processing(present))

    async def _waiting(self) -> Retry | None:
        return await _waiting(self.tools, self.wish.stripe_invoice_id, self.wish.attempt)

    async def is_unknown(self) -> bool:
        waiting = await self._waiting()
        return waiting is not None and waiting.unknown

    def unknown(self, cause: str) -> RecordInvoiceRetryUnknown:
        return RecordInvoiceRetryUnknown(
            **self.begun(),
            stripe_invoice_id=self.wish.stripe_invoice_id,
            attempt=self.wish.attempt,
            cause=cause,
        )

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordInvoiceRetryFailure(
            **self.begun(),
            stripe_invoice_id=self.wish.stripe_invoice_id,
            attempt=self.wish.attempt,
            code=failure.code,
        )
        return await self.handle(command)


def _is_processing(present: PresentInvoice) -> bool:
    return any(intent.status == "processing" for intent in present.intents)
