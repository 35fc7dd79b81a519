"""The OpenAPI document, and the page made from it."""

from __future__ import annotations

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from api.http.reference import STYLE, Pages

CACHE = {"Cache-Control": "public, max-age=300"}
TAGS = ["operations"]


@get(
    "/schema",
    operation_id="getReference",
    summary="This page",
    tags=TAGS,
    media_type=MediaType.HTML,
)
async def get_reference(pages: NamedDependency[Pages]) -> Response[str]:
    """Works offline: no script, no other host."""
    return Response(pages.reference, media_type=MediaType.HTML, headers=CACHE)


@get(
    "/schema/openapi.json",
    operation_id="getOpenapi",
    summary="The OpenAPI document",
    tags=TAGS,
)
async def get_openapi(pages: NamedDependency[Pages]) -> Response[dict[str, object]]:
    """OpenAPI 3.1."""
    return Response(pages.document, media_type=MediaType.JSON, headers=CACHE)


@get(
    "/schema/reference.css",
    operation_id="getReferenceStyle",
    summary="The page's style",
    tags=TAGS,
    media_type=MediaType.CSS,
)
async def get_reference_style() -> Response[str]:
    """A file of its own, as the policy allows no inline style."""
    return Response(STYLE, media_type=MediaType.CSS, headers=CACHE)


HANDLERS = (get_reference, get_openapi, get_reference_style)
