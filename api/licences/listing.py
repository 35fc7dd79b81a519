"""Licences and their invoices, and what an upgrade would cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from api.http.body import instant
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.licences.managing import Call, licence_of, managed_by
from api.licences.offers import granted
from api.licences.resources import (
    LicenceDetails,
    LicenceInUse,
    LicenceInvoice,
    invoice_of_row,
    licence_of_row,
)
from api.reads import grouped, newest_first, rows, select
from api.services import Services
from api.words import ORGANISATION
from ledger.errors import NotFound
from ledger.licences.refusals import LicenceNotOpen, NotAnUpgrade
from ledger.licences.status import Status
from ledger.licences.upgrading import charges
from ledger.store.batched_queries import Connection
from projections.licences.tables import LICENCE_INVOICES, LICENCE_TERMS, LICENCES, LicenceRow

TAGS = ["licences"]

LISTED = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE (%(org_id)s::text IS NULL OR org_id = %(org_id)s)
        AND (%(managed)s::text[] IS NULL OR org_id = ANY(%(managed)s))
        AND (%(ends_before)s::timestamptz IS NULL OR ends_at < %(ends_before)s)
        AND (
            %(status)s::text IS NULL
            OR %(status)s = CASE
                WHEN ends_at IS NULL OR lapses_at IS NULL THEN 'quoted'
                WHEN revoked_at IS NOT NULL THEN 'revoked'
                WHEN suspended THEN 'suspended'
                WHEN %(now)s >= lapses_at THEN 'expired'
                WHEN activated_at IS NULL THEN 'created'
                WHEN %(now)s < ends_at THEN 'active'
                ELSE 'grace'
            END
        )
        AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    LICENCES,
)
"""A status is what `Standing.status_at` says of the row."""
_ONE = select("SELECT {columns} FROM {table} WHERE licence_id = %s", LICENCES)
_TERMS = select("SELECT {columns} FROM {table} WHERE licence_id = ANY(%s) ORDER BY number", LICENCE_TERMS)
_SEATS_IN_USE = """
    SELECT count(*)
    FROM seats
    LEFT JOIN seat_leases USING (seat_id, licence_id)
    WHERE licence_id = %(licence_id)s AND ended = ''
        AND (NOT floating OR (until > %(now)s AND NOT closed))
"""
_INVOICES = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE licence_id = %(licence_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    LICENCE_INVOICES,
)
EVERY_INVOICE = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE (%(licence_id)s::text IS NULL OR licence_id = %(licence_id)s)
        AND (NOT %(open)s OR open_minor > 0)
        AND (%(due_before)s::timestamptz IS NULL OR due_at < %(due_before)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    LICENCE_INVOICES,
)
"""For who may see all of them."""
INVOICE_NAMED = select(
    "SELECT {columns} FROM {table} WHERE invoice_id = %(name)s OR number = %(name)s LIMIT 2", LICENCE_INVOICES
)
"""By its id, or by the number that its payer quotes."""
Organisation = Annotated[str | None, QueryParameter(pattern=ORGANISATION, description="Of this one alone.")]
EndsBefore = Annotated[
    str | None, QueryParameter(format="date-time", description="Whose last term ends before it.")
]
Tier = Annotated[str, QueryParameter(max_length=50, description="Of the catalogue.")]


class LicenceCharge(msgspec.Struct, frozen=True, kw_only=True):
    """For a term from `starts_at` on."""

    term: int
    starts_at: datetime
    ends_at: datetime
    net_minor: int
    tax_minor: int


class LicenceUpgradePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What the upgrade would be invoiced with at `at`; it becomes less by the second."""

    at: datetime
    tier: str
    currency: str
    net_minor: int
    tax_minor: int
    charges: list[LicenceCharge]


