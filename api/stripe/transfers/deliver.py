"""What facts of an instructor's earnings ask of Stripe."""

from __future__ import annotations

from typing import assert_never

from api.stripe.delivery import Delivered, Tools
from api.stripe.transfers import create, reverse
from ledger.effects import CreateTransfer, PayoutEffect, ResolveReversal, ResolveTransfer, ReverseTransfer
from ledger.message import Origin


async def deliver(tools: Tools, effect: PayoutEffect, origin: Origin) -> Delivered:
    match effect:
        case CreateTransfer():
            return await create.create(tools, effect, origin)
        case ResolveTransfer():
            return await create.resolve(tools, effect, origin)
        case ReverseTransfer():
            return await reverse.reverse(tools, effect, origin)
        case ResolveReversal():
            return await reverse.resolve(tools, effect, origin)
        case _:
            assert_never(effect)
