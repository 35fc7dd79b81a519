"""Keys of a test's licences."""

from __future__ import annotations

from datetime import timedelta

from api.services import Services
from ledger.licence_keys.signing import key_of
from ledger.verifier import KeyClaims


def key_for(services: Services, licence_id: str, org_id: str = "org_acme", **changes: object) -> str:
    """As its managers would be shown it."""
    now = services.now()
    claims = {
        "licence_id": licence_id,
        "org_id": org_id,
        "tier": "starter",
        "features": (),
        "seats": None,
        "serial": 1,
        "issued_at": int(now.timestamp()),
        "expires_at": int((now + timedelta(days=365)).timestamp()),
    }
    return key_of(KeyClaims(**{**claims, **changes}), services.licence_keyring.signing())  # type: ignore[arg-type]  # as above
