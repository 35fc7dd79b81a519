"""The public keys of credentials that are made here."""

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
    """RFC 7517. Empty when another issuer makes the credentials."""
    return services.signing_keys.jwks()


HANDLERS = (get_jwks,)
