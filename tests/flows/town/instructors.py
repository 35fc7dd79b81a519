"""Instructors who are paid what they earned, and give back what they were paid."""

from __future__ import annotations

from api.payouts.run import pay_instructors
from ledger.earnings.terms import HOLD
from tests.api.stripe.payees import Payee
from tests.flows.town.buyers import JAN
from tests.flows.town.room import Commons, Room
from tests.ledger.enrolment_examples import IVY


class Instructors(Room):
    STEPS = ("onboard", "payday", "fund", "recall", "reverse", "spend")

    def __init__(self, commons: Commons) -> None:
        super().__init__(commons)
        self.payees = [Payee(commons.world, commons.bench, user_id) for user_id in (IVY, JAN)]

    async def _onboard(self) -> None:
        await self._lot.choice(self.payees).open()

    async def _payday(self) -> None:
        """When what was earned before is available."""
        world = self._world
        self._bench.advance(HOLD, world)
        await world.project()
        await pay_instructors(world.conn, world.store, world.gateway, world.clock)
        await world.settle()

    async def _fund(self) -> None:
        """The platform has the money before Stripe makes its charges available."""
        await self._lot.choice(self.payees).fund()

    async def _recall(self) -> None:
        """Of what an instructor owes back."""
        await self._lot.choice(self.payees).recall()
        await self._world.settle()

    async def _reverse(self) -> None:
        """In the dashboard, nobody knows why."""
        if (transfer := await self._any("transfers")) is not None:
            self.payees[0].reverse_outside(transfer.id, self._part_of(transfer.amount))

    async def _spend(self) -> None:
        """What the connected account has is gone, so that it can give nothing back."""
        if (transfer := await self._any("transfers")) is not None:
            self.payees[0].adjust(transfer.destination, -transfer.amount)
