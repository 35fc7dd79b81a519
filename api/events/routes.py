"""What happened, for who rather asks than is told."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.events.reading import events_after
from api.events.resources import Feed, item_of
from api.events.whose import Call, visible_to
from api.http.checks import Check
from api.http.paging import LARGEST, Limit
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.words import ORGANISATION
from ledger.errors import NotFound
from ledger.public_events.catalogue import TYPES

TAGS = ["events"]
_SHOWN = 80
"""Characters of what was sent, at most."""


def types_fault(text: str) -> str | None:
    strange = next((name for name in text.split(",") if name not in TYPES), None)
    return None if strange is None else f"there is no public event {strange!r:.{_SHOWN}}"


After = Annotated[
    int, QueryParameter(ge=0, le=LARGEST, description="A position: what comes after it. 0 is the beginning.")
]
Types = Annotated[
    str | None,
    QueryParameter(
        max_length=1_000,
        description="Names of events with commas between, such as invoice.paid. For more than this has room "
        "for, leave it out.",
    ),
    Check(types_fault),
]
OrganisationFilter = Annotated[str | None, QueryParameter(pattern=ORGANISATION)]


def types_of(text: str | None) -> list[str] | None:
    return None if text is None else text.split(",")


@get(
    "/api/events",
    operation_id="listEvents",
    summary="What happened, in order",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_events(
    request: Call,
    services: NamedDependency[Services],
    after: After = 0,
    limit: Limit = 20,
    types: Types = None,
    org_id: OrganisationFilter = None,
) -> Read[Feed]:
    """The oldest first. Ask again with `next_after`: nothing is left out, and nothing comes twice. Admins and
    services see all, who manages an organisation and its API keys what is the organisation's.
    """
    orgs = await visible_to(services, request, org_id)
    async with services.reading() as connection:
        # one more tells whether there is another page
        found, reached = await events_after(connection, after, limit + 1, types=types_of(types), orgs=orgs)
    shown, has_more = found[:limit], len(found) > limit
    return Read(
        Feed(
            items=[item_of(row) for row in shown],
            has_more=has_more,
            next_after=shown[-1].position if has_more else reached,
        )
    )


HANDLERS = (list_events,)
