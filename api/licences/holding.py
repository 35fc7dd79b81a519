"""Who holds a licence's key: it comes in a header, never in an address, and is neither kept nor logged."""

from __future__ import annotations

from typing import Annotated, ClassVar

from litestar.params import HeaderParameter

from api.http.problems import ApiError
from api.services import Services
from ledger.licence_keys.keyring import Keyring
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.verifier import PublicKey, check_key

LicenceKey = Annotated[
    str,
    HeaderParameter(
        name="Licence-Key",
        min_length=1,
        max_length=8_000,
        description="The key of the licence, as its organisation was given it.",
    ),
]
_LEEWAY_S = 60
"""Clocks differ, also those of processes of one service."""
_SIGNED = frozenset({"valid", "expired"})
"""A key says when the term ended that it was made in. Whether the licence has is asked of the licence."""


class LicenceKeyInvalid(ApiError):
    """The key is of no licence: not signed here, altered, or signed by a key that others may have."""

    code: ClassVar[str] = "licence_key_invalid"
    remedy: ClassVar[str] = (
        "Send the key in `Licence-Key` exactly as it was given, whole and with nothing around it."
    )


async def held(services: Services, key: str) -> Licence:
    """The licence, by the ledger. Raises `LicenceKeyInvalid`, which tells nothing of why."""
    keyring = services.licence_keyring.published()
    checked = check_key(key, _public(keyring), int(services.now().timestamp()), leeway_s=_LEEWAY_S)
    if checked.claims is None or checked.code not in _SIGNED:
        raise LicenceKeyInvalid("This key is of no licence.")
    licence: Licence = await services.store.state(LICENCE, stream_of(checked.claims.licence_id))
    if not licence.licence_id:
        raise LicenceKeyInvalid("This key is of no licence.")
    return licence


def _public(keyring: Keyring | None) -> dict[str, PublicKey]:
    return {
        key.kid: PublicKey(
            kid=key.kid,
            public_key=key.public_key,
            retired_at=None if key.retired_at is None else int(key.retired_at.timestamp()),
            compromised_at=None if key.compromised_at is None else int(key.compromised_at.timestamp()),
        )
        for key in (keyring.keys if keyring else ())
    }
