"""What banks do with charges and refunds, whosever they are."""

from __future__ import annotations

from api.sandbox.resources import disputes
from tests.flows.town.room import Room


class Banks(Room):
    """Cardholders dispute all of a charge or parts of it, also what they were given back."""

    STEPS = ("dispute", "dispute_again", "ask", "escalate", "win", "lose", "bounce")

    async def _dispute(self, *, another: bool = False, inquiry: bool = False) -> None:
        charge = await self._any("charges", "succeeded")
        if charge is not None:
            amount = self._lot.choice([None, charge.amount, self._lot.randint(1, charge.amount)])
            self._bench.does(
                lambda tx: disputes.open_dispute(
                    tx, tx.get("charge", charge.id), amount=amount, inquiry=inquiry, another=another
                )
            )

    async def _dispute_again(self) -> None:
        """In parts, of one charge where one is disputed already."""
        if (dispute := await self._any("disputes")) is not None:
            self._bench.does(
                lambda tx: disputes.open_dispute(
                    tx, tx.get("charge", dispute.charge), amount=self._part_of(dispute.amount), another=True
                )
            )

    async def _ask(self) -> None:
        await self._dispute(inquiry=True)

    async def _escalate(self) -> None:
        if (dispute := await self._any("disputes", *disputes.INQUIRY)) is not None:
            self._bench.escalate(dispute.id)

    async def _win(self) -> None:
        await self._decide(won=True)

    async def _lose(self) -> None:
        await self._decide(won=False)

    async def _decide(self, *, won: bool) -> None:
        if (dispute := await self._any("disputes", *disputes.OPEN, *disputes.INQUIRY)) is not None:
            self._bench.resolve(dispute.id, won=won)

    async def _bounce(self) -> None:
        if (refund := await self._any("refunds", "pending", "succeeded")) is not None:
            self._bench.fail_refund(refund.id)
