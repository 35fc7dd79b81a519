"""What finance says of money that Stripe does not tell about."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ledger.ids import new_id
from ledger.invoices.commands import RecordOffStripePayment
from ledger.message import Origin
from ledger.unclaimed.commands import ExplainMovement, WithdrawExplanation
from tests.flows.town.room import Commons, Room

FINANCE = Origin(actor="usr_fin", roles=frozenset({"admin"}))
_MOVEMENTS = "SELECT balance_transaction_id AS id FROM unclaimed ORDER BY position"
_RECEIVABLE = "SELECT * FROM invoices WHERE receivable_minor > 0 ORDER BY position"


class Finance(Room):
    STEPS = ("explain", "withdraw_explanation", "receive")

    def __init__(self, commons: Commons) -> None:
        super().__init__(commons)
        self.received: Counter[str] = Counter()
        """By user, of what they paid outside Stripe."""

    async def _explain(self) -> None:
        if (row := self._one_of(await self._world.rows(_MOVEMENTS))) is not None:
            account = self._lot.choice(["4000", "6000", "1000"])
            await self._say(ExplainMovement, balance_transaction_id=row["id"], account=account, note="A shop")

    async def _withdraw_explanation(self) -> None:
        if (row := self._one_of(await self._world.rows(_MOVEMENTS))) is not None:
            await self._say(WithdrawExplanation, balance_transaction_id=row["id"])

    async def _receive(self) -> None:
        if (row := self._one_of(await self._world.rows(_RECEIVABLE))) is not None:
            amount, when = self._part_of(row["receivable_minor"]), self._world.clock.now().date()
            named = {"stripe_invoice_id": row["stripe_invoice_id"], "payment_id": new_id("osp")}
            paid: dict[str, Any] = {"amount_minor": amount, "reference": "SEPA 1", "received_on": when}
            await self._say(RecordOffStripePayment, **named, **paid)
            self.received[row["user_id"]] += amount

    async def _say(self, kind: type[Any], **fields: Any) -> None:
        await self._world.store.handle(self._people.ask(kind, **fields), FINANCE)
