"""The public keys of what is signed of licences: for verifiers, which trust no other."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.licence_keyring import LicenceKeysUnavailable
from api.services import Services
from ledger.licence_keys.published import LicenceKeyList, published

CACHE = {"Cache-Control": "public, max-age=300"}


@get(
    "/.well-known/license-keys",
    operation_id="getLicenceKeys",
    summary="Public keys of licences",
    tags=["operations"],
    responses=responses(LicenceKeysUnavailable) | NOT_MODIFIED_SPEC,
)
async def get_licence_keys(services: NamedDependency[Services]) -> Read[LicenceKeyList]:
    """A key is here before it signs, and stays: a verifier that is offline has the list built in. The list is
    empty where there is no keyring.
    """
    keyring = services.licence_keyring.published()
    listed = LicenceKeyList(keys=[]) if keyring is None else published(keyring)
    return Read(listed, headers=CACHE)


HANDLERS = (get_licence_keys,)
