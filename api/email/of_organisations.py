"""Mail about organisations."""

from __future__ import annotations

from api.email.letter import LeftOut, Letter
from api.email.lookups import organisation_name, row_by
from api.services import Services
from ledger.effects import SendMail
from projections.organisations.tables import INVITATIONS


async def invited(services: Services, mail: SendMail) -> Letter | LeftOut:
    row = await row_by(services, INVITATIONS, "invitation_id", mail.ref)
    if row is None or row.status != "open" or row.expires_at <= services.now():
        return LeftOut("invitation_over")
    name = await organisation_name(services, row.org_id)
    if not name:
        return LeftOut("organisation_erased")
    return Letter(
        user_id=row.user_id,
        template="invited",
        values={"organisation": name, "role": row.role, "until": row.expires_at},
    )
