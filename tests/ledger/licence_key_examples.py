"""Claims, keys made of fixed seeds, and texts that no signer of ours would write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ledger.licence_keys.keyring import Keyring, SigningKey
from ledger.licence_keys.published import published
from ledger.verifier import AnswerClaims, FileClaims, KeyClaims, PublicKey, keys_of
from ledger.verifier.claims import members_of
from ledger.verifier.form import encoded, signed_part

ISSUED = datetime(2027, 1, 1, tzinfo=UTC)
ISSUED_S = int(ISSUED.timestamp())
DAY_S, YEAR_S = 86_400, 365 * 86_400
EXPIRES_S = ISSUED_S + YEAR_S
NONCE = "q7Zr0-vK.1~x_9"

LEAKED = SigningKey(
    seed=bytes([4]) * 32,
    created_at=ISSUED - timedelta(days=800),
    retired_at=ISSUED - timedelta(days=400),
    compromised_at=ISSUED - timedelta(days=10),
)
OLD, PRESENT, NEXT = (
    SigningKey(seed=bytes([number]) * 32, created_at=ISSUED - timedelta(days=days), retired_at=retired_at)
    for number, days, retired_at in (
        (1, 401, ISSUED - timedelta(days=30)),
        (2, 31, ISSUED + timedelta(days=400)),
        (3, 1, None),
    )
)
KEYRING = Keyring((LEAKED, OLD, PRESENT, NEXT))
STRANGER = SigningKey(seed=bytes([9]) * 32, created_at=ISSUED)
"""A key that no list has."""


def listed(keyring: Keyring = KEYRING) -> bytes:
    """As the service answers at its address."""
    return msgspec.json.encode(published(keyring))


def trusted(keyring: Keyring = KEYRING) -> Mapping[str, PublicKey]:
    return keys_of(listed(keyring))


def key_claims(**changes: Any) -> KeyClaims:
    said: dict[str, Any] = {
        "licence_id": "lic_0199f3a2",
        "org_id": "org_0199f39f",
        "tier": "professional",
        "features": ("sso", "white_label"),
        "seats": 500,
        "serial": 1,
        "issued_at": ISSUED_S,
        "expires_at": EXPIRES_S,
    }
    return KeyClaims(**said | changes)


def file_claims(**changes: Any) -> FileClaims:
    said: dict[str, Any] = {
        "licence_id": "lic_0199f3a2",
        "org_id": "org_0199f39f",
        "tier": "professional",
        "features": ("sso", "white_label"),
        "seats": 500,
        "serial": 1,
        "issued_at": ISSUED_S,
        "valid_until": ISSUED_S + 30 * DAY_S,
        "expires_at": EXPIRES_S,
    }
    return FileClaims(**said | changes)


def answer_claims(**changes: Any) -> AnswerClaims:
    said: dict[str, Any] = {
        "nonce": NONCE,
        "subject": "lic_0199f3a2",
        "feature": None,
        "code": "valid",
        "issued_at": ISSUED_S,
        "valid_until": ISSUED_S + 600,
        "expires_at": EXPIRES_S,
    }
    return AnswerClaims(**said | changes)


def members(claims: KeyClaims | FileClaims | AnswerClaims, key: SigningKey = PRESENT) -> dict[str, Any]:
    return members_of(claims, key.kid)


def signed(kind: str, payload: bytes | Mapping[str, Any], key: SigningKey = PRESENT) -> str:
    """Of any payload, whether it has the one form or not; the signature is right."""
    content = payload if isinstance(payload, bytes) else compact(payload)
    text = encoded(content)
    return f"{kind}/{text}.{encoded(key.private.sign(signed_part(kind, text)))}"


def compact(value: Mapping[str, Any]) -> bytes:
    """Sorted, without white space, and otherwise as Python writes JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
