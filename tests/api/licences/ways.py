"""How a licence of a test came to be what it is: quoted, issued, active, suspended, or owing a credit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.services import Services
from ledger.ids import new_id
from ledger.licences.commands import (
    ActivateLicence,
    CreditLicenceInvoice,
    IssueLicence,
    LicenceCommand,
    QuoteLicence,
    RecordLicencePayment,
    SuspendLicence,
)
from ledger.licences.decider import LICENCE
from ledger.licences.stream import stream_of
from ledger.message import Origin
from ledger.seats.commands import ActivateSeat
from tests.ledger.licence_examples import DAY, ORG, PROFESSIONAL, STARTER, command
from tests.ledger.seat_examples import TEN

ADMIN = Origin(actor="usr_root", roles=frozenset({"admin"}))
ISSUED, QUOTED, SUSPENDED, CREDITED = "issued", "quoted", "suspended", "credited"
ACTIVE, SEATED, BRANDED = "active", "seated", "branded"


async def licence_of(
    services: Services, way: str, org_id: str, *, at: datetime | None = None, **issued: Any
) -> dict[str, str]:
    """Of that organisation: its id, and that of its invoice where it has one. `at` is when all of it was."""
    licence_id, moment = new_id("lic"), at or services.now()

    async def do(kind: type[LicenceCommand], **changes: Any) -> None:
        ours = {"command_id": new_id("cmd"), "licence_id": licence_id}
        await services.store.handle(command(kind, moment, **ours, **changes), ADMIN)

    if way == QUOTED:
        await do(QuoteLicence, org_id=org_id, valid_until=services.now() + DAY)
        return {"licence_id": licence_id}
    await do(IssueLicence, org_id=org_id, grant=PROFESSIONAL if way == BRANDED else STARTER, **issued)
    licence = await services.store.state(LICENCE, stream_of(licence_id))
    invoice_id = next(iter(licence.invoices), "")
    if way in {ACTIVE, SEATED, BRANDED}:
        await do(ActivateLicence)
    if way == SEATED:
        return {"licence_id": licence_id, "seat_id": await seated(services, licence_id)}
    if way == SUSPENDED:
        await do(SuspendLicence, reason="Unpaid")
    if way == CREDITED:
        await do(RecordLicencePayment, invoice_id=invoice_id, amount_minor=99_000)
        await do(CreditLicenceInvoice, invoice_id=invoice_id, net_minor=1_000)
    return {"licence_id": licence_id, "invoice_id": invoice_id}


async def seated(services: Services, licence_id: str) -> str:
    """The id of a seat that somebody has."""
    seat = ActivateSeat(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        licence_id=licence_id,
        org_id=ORG,
        seat_id=new_id("sea"),
        device="a hash",
        user_id="usr_learner",
        terms=TEN,
    )
    await services.store.handle(seat, ADMIN)
    return seat.seat_id
