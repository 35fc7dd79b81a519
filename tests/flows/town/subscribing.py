"""What users ask of their subscriptions."""

from __future__ import annotations

from typing import Any

from ledger.ids import new_id
from ledger.invoices.commands import RequestCredit
from ledger.message import Command
from ledger.subscriptions.commands import RequestCancellation, RequestPause, RequestResume
from ledger.subscriptions.state import Subscription
from tests.api.stripe.subscribers import downgrade, turn
from tests.flows.town.room import Commons, Room

LIVE = frozenset({"active", "past_due", "paused", "trialing"})
GOOD, BAD = "pm_card_visa", "pm_card_chargeCustomerFail"


class Subscribing(Room):
    """Each user has one at most, and knows of it what the ledger knows."""

    STEPS = (
        *("subscribe", "try", "upgrade", "year", "downgrade"),
        *("credit", "leave", "end", "suspend", "resume", "bad", "good"),
    )

    def __init__(self, commons: Commons) -> None:
        super().__init__(commons)
        self.known: dict[str, str] = {}
        """Subscriptions by their users."""

    async def _subscribe(self, trial_days: int = 0) -> None:
        user_id, subscription_id = f"usr_{len(self.known)}", new_id("sub")
        self.known[user_id] = subscription_id
        tier, ids = self._lot.choice(["pro", "enterprise"]), {"subscription_id": subscription_id}
        await self._people.subscribe(tier, user_id=user_id, trial_days=trial_days, **ids)

    async def _try(self) -> None:
        await self._subscribe(trial_days=7)

    async def _live(self) -> tuple[str, Subscription] | None:
        await self._people.hear()
        known = {user_id: await self._people.state(one, user_id) for user_id, one in self.known.items()}
        return self._one_of([(user_id, one) for user_id, one in known.items() if one.status in LIVE])

    async def _upgrade(self) -> None:
        await self._change("enterprise", None)

    async def _year(self) -> None:
        await self._change(None, "year")

    async def _change(self, tier: str | None, interval: str | None) -> None:
        """Its invoice is of what the preview said."""
        if (found := await self._live()) is None or found[1].status not in {"active", "trialing"}:
            return
        people, (user_id, one) = self._people, found
        plan = (tier or one.tier, interval or one.interval)
        told = await people.preview(one.subscription_id, *plan, user_id=user_id)
        before = {row["stripe_invoice_id"] for row in await people.invoices()}
        await people.change(one.subscription_id, *plan, user_id=user_id)
        new = [row for row in await people.invoices() if row["stripe_invoice_id"] not in before]
        if told.total_minor is not None:
            assert [row["total_minor"] for row in new] in ([], [told.total_minor])

    async def _downgrade(self) -> None:
        if (found := await self._live()) is not None:
            user_id, one = found
            await self._people.asks(downgrade(self._people, one.subscription_id, "pro", user_id=user_id))

    async def _leave(self) -> None:
        await self._ask(RequestCancellation, at_once=True)

    async def _end(self) -> None:
        await self._ask(RequestCancellation, at_once=False)

    async def _suspend(self) -> None:
        await self._ask(RequestPause)

    async def _resume(self) -> None:
        await self._ask(RequestResume)

    async def _ask(self, kind: type[Command], **more: Any) -> None:
        if (found := await self._live()) is not None:
            user_id, one = found
            named = {"user_id": user_id, "subscription_id": one.subscription_id}
            await self._people.asks(self._people.ask(kind, **named, **more))

    async def _good(self) -> None:
        await self._turn(GOOD)

    async def _bad(self) -> None:
        await self._turn(BAD)

    async def _turn(self, into: str) -> None:
        if (found := await self._live()) is not None:
            turn(self._bench, found[1].payment_method_id, into)

    async def _credit(self) -> None:
        """By an administrator."""
        paid = [row for row in await self._people.invoices() if row["status"] == "paid"]
        if (row := self._one_of(paid)) is None:
            return
        invoice_id = row["stripe_invoice_id"]
        left = (await self._people.invoice(invoice_id)).creditable_minor
        amount = self._lot.choice([None, self._lot.randint(1, max(1, left))])
        fields: dict[str, Any] = {"stripe_invoice_id": invoice_id, "amount_minor": amount}
        fields |= {"credit_id": new_id("crn"), "reason": "order_change", "note": "as agreed"}
        await self._people.asks(self._people.ask(RequestCredit, **fields))
