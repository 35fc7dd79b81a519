"""Payments with their refunds and disputes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from api.stripe.adopting.candidates import OPERATOR, Candidate, Window, whose
from api.stripe.adopting.touched import touched
from api.stripe.billing.lookup import each
from api.stripe.delivery import Tools
from api.stripe.objects import PaymentIntent, id_of, instant
from api.stripe.payments import lookup
from api.stripe.payments.create import present_of, record_present, state_of

_WITH_CHARGE = [f"data.{path}" for path in lookup.WITH_CHARGE]


async def payments(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """Those made in the window, and older ones that something happened to in it."""
    seen: set[str] = set()
    listed = each(
        tools.stripe, "/v1/payment_intents", PaymentIntent, created=window.created, expand=_WITH_CHARGE
    )
    async for intent in listed:
        seen.add(intent.id)
        if (found := await _candidate(tools, intent)) is not None:
            yield found
    async for intent_id in touched(tools, window):
        if intent_id not in seen:
            older = await _candidate(tools, await lookup.payment_intent(tools.stripe, intent_id))
            if older is not None:
                yield older


async def _candidate(tools: Tools, intent: PaymentIntent) -> Candidate | None:
    """None for an invoice's, which comes with that, and for another integration's."""
    metadata = intent.metadata or {}
    payment_id = metadata.get("payment_id", "")
    if not payment_id:
        return None
    known = await state_of(tools, payment_id)

    async def record(tools: Tools) -> None:
        present = await present_of(
            tools, intent, with_refunds=bool(known.refunds), with_disputes=bool(known.disputes)
        )
        await record_present(tools, payment_id, present, OPERATOR)

    return Candidate(
        kind="payment",
        stripe_id=intent.id,
        whose=whose(metadata, tools.store.ledger_id, known=bool(known.payment_id)),
        made_at=instant(intent.created),
        record=record,
        our_id=payment_id,
        user_id=metadata.get("user_id", known.user_id),
        amount_minor=intent.amount,
        currency=intent.currency,
        related=(id_of(intent.latest_charge),),
    )
