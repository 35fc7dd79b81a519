"""What is open of a subscription that has ended is not collected any more: it is voided at Stripe.

Nothing was earned of an invoice that nobody paid, and the service that a user had while we waited for their
card is not charged. What Stripe collects all the same, as the cardholder confirmed in that very moment, is
given back by the invoice's own rules, once it is settled.
"""

from __future__ import annotations

import stripe
import structlog

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.lookup import path_of
from api.stripe.billing.record import invoice_of, names_ours, record_invoice, subscription_of
from api.stripe.delivery import Delivered, Tools, as_worker, recorder
from api.stripe.objects import Named
from ledger.effects import EndCollection, VoidInvoice
from ledger.invoices.commands import EndCollection as EndCollectionOf
from ledger.invoices.state import OWED
from ledger.message import Origin

log = structlog.get_logger()


async def deliver(tools: Tools, effect: EndCollection | VoidInvoice, origin: Origin) -> Delivered:
    if isinstance(effect, EndCollection):
        return await _end(tools, effect, origin)
    return await _void(tools, effect.stripe_invoice_id, origin)


async def _end(tools: Tools, effect: EndCollection, origin: Origin) -> Delivered:
    """Of the invoices that Stripe lists; one that the ledger does not know is recorded."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or not known.stripe_subscription_id:
        return Delivered()
    outcome = None
    at_s = effect.at.timestamp()
    for found in await billing_lookup.invoices_of(tools.stripe, known.stripe_subscription_id):
        late = found.status == "paid" and (found.status_transitions.paid_at or 0) > at_s
        if found.status not in OWED and not late:
            continue
        present = await billing_lookup.present_invoice(tools.stripe, found.id)
        if not names_ours(present):
            continue
        await record_invoice(tools, present, recorder(origin, found.id))
        command = EndCollectionOf(
            command_id=f"end_collection:{found.id}",
            effective_at=effect.at,
            stripe_invoice_id=found.id,
            at=effect.at,
        )
        outcome = await tools.store.handle(command, as_worker(origin))
    return Delivered(outcome)


async def _void(tools: Tools, stripe_invoice_id: str, origin: Origin) -> Delivered:
    """Its payment is canceled with it. One that Stripe does not void was paid: it is looked at below."""
    if (await invoice_of(tools, stripe_invoice_id)).status in OWED:
        try:
            await billing_lookup.post(
                tools.stripe,
                path_of("invoices", stripe_invoice_id, "/void"),
                Named,
                f"void_ended:{stripe_invoice_id}",
            )
        except stripe.InvalidRequestError as error:
            log.warning("ended_invoice_not_voided", stripe_invoice_id=stripe_invoice_id, code=error.code)
    present = await billing_lookup.present_invoice(tools.stripe, stripe_invoice_id)
    outcomes = await record_invoice(tools, present, recorder(origin, stripe_invoice_id))
    return Delivered(outcomes[-1], invoice=outcomes[-1])