@get(
    "/api/enterprise/licenses",
    operation_id="listLicences",
    summary="List licences",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_licences(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    org_id: Organisation = None,
    status: FromQuery[Status | None] = None,
    ends_before: EndsBefore = None,
) -> Read[Page[LicenceDetails]]:
    """Those of the organisations that the caller manages, the newest first; an admin's are all. A status is
    that of now.
    """
    now = services.now()
    arguments = {
        "org_id": org_id,
        "managed": await managed_by(services, request),
        "status": status,
        "ends_before": instant(ends_before),
        "now": now,
        "before": before(cursor),
        "limit": limit + 1,
    }
    async with services.reading() as connection:
        found = await rows(connection, LISTED, LICENCES, arguments)
        shown = await with_terms(connection, found, now)
    return Read(page(shown, limit, lambda one: (one.position,)))


async def with_terms(
    connection: Connection, listed: Sequence[LicenceRow], now: datetime
) -> list[LicenceDetails]:
    terms = await rows(connection, _TERMS, LICENCE_TERMS, ([row.licence_id for row in listed],))
    of = grouped(terms, "licence_id")
    return [licence_of_row(row, of[row.licence_id], now) for row in listed]


@get(
    "/api/enterprise/licenses/{licence_id:str}",
    operation_id="getLicence",
    summary="One licence",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_licence(
    licence_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[LicenceInUse]:
    """With its terms, the quote that is open, and how many of its seats are in use. Its status is judged as
    it is read.
    """
    await licence_of(services, request, licence_id)
    async with services.reading() as connection:
        return Read(await details_of(connection, licence_id, services.now()))


async def details_of(connection: Connection, licence_id: str, now: datetime) -> LicenceInUse:
    """By the tables. Raises `NotFound`."""
    shown = await with_terms(connection, await rows(connection, _ONE, LICENCES, (licence_id,)), now)
    if not shown:
        raise NotFound(f"There is no licence {licence_id!r:.80}.")
    asked = {"licence_id": licence_id, "now": now}
    [(in_use,)] = await (await connection.execute(_SEATS_IN_USE, asked)).fetchall()
    return LicenceInUse(**msgspec.structs.asdict(shown[0]), seats_in_use=in_use)


@get(
    "/api/enterprise/licenses/{licence_id:str}/invoices",
    operation_id="listLicenceInvoices",
    summary="A licence's invoices",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_invoices(
    licence_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[LicenceInvoice]]:
    """The newest first."""
    await licence_of(services, request, licence_id)
    of = {"licence_id": licence_id}
    return await newest_first(
        services.reads, _INVOICES, LICENCE_INVOICES, of, invoice_of_row, cursor=cursor, limit=limit
    )


@get(
    "/api/enterprise/licenses/{licence_id:str}/upgrade",
    operation_id="previewLicenceUpgrade",
    summary="What an upgrade would cost",
    tags=TAGS,
    responses=responses(NotFound, NotAnUpgrade, LicenceNotOpen) | NOT_MODIFIED_SPEC,
)
async def preview_upgrade(
    licence_id: FromPath[str], request: Call, services: NamedDependency[Services], tier: Tier
) -> Read[LicenceUpgradePreview]:
    """Now, with the tax of the licence's last invoice. Nothing is recorded."""
    licence, now = await licence_of(services, request, licence_id), services.now()
    if licence.last is None:
        raise LicenceNotOpen("This licence is quoted and not issued: accept the quote, or issue it.")
    grant = granted(services.catalogue, tier, licence.currency, None, by_admin=False)
    due = [
        LicenceCharge(
            term=one.term,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            net_minor=one.net_minor,
            tax_minor=licence.billing.tax_minor(one.net_minor, licence.currency),
        )
        for one in charges(licence, grant, now)
    ]
    return Read(
        LicenceUpgradePreview(
            at=now,
            tier=tier,
            currency=licence.currency,
            net_minor=sum(one.net_minor for one in due),
            tax_minor=sum(one.tax_minor for one in due),
            charges=due,
        )
    )


HANDLERS = (list_licences, get_licence, list_invoices, preview_upgrade)
