"""Whose brand is on what somebody is shown or sent: what documents ask, and whatever else has an
organisation's look.

A member's is their organisation's, while it has a licence for it. Who is in several such has that of the one
whose seat they have, and none where that is not one alone. It is asked each time, so that it is gone with the
licence, and with the membership.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Literal

import msgspec

from api.http.positions import find
from api.organisations import brand_words
from api.organisations.brand_words import BrandWords
from api.organisations.membership import organisation_of, organisations_of
from api.services import Services
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.organisations.branding import WHITE_LABEL, brand_of, may_brand
from ledger.organisations.state import Organisation

Unused = Literal["not_set", "organisation_closed", "white_label_missing", "erased"]
"""Why a brand is not shown."""


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """One in use, as documents set it: the text on the background can be read."""

    name: str
    text_colour: str
    background_colour: str


class Standing(msgspec.Struct, frozen=True):
    """What is set, and why it is not used, None where it is."""

    words: BrandWords | None
    unused: Unused | None


async def brand_for(services: Services, user_id: str) -> Brand | None:
    belongs = await organisations_of(services.point_reads, user_id)
    brands = {one.org_id: await _in_use(services, one.org_id) for one in belongs}
    used = {org_id: brand for org_id, brand in brands.items() if brand is not None}
    if len(used) > 1:
        seated = await _seated(services, user_id)
        used = {org_id: brand for org_id, brand in used.items() if org_id in seated}
    return next(iter(used.values())) if len(used) == 1 else None


async def _in_use(services: Services, org_id: str) -> Brand | None:
    organisation = await organisation_of(services.store, org_id)
    if organisation.brand is None:
        return None
    found = await standing_of(services, organisation)
    if found.unused or found.words is None:
        return None
    return Brand(
        name=found.words.name,
        text_colour=organisation.brand.text_colour,
        background_colour=organisation.brand.background_colour,
    )


async def standing_of(services: Services, organisation: Organisation) -> Standing:
    if organisation.brand is None:
        return Standing(None, "not_set")
    async with services.reading() as connection:
        words = await brand_words.read(connection, organisation.brand.words_id)
    if organisation.closed:
        return Standing(words, "organisation_closed")
    if words is None:
        return Standing(None, "erased")
    licences = await _with_the_feature(services, organisation.org_id)
    used = brand_of(organisation, licences, services.now())
    return Standing(words, None if used else "white_label_missing")


_LICENCES: Final = """
    SELECT licence_id
    FROM licences
    WHERE org_id = %(org_id)s AND revoked_at IS NULL AND activated_at IS NOT NULL AND EXISTS (
        SELECT FROM licence_terms AS terms
        WHERE terms.licence_id = licences.licence_id AND terms.grant_given -> 'features' ? %(feature)s
    )
    ORDER BY position DESC
    LIMIT 20
"""


async def _with_the_feature(services: Services, org_id: str) -> list[Licence]:
    """Those that may have it, by the tables, and what they are, by the ledger."""
    of = {"org_id": org_id, "feature": WHITE_LABEL}
    async with services.reading() as connection:
        found = await (await connection.execute(_LICENCES, of)).fetchall()
    return [await services.store.state(LICENCE, stream_of(licence_id)) for (licence_id,) in found]


async def is_entitled(services: Services, org_id: str) -> bool:
    """Whether the organisation may set a brand now, also by a licence that the tables do not have yet."""
    return await find(_looking(services, org_id, services.now()), services.positions) is not None


def _looking(services: Services, org_id: str, now: datetime) -> Callable[[], Awaitable[Licence | None]]:
    async def look() -> Licence | None:
        licences = await _with_the_feature(services, org_id)
        return next((one for one in licences if may_brand(one, now)), None)

    return look


_SEATED: Final = """
    SELECT DISTINCT seats.org_id
    FROM seats
    LEFT JOIN seat_leases AS leases ON leases.seat_id = seats.seat_id AND NOT leases.closed
    WHERE seats.user_id = %s AND seats.ended = '' AND (NOT seats.floating OR leases.until > %s)
"""


async def _seated(services: Services, user_id: str) -> set[str]:
    """The organisations of whose licences somebody has a seat now."""
    async with services.reading() as connection:
        found = await (await connection.execute(_SEATED, (user_id, services.now()))).fetchall()
    return {org_id for (org_id,) in found}
