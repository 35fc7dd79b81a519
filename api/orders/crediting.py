"""How late an organisation may pay for an order, and what tax is on it: by its licences and what it owes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from api.http.owner import is_admin
from api.orders.managing import Call
from api.services import Services
from ledger.licences.decider import LICENCE
from ledger.licences.live import LIVE
from ledger.licences.state import Licence
from ledger.licences.status import status_at
from ledger.licences.stream import stream_of
from ledger.licences.terms import NET_DAYS
from ledger.orders.terms import PREPAID, Terms
from ledger.store.batched_queries import Connection

LICENCES_MAX = 100
_LIVE = """
    SELECT licence_id
    FROM licences
    WHERE org_id = %(org_id)s AND activated_at IS NOT NULL AND revoked_at IS NULL AND NOT suspended
        AND lapses_at > %(now)s
    ORDER BY position DESC
    LIMIT %(limit)s
"""
_OVERDUE = """
    SELECT EXISTS (
        SELECT FROM licence_invoices
        WHERE org_id = %(org_id)s AND open_minor > 0 AND due_at < %(now)s
    ) OR EXISTS (
        SELECT FROM orders
        WHERE org_id = %(org_id)s AND open_minor > 0 AND due_at < %(now)s AND net_days > 0
    )
"""
"""Of an order that is paid first nobody has anything, so that it owes nothing that it has had."""


class Standing(Struct, frozen=True):
    """Of an organisation at a moment."""

    live: Sequence[Licence]
    """Its licences, active or in grace: as far as they are projected; that they are live, the ledger says."""
    active: Sequence[Licence]
    overdue: bool
    """As far as it is projected."""

    @property
    def tax_bp(self) -> int:
        """The highest of the licences that are live. Those that are given have none."""
        return max((one.billing.tax_bp for one in self.live), default=0)

    @property
    def terms(self) -> Terms:
        """Of active licences the longest that a last invoice has, which is what an admin let it."""
        if not self.live:
            return Terms(most_days=PREPAID, why_none="no_licence")
        if not self.active:
            return Terms(most_days=PREPAID, why_none="in_grace")
        if self.overdue:
            return Terms(most_days=PREPAID, why_none="overdue")
        return Terms(most_days=max(one.billing.net_days or NET_DAYS[0] for one in self.active))


async def standing_of(services: Services, org_id: str, now: datetime) -> Standing:
    async with services.reading() as connection:
        ids, overdue = await _known(connection, org_id, now)
    found: list[Licence] = await asyncio.gather(
        *(services.store.state(LICENCE, stream_of(licence_id)) for licence_id in ids)
    )
    status = {one.licence_id: status_at(one, now) for one in found}
    live = [one for one in found if status[one.licence_id] in LIVE]
    return Standing(live, [one for one in live if status[one.licence_id] == "active"], overdue)


async def _known(connection: Connection, org_id: str, now: datetime) -> tuple[list[str], bool]:
    of = {"org_id": org_id, "now": now, "limit": LICENCES_MAX}
    ids = [row[0] for row in await (await connection.execute(_LIVE.encode(), of)).fetchall()]
    overdue = await (await connection.execute(_OVERDUE.encode(), of)).fetchone()
    return ids, bool(overdue and overdue[0])


def terms_for(request: Call, standing: Standing) -> Terms:
    """An admin who orders says how late it is paid."""
    return Terms(most_days=NET_DAYS[-1]) if is_admin(request) else standing.terms
