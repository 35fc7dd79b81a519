"""Pages of Stripe's in a town: asked for with what is bought, and visited, or left, by whoever has them."""

from __future__ import annotations

from datetime import timedelta

from api.sandbox.resources.checkout import paying
from ledger.hosted import PAGE_LASTS, HostedPage
from tests.flows.town.room import Room

CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required")


class Pages(Room):
    STEPS = ("visit", "confirm", "fail")

    async def _visit(self) -> None:
        """With a card that may be declined, after which another one may be tried."""
        if (session := await self._any("checkout.sessions", "open")) is not None:
            card = self._lot.choice(CARDS)
            self._bench.does(lambda tx: paying.pay(tx, tx.get("checkout.session", session.id), card))

    async def _confirm(self) -> None:
        """A card's bank, which asked its holder."""
        if (intent := await self._any("payment_intents", "requires_action")) is not None:
            self._bench.pass_challenge(intent.id)

    async def _fail(self) -> None:
        if (intent := await self._any("payment_intents", "requires_action")) is not None:
            self._bench.fail_challenge(intent.id)


def page_or_card(room: Room) -> tuple[HostedPage | None, str]:
    """How somebody pays: one is empty."""
    card = room._lot.choice([*CARDS, ""])
    until = (room._world.clock.now() + PAGE_LASTS + timedelta(seconds=1)).replace(microsecond=0)
    site = "http://127.0.0.1:8000"
    page = HostedPage(success_url=f"{site}/paid", cancel_url=f"{site}/cart", expires_at=until)
    return (None, card) if card else (page, "")
