"""Credit an invoice at Stripe and refund what was charged for it, or find out what became of a credit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.objects import CreditNote, PresentInvoice
from api.stripe.billing.record import invoice_of, record_invoice
from api.stripe.billing.snapshots import NOTE_FOLLOWS
from api.stripe.delivery import Delivered, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import Charge, Named, Refund, id_of
from api.stripe.request import Asking, StripeRequest, asking_in
from ledger.effects import CreateCreditNote, ResolveCreditNote
from ledger.invoices.commands import RecordCreditFailure, RecordCreditUnknown
from ledger.invoices.events import CreditRequested
from ledger.invoices.stream import stream_of
from ledger.message import Event, Origin, Recorded

GONE = frozenset({"canceled", "failed"})
REFUND_REASONS = frozenset({"duplicate", "fraudulent"})
"""Those of a credit note that a refund can have."""


async def deliver(
    tools: Tools, effect: CreateCreditNote | ResolveCreditNote, origin: Origin, cause: Recorded | None
) -> Delivered:
    """The first call and the resolution of an unclear one are the same: look first, then call."""

    def wish_of(event: Event) -> CreditRequested | None:
        return event if isinstance(event, CreditRequested) and event.credit_id == effect.credit_id else None

    if not await _is_open(tools, effect):
        return Delivered()
    asking = await asking_in(tools.store, stream_of(effect.stripe_invoice_id), cause, wish_of)
    present = await _present(tools, effect.stripe_invoice_id)
    request = _CreditRequest(tools, asking, origin, present)
    delivered = await request.record(present)
    return await request.call_in_time() if await _is_open(tools, effect) else delivered


async def _is_open(tools: Tools, effect: CreateCreditNote | ResolveCreditNote) -> bool:
    return await _status(tools, effect.stripe_invoice_id, effect.credit_id) in {"requested", "unknown"}


async def _status(tools: Tools, stripe_invoice_id: str, credit_id: str) -> str:
    credit = (await invoice_of(tools, stripe_invoice_id)).credits.get(credit_id)
    return credit.status if credit else ""


async def _present(tools: Tools, stripe_invoice_id: str) -> PresentInvoice:
    return await billing_lookup.present_invoice(tools.stripe, stripe_invoice_id, with_credits=True)


class _CreditRequest(StripeRequest[CreditRequested, PresentInvoice]):
    absent: ClassVar[str] = "Stripe knows no such credit note"
    unknown_as: ClassVar[str] = "credit_outcome_unknown"

    def __init__(
        self, tools: Tools, asking: Asking[CreditRequested], origin: Origin, present: PresentInvoice
    ) -> None:
        super().__init__(tools, asking, origin)
        self._before = present

    @property
    def ids(self) -> Mapping[str, str]:
        return {"credit_id": self.wish.credit_id}

    async def call(self) -> PresentInvoice:
        key = f"credit:{self.wish.credit_id}"
        if again := refund_again(self.wish, self._before):
            await billing_lookup.post(self.tools.stripe, "/v1/refunds", Named, key, **again)
        else:
            made = await self._refund_each() if not _by_default_payment(self._before) else None
            note = parameters(self.wish, self._before, made)
            await billing_lookup.post(self.tools.stripe, "/v1/credit_notes", CreditNote, key, **note)
        return await _present(self.tools, self.wish.stripe_invoice_id)

    async def _refund_each(self) -> list[Refund]:
        """Stripe refunds by a credit note what the default payment charged; of several charges each is
        refunded before, the oldest first. What was made already, when this is tried again, is counted.
        """
        made = [one for one in self._before.refunds if _is_of(one, self.wish.credit_id)]
        rest = self.wish.amount_minor - sum(one.amount for one in made)
        for charge in sorted(self._before.charges, key=lambda one: (one.created, one.id)):
            part = min(rest, charge.amount_captured - charge.amount_refunded)
            if part > 0:
                made.append(await self._refund(charge, part))
                rest -= part
        return made

    async def _refund(self, charge: Charge, amount_minor: int) -> Refund:
        return await billing_lookup.post(
            self.tools.stripe,
            "/v1/refunds",
            Refund,
            f"credit:{self.wish.credit_id}:{charge.id}",
            charge=charge.id,
            amount=amount_minor,
            metadata={"credit_id": self.wish.credit_id, **NOTE_FOLLOWS},
        )

    async def record(self, answer: PresentInvoice, /) -> Delivered:
        outcomes = await record_invoice(self.tools, answer, recorder(self.origin, answer.invoice.id))
        return Delivered(outcomes[-1], invoice=outcomes[-1])

    async def is_unknown(self) -> bool:
        return await _status(self.tools, self.wish.stripe_invoice_id, self.wish.credit_id) == "unknown"

    def unknown(self, cause: str) -> RecordCreditUnknown:
        return RecordCreditUnknown(
            **self.begun(),
            stripe_invoice_id=self.wish.stripe_invoice_id,
            credit_id=self.wish.credit_id,
            cause=cause,
        )

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordCreditFailure(
            **self.begun(),
            stripe_invoice_id=self.wish.stripe_invoice_id,
            credit_id=self.wish.credit_id,
            code=failure.code,
        )
        return await self.handle(command)


def refund_again(requested: CreditRequested, present: PresentInvoice) -> dict[str, Any]:
    """What is given back without a credit note: Stripe's own stands although its refund bounced, and there
    is none of more than the invoice's total. Empty when Stripe can write one.
    """
    noted = [note for note in present.credit_notes if note.status == "issued"]
    ids = {id_of(one.refund) for note in noted for one in note.refunds if one.refund}
    bare = sum(one.amount for one in present.refunds if one.id not in ids and one.status not in GONE)
    left = present.invoice.total - sum(note.amount for note in noted) - bare
    charge = max(present.charges, key=_refundable, default=None)
    if requested.amount_minor <= left or charge is None or _refundable(charge) < requested.amount_minor:
        return {}
    reason = requested.reason if requested.reason in REFUND_REASONS else "requested_by_customer"
    metadata = {"credit_id": requested.credit_id}
    return {"charge": charge.id, "amount": requested.amount_minor, "reason": reason, "metadata": metadata}


def _refundable(charge: Charge) -> int:
    return charge.amount_captured - charge.amount_refunded if charge.status == "succeeded" else 0


def _is_of(refund: Refund, credit_id: str) -> bool:
    return (refund.metadata or {}).get("credit_id") == credit_id and refund.status not in GONE


def _by_default_payment(present: PresentInvoice) -> bool:
    """Whether one charge is all, made by the payment that Stripe makes for an invoice."""
    payments = present.invoice.payments.data if present.invoice.payments else []
    attached = {id_of(one.payment.payment_intent) for one in payments if not one.is_default}
    paid = [one for one in present.charges if one.amount_captured]
    return len(paid) <= 1 and all(id_of(one.payment_intent) not in attached for one in paid)


def parameters(
    requested: CreditRequested, present: PresentInvoice, made: list[Refund] | None = None
) -> dict[str, Any]:
    """Refund as much as the card was charged; what was paid out of the customer's balance goes back there.
    `made` are the refunds, where there are some already.

    `note` stays with us: it may name people.
    """
    charged = sum(one.amount_captured - one.amount_refunded for one in present.charges)
    refund = min(requested.amount_minor, charged) if made is None else 0
    linked = [{"refund": one.id, "amount_refunded": one.amount} for one in made or ()]
    credit = requested.amount_minor - refund - sum(one.amount for one in made or ())
    shares = {"refund_amount": refund, "credit_amount": credit, "refunds": linked}
    return {
        "invoice": requested.stripe_invoice_id,
        "amount": requested.amount_minor,
        "reason": requested.reason,
        "metadata": {"credit_id": requested.credit_id},
        **{name: amount for name, amount in shares.items() if amount},
    }
