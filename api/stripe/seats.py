"""Seats of who left an organisation, freed in each of its licences: in the ledger, and not of Stripe."""

from __future__ import annotations

from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from ledger import effects
from ledger.message import Origin
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.stream import stream_of
from ledger.seats.commands import FreeMemberSeats


async def free(tools: Tools, effect: effects.FreeMemberSeats, origin: Origin) -> Delivered:
    """Once for each time that they left. Who is back meanwhile keeps what they have."""
    if tools.licences is None:
        raise Postponed("nothing here knows whose licences are which")
    organisation = await tools.store.state(ORGANISATION, stream_of(effect.org_id))
    if effect.user_id in organisation.members:
        return Delivered()
    for licence_id in await tools.licences.of_organisation(effect.org_id, effect.left_at):
        command = FreeMemberSeats(
            command_id=f"free_member_seats:{effect.left_at}:{licence_id}",
            effective_at=tools.clock.now(),
            licence_id=licence_id,
            user_id=effect.user_id,
        )
        await tools.store.handle(command, as_worker(origin))
    return Delivered()
