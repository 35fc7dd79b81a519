"""A licence's key and its files, shown to who manages its organisation, and the key issued anew.

They are made as they are asked for, and answered to nobody twice by themselves: no Idempotency-Key's answer
keeps one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.licence_keyring import LicenceKeysUnavailable
from api.licences.bodies import LicenceReissue, NewLicenceFile, OfLicence
from api.licences.deciding import decided
from api.licences.managing import Call, licence_of
from api.services import Services, origin_of
from ledger.errors import Contended, NotFound
from ledger.ids import new_id
from ledger.instants import from_unix
from ledger.licence_keys.signing import SignedByCompromisedKey, file_of, key_of
from ledger.licences.checks import running
from ledger.licences.commands import LicenceCommand, ReissueLicenceKey, RevealLicenceKey
from ledger.licences.key_claims import file_claims, key_claims
from ledger.licences.live import LicenceNotLive
from ledger.licences.refusals import InvalidLicence, LicenceKeyCompromised, LicenceNotOpen
from ledger.licences.state import Licence

TAGS = ["licences"]
_SHOWN_TO = (NotFound, LicenceNotOpen, LicenceNotLive, LicenceKeysUnavailable, Contended)


class LicenceKeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is as it is to be sent in `Licence-Key`. The same each time, as long as the licence is."""

    licence_id: str
    key: str
    kid: str
    """Of the key that signed it, at `/.well-known/license-keys`."""
    serial: int
    issued_at: datetime
    expires_at: datetime
    """Offline. At the service it works as long as the licence does."""


class LicenceFile(msgspec.Struct, frozen=True, kw_only=True):
    licence_id: str
    file: str
    kid: str
    serial: int
    issued_at: datetime
    valid_until: datetime
    """Fetch another one before."""
    expires_at: datetime


class LicenceKeyReissue(msgspec.Struct, frozen=True, kw_only=True):
    licence_id: str
    serial: int
    """Of the new key, which is to be revealed."""
    old_ends_at: datetime
    """From then on no key of an earlier serial works."""


@post(
    "/api/enterprise/licenses/{licence_id:str}/reveal",
    operation_id="revealLicenceKey",
    summary="Show a licence's key",
    tags=TAGS,
    status_code=200,
    response_description="The key",
    responses=responses(LicenceKeyCompromised, *_SHOWN_TO),
)
async def reveal_key(
    licence_id: FromPath[str],
    data: JSONBody[OfLicence],  # noqa: ARG001  an empty object
    request: Call,
    services: NamedDependency[Services],
) -> Response[LicenceKeyShown]:
    """While the licence is active or in grace, as often as one likes. It is made anew, and kept nowhere; that
    it was shown is recorded each time.
    """
    licence, now = await licence_of(services, request, licence_id), services.now()
    running(licence)
    claims, keyring = key_claims(licence, now), services.licence_keyring.signing()
    try:
        key = key_of(claims, keyring)
    except SignedByCompromisedKey:
        raise LicenceKeyCompromised("What signed this licence's key is compromised.") from None
    headers = await _told(services, request, licence, "key", now)
    issued_at = from_unix(claims.issued_at)
    shown = LicenceKeyShown(
        licence_id=licence_id,
        key=key,
        kid=keyring.signing(issued_at).kid,
        serial=claims.serial,
        issued_at=issued_at,
        expires_at=from_unix(claims.expires_at),
    )
    return Response(shown, status_code=200, headers=headers)


@post(
    "/api/enterprise/licenses/{licence_id:str}/file",
    operation_id="makeLicenceFile",
    summary="Make a licence file for offline use",
    tags=TAGS,
    status_code=200,
    response_description="The file",
    responses=responses(*_SHOWN_TO),
)
async def make_file(
    licence_id: FromPath[str],
    data: JSONBody[NewLicenceFile],
    request: Call,
    services: NamedDependency[Services],
) -> Response[LicenceFile]:
    """Good for `days`, and never for longer than the licence. A licence that is revoked may go on offline
    until then. That it was made is recorded.
    """
    licence, now = await licence_of(services, request, licence_id), services.now()
    running(licence)
    claims = file_claims(licence, now, now + timedelta(days=data.days))
    keyring = services.licence_keyring.signing()
    file = file_of(claims, keyring)
    headers = await _told(services, request, licence, "file", now)
    shown = LicenceFile(
        licence_id=licence_id,
        file=file,
        kid=keyring.signing(from_unix(claims.issued_at)).kid,
        serial=claims.serial,
        issued_at=from_unix(claims.issued_at),
        valid_until=from_unix(min(claims.valid_until, claims.expires_at)),
        expires_at=from_unix(claims.expires_at),
    )
    return Response(shown, status_code=200, headers=headers)


async def _told(
    services: Services, request: Call, licence: Licence, form: Literal["key", "file"], now: datetime
) -> dict[str, str]:
    """Recorded before it is answered. The headers of the answer, which nobody on the way may keep."""
    command = RevealLicenceKey(
        command_id=new_id("cmd"),
        effective_at=now,
        licence_id=licence.licence_id,
        serial=licence.serial,
        form=form,
    )
    done = await services.submitter.submit(command, origin_of(request))
    return {**done.headers, "Cache-Control": "no-store"}


@post(
    "/api/enterprise/licenses/{licence_id:str}/reissue",
    operation_id="reissueLicenceKey",
    summary="Issue a licence's key anew",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="There is a new key, to be revealed",
    responses=responses(InvalidLicence, NotFound, LicenceNotOpen),
)
async def reissue_key(
    licence_id: FromPath[str],
    data: JSONBody[LicenceReissue],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceKeyReissue]:
    """Where the old one came into wrong hands, or was signed by a key that did. At the service old keys end
    when you say; offline they go on to their own end.
    """
    await licence_of(services, request, licence_id)

    async def command(command_id: str) -> LicenceCommand:
        return ReissueLicenceKey(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            reason=data.reason,
            old_ends_at=data.old_ends_at,
        )

    return await decided(services, request, licence_id, (idempotency_key, data), command, show=_reissued)


def _reissued(licence: Licence) -> LicenceKeyReissue:
    return LicenceKeyReissue(
        licence_id=licence.licence_id, serial=licence.serial, old_ends_at=licence.old_keys_end[-1]
    )


HANDLERS = (reveal_key, make_file, reissue_key)
