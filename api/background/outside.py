"""Who delivers which effect."""

from __future__ import annotations

from typing import Protocol

from api.background.deliveries import Deliverer
from api.stripe.delivery import Delivered
from ledger.effects import Effect, SendMail
from ledger.message import Origin


class Mailing(Protocol):
    """`api.email.mailer` has one."""

    async def deliver(self, mail: SendMail, origin: Origin, /) -> Delivered: ...


class Outside:
    """Mail to the mailer, all else to Stripe's gateway, which also takes the steps within the ledger."""

    def __init__(self, gateway: Deliverer, mailer: Mailing) -> None:
        self._gateway = gateway
        self._mailer = mailer

    async def deliver(self, effect: Effect, origin: Origin) -> Delivered:
        """Raises Postponed, and what `Store.handle` raises."""
        if isinstance(effect, SendMail):
            return await self._mailer.deliver(effect, origin)
        return await self._gateway.deliver(effect, origin)
