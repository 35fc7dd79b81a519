"""How an organisation is seen by its people: set and looked at by who manages it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.http.body import IdempotencyKey, known_shape
from api.http.checks import Check, blank_fault
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.lettering import BOLD, Fonts, fonts_in
from api.organisations import brand_words
from api.organisations.brand_words import BrandWords
from api.organisations.branding import Unused, is_entitled, standing_of
from api.organisations.deciding import TAGS, Call, check_inside, fields_of, seen, unwritten
from api.organisations.membership import organisation_of
from api.services import Services, origin_of
from api.words import COLOUR, NO_NUL
from ledger.errors import NotFound
from ledger.organisations.branding import WHITE_LABEL
from ledger.organisations.commands import SetBrand
from ledger.organisations.contrast import contrast
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.refusals import (
    InvalidBrand,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    WhiteLabelMissing,
)
from ledger.organisations.standing import MANAGERS
from ledger.organisations.state import Organisation

_HOST_MOST: Final = 253
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)+(?=[a-z0-9-]*[a-z]){_LABEL}")
"""The last part is no number, so that none is an address such as 127.0.0.1."""


def host_fault(host: str) -> str | None:
    if len(host) <= _HOST_MOST and _HOST.fullmatch(host.lower()):
        return None
    return "must be the name of a host, such as learn.example.org, without scheme, port or path"


def logo_fault(url: str) -> str | None:
    wanted = (
        "must be an https address of a picture, such as https://example.org/logo.png, without credentials"
    )
    try:
        parts = urlsplit(url)
        usable = host_fault(parts.hostname or "") is None and parts.port != 0
    except ValueError:  # a port that is no number
        return wanted
    strange = "@" in parts.netloc or "\\" in url or not url.isascii() or not url.isprintable() or " " in url
    return None if parts.scheme == "https" and usable and not strange else wanted


Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="As documents have it, in letters that they can be set in. Erased with all that who set "
        "it wrote (`DELETE /api/me`), as are `logo_url` and `domain`.",
        examples=["Lakeside Academy"],
    ),
    Check(blank_fault),
]
Colour = Annotated[str, Meta(pattern=COLOUR, examples=["#1f4e79"])]
LogoUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=NO_NUL,
        description="Of https. Never asked by the service.",
        examples=["https://example.org/logo.png"],
    ),
    Check(logo_fault),
]
Domain = Annotated[
    str,
    Meta(min_length=1, max_length=_HOST_MOST, pattern=NO_NUL, examples=["learn.example.org"]),
    Check(host_fault),
]


class NewBrand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it: what is left out is none, and the colours are ours. `text_colour` stands on
    `background_colour`, with a contrast of 4.5 at least (WCAG 2.2, AA).
    """

    name: Name
    text_colour: Colour = "#ffffff"
    background_colour: Colour = "#1f4e79"
    logo_url: LogoUrl | None = None
    domain: Domain | None = None


class OrganisationBrand(msgspec.Struct, frozen=True, kw_only=True):
    """What is set, null where nothing is, and whether it is used now."""

    org_id: str
    active: bool
    inactive_reason: Unused | None
    """`white_label_missing`: no licence of the organisation with that feature works now; it is used again
    when one does. `erased`: who set it had it erased.
    """
    name: str | None
    text_colour: str | None
    background_colour: str | None
    contrast: float | None
    """From 1 to 21, with two decimals."""
    logo_url: str | None
    domain: str | None


async def _shown(services: Services, organisation: Organisation) -> OrganisationBrand:
    found = await standing_of(services, organisation)
    brand, words = organisation.brand, found.words
    return OrganisationBrand(
        org_id=organisation.org_id,
        active=found.unused is None,
        inactive_reason=found.unused,
        name=words.name if words else None,
        text_colour=brand.text_colour if brand else None,
        background_colour=brand.background_colour if brand else None,
        contrast=round(contrast(brand.text_colour, brand.background_colour), 2) if brand else None,
        logo_url=words.logo if words else None,
        domain=words.domain if words else None,
    )


@get(
    "/api/enterprise/organisations/{org_id:str}/brand",
    operation_id="getBrand",
    summary="How an organisation is seen",
    tags=TAGS,
    responses=responses(NotFound, OrganisationRoleMissing) | NOT_MODIFIED_SPEC,
)
async def get_brand(
    org_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[OrganisationBrand]:
    """For its owners and managers, and for admins: what is set, whether it is used now, and why not."""
    organisation, _ = await seen(services, request, org_id, *MANAGERS)
    return Read(await _shown(services, organisation))


@put(
    "/api/enterprise/organisations/{org_id:str}/brand",
    operation_id="setBrand",
    summary="Set how an organisation is seen",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is set, and used where `active`",
    responses=responses(
        NotFound, OrganisationRoleMissing, OrganisationIsClosed, WhiteLabelMissing, InvalidBrand
    ),
)
async def set_brand(
    org_id: FromPath[str],
    data: JSONBody[NewBrand],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[OrganisationBrand]:
    """By an owner, a manager or an admin, while a licence of the organisation with `white_label` works. It is
    on its members' certificates and receipts for as long as one does; what was set stays.
    """
    known_shape(org_id, "org_")
    _check(data, fonts_in(services.settings.fonts_dir))

    async def work(command_id: str) -> Response[Any]:
        async def make() -> SetBrand:
            return await _command(services, request, org_id, data, command_id)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        if done.repeated:
            await check_inside(services, request, org_id)
        shown = await _shown(services, await organisation_of(services.store, org_id))
        return Unkept(shown, status_code=200, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _check(brand: NewBrand, fonts: Fonts) -> None:
    """Alone, no fault of the body's type has brought the first three up."""
    faults = {
        "/name": blank_fault(brand.name) or _letters_fault(brand.name, fonts),
        "/logo_url": logo_fault(brand.logo_url) if brand.logo_url else None,
        "/domain": host_fault(brand.domain) if brand.domain else None,
    }
    if errors := [FieldError(detail=fault, pointer=pointer) for pointer, fault in faults.items() if fault]:
        raise Unprocessable.at(*errors)


def _letters_fault(name: str, fonts: Fonts) -> str | None:
    scripts = fonts.missing(name, BOLD)
    return f"has letters that cannot be set in a PDF here ({', '.join(scripts)})" if scripts else None


async def _command(
    services: Services, request: Call, org_id: str, data: NewBrand, command_id: str
) -> SetBrand:
    """With the hash of its words, which are written. Refused, if it must be, before anything is."""
    organisation = await organisation_of(services.store, org_id)
    command = SetBrand(
        **fields_of(services, request, org_id, command_id),
        **unwritten(services, command_id),
        text_colour=data.text_colour.lower(),
        background_colour=data.background_colour.lower(),
        entitled=True,
        by_admin=is_admin(request),
    )
    ORGANISATION.decide(command, organisation)  # what a stranger is told does not depend on licences
    tiers = services.catalogue.licence_tiers
    command = msgspec.structs.replace(
        command,
        entitled=await is_entitled(services, org_id),
        tiers=tuple(name for name, tier in tiers.items() if WHITE_LABEL in tier.features),
    )
    ORGANISATION.decide(command, organisation)
    words = BrandWords(
        name=" ".join(data.name.split()),
        logo=data.logo_url,
        domain=data.domain.lower() if data.domain else None,
    )
    async with services.reading() as connection:
        hashed = await brand_words.write(connection, command.words_id, org_id, command.user_id, words)
    return msgspec.structs.replace(command, words_hash=hashed)


HANDLERS = (get_brand, set_brand)
