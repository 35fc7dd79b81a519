"""Statements: what an instructor's month was, in numbers that tie to the books."""

from __future__ import annotations

import asyncio
from datetime import date
from hashlib import blake2b
from typing import Any, cast

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.earnings import statement_csv, statement_pdf
from api.earnings.statement import Month, Statement, statement_of
from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.document import MEDIA_TYPES
from api.http.owner import owner_of
from api.http.problems import NotAcceptable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED, NOT_MODIFIED_SPEC, matches
from api.lettering import LettersMissing, fonts_in
from api.reads import SNAPSHOT
from api.services import Services
from ledger.errors import NotFound

_JSON = "application/json"
_OFFERED = (_JSON, statement_csv.MEDIA_TYPE, statement_pdf.MEDIA_TYPE)


@get(
    "/api/instructor/statements/{month:str}",
    operation_id="getStatement",
    summary="An instructor's statement of one month",
    tags=["earnings"],
    opt={MEDIA_TYPES: _OFFERED},
    responses=responses(NotFound, NotAcceptable, LettersMissing) | NOT_MODIFIED_SPEC,
)
async def get_statement(
    month: FromPath[str],
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    user_id: WhoseParameter = None,
) -> Response[Statement]:
    """As JSON, as CSV with `Accept: text/csv`, which has each movement, or as PDF with `Accept:
    application/pdf`. A month, such as 2026-03, is of UTC, as the books are.
    """
    whose, of, media_type = owner_of(request, user_id), _month(month), _negotiated(request)
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        statement = await statement_of(connection, whose, of, services.now())
        table = b""
        if media_type == statement_csv.MEDIA_TYPE:
            table = await statement_csv.render(connection, statement, of)
        await connection.execute("COMMIT")
    etag = f'"{blake2b(msgspec.json.encode((statement, media_type)) + table, digest_size=12).hexdigest()}"'
    # what is sent depends on Accept, and a cache must know that
    headers = {"ETag": etag, "Vary": "Accept"}
    wanted = request.headers.get("if-none-match")
    if wanted is not None and matches(wanted, etag):
        return _bytes(b"", media_type, headers, status_code=NOT_MODIFIED)
    if media_type == _JSON:
        return Response(statement, headers=headers)
    ending = "csv" if media_type == statement_csv.MEDIA_TYPE else "pdf"
    headers["Content-Disposition"] = f'attachment; filename="{statement.file_name}.{ending}"'
    settings = services.settings
    body = table or await asyncio.to_thread(
        statement_pdf.render, statement, settings.seller, fonts_in(settings.fonts_dir)
    )
    return _bytes(body, media_type, headers)


def _bytes(
    body: bytes, media_type: str, headers: dict[str, str], *, status_code: int = 200
) -> Response[Statement]:
    """What is no JSON, in the type that the document shows."""
    response = Response(body, media_type=media_type, headers=headers, status_code=status_code)
    return cast("Response[Statement]", response)


def _month(text: str) -> Month:
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise NotFound(f"There is no month {text!r:.20}: write it as 2026-01.") from None
    return Month(first)


def _negotiated(request: Request[Principal, Any, State]) -> str:
    chosen = request.accept.best_match(list(_OFFERED))
    if chosen is None:
        raise NotAcceptable(f"Statements are {', '.join(_OFFERED)}: say so in `Accept`.")
    return str(chosen)


HANDLERS = (get_statement,)
