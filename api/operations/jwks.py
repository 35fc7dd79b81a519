"""The public keys of what is signed here: credentials, and tickets for content."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from api.services import Services


@get(
    "/.well-known/jwks.json",
    operation_id="getJwks",
    summary="Public keys",
    tags=["operations"],
)
async def get_jwks(services: NamedDependency[Services]) -> dict[str, list[dict[str, str]]]:
    """RFC 7517. Of credentials that are made here, which none are where another issuer is set, and of tickets
    for the content of courses.
    """
    return {"keys": [*services.signing_keys.jwks()["keys"], *services.tickets.jwks()]}


HANDLERS = (get_jwks,)
