"""Tickets for the content of courses: short statements that whoever keeps the content can check by itself.

They are signed with a key pair of their own, whose public half is in our JWK set, so that they work wherever
the credentials come from. No ticket is a credential: its audience is another, and its key no issuer's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from api.http.signing_keys import load_or_make

KEY_FILE = "tickets-ed25519.pem"
"""In the data directory: made when it is first needed, the same for all processes that share it."""
AUDIENCE = "liberation-content"
TYPE = "content-ticket+jwt"
_ALGORITHM = "EdDSA"


class NoTicketKey(Exception):
    """The key pair can neither be read nor made."""


class Tickets:
    """Signs with the pair in `data_dir`."""

    def __init__(self, data_dir: Path, issuer: str) -> None:
        self._path = data_dir / KEY_FILE
        self._issuer = issuer

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        try:
            return load_or_make(self._path)
        except (OSError, ValueError) as error:
            raise NoTicketKey(type(error).__name__) from error

    @cached_property
    def _kid(self) -> str:
        return sha256(self._private.public_key().public_bytes_raw()).hexdigest()[:16]

    def jwks(self) -> list[dict[str, str]]:
        """The public key; none where there is no pair."""
        try:
            key = OKPAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        except NoTicketKey:
            return []
        return [{**key, "kid": self._kid, "use": "sig", "alg": _ALGORITHM}]

    def sign(self, claims: Mapping[str, Any], issued_at: datetime, expires_at: datetime) -> str:
        """Takes some 50 µs. Raises `NoTicketKey`."""
        said = {
            **claims,
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        headers = {"kid": self._kid, "typ": TYPE}
        return jwt.encode(said, self._private, algorithm=_ALGORITHM, headers=headers)
