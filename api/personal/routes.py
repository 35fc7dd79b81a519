"""All that is kept of the caller, in one document."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream

from api.http.admission import take
from api.http.auth import Principal
from api.http.context import STATE
from api.personal.reading import document
from api.services import Services

_ALL = "All that is kept of the caller"


@get(
    "/api/me/export",
    operation_id="exportPerson",
    summary=_ALL,
    tags=["me"],
    media_type="application/json",
    responses={200: ResponseSpec(dict[str, Any], description=_ALL, generate_examples=False)},
)
async def export_person(
    request: Request[Principal, Any, State], services: NamedDependency[Services]
) -> Stream:
    """By domain and table, as it is kept: contact data, payments, invoices, subscriptions, courses and what
    was written of them, enrolments, reviews with their words, earnings, tokens, friends by their ids alone,
    memberships, and the audit trail of what the caller did. One in a minute, in the long run.
    """
    take(services.exports, request.user.id, request.scope[STATE], what="Too many exports")  # type: ignore[literal-required]  # our own key in the scope
    parts = document(services.reads, request.user.id, services.now())
    headers = {"Content-Disposition": 'attachment; filename="export.json"'}
    return Stream(parts, media_type="application/json", headers=headers)


HANDLERS = (export_person,)
