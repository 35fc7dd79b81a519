"""Older payments that something happened to in the window: a charge, a refund, a dispute."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from api.stripe.adopting.candidates import Window
from api.stripe.billing.lookup import each
from api.stripe.delivery import Tools
from api.stripe.objects import Reference, id_of

_MOVED = ("/v1/charges", "/v1/refunds", "/v1/disputes")


class _OfPayment(msgspec.Struct, frozen=True):
    payment_intent: Reference = None


async def touched(tools: Tools, window: Window) -> AsyncIterator[str]:
    """Ids of their PaymentIntents, each once; those of payments that were made in the window too."""
    seen: set[str] = set()
    for path in _MOVED:
        async for one in each(tools.stripe, path, _OfPayment, created=window.created):
            intent_id = id_of(one.payment_intent)
            if intent_id and intent_id not in seen:
                seen.add(intent_id)
                yield intent_id
