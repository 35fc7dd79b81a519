"""Public keys as issuers write them down: a JWK set, one JWK, or PEM."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm


class VerificationKey(msgspec.Struct, frozen=True):
    algorithm: str
    key: Any


_ALGORITHM = {"Ed25519": "EdDSA", "RSA": "RS256"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
"""What only the issuer may know of a key. https://www.rfc-editor.org/rfc/rfc7518#section-6"""
_THUMBPRINT = {"OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PUBLIC = b"PUBLIC KEY"


class _Jwks(msgspec.Struct, frozen=True):
    """https://www.rfc-editor.org/rfc/rfc7517#section-5"""

    keys: list[dict[str, Any]]


def parse_jwks(body: bytes) -> dict[str, VerificationKey]:
    """By `kid`, without keys that do not sign by EdDSA or RS256. `ValueError` when it is no JWKS."""
    try:
        found = [_verification_key(jwk) for jwk in msgspec.json.decode(body, type=_Jwks).keys]
    except (msgspec.DecodeError, jwt.PyJWTError) as error:
        raise ValueError(f"this is no JWKS: {error}") from error
    return {kid: key for kid, key in found if key is not None}


def parse_key_file(body: bytes) -> dict[str, VerificationKey]:
    """A JWK set, one JWK, or PEM. A key without a `kid` has its RFC 7638 thumbprint for one.

    `ValueError` when it is none of them, when nothing in it can be used, and when it holds what the issuer
    must keep secret.
    """
    if _PEM.search(body):
        found = _of_pem(body)
    else:
        jwks = _jwks_in(body)
        if any(_PRIVATE.intersection(jwk) for jwk in jwks):
            raise ValueError("it holds a private key: give the public part alone")
        found = parse_jwks(msgspec.json.encode({"keys": [_named(jwk) for jwk in jwks]}))
    if not found:
        raise ValueError("it holds no key for signatures by EdDSA (Ed25519) or RS256 (RSA)")
    return found


def raw(key: VerificationKey) -> bytes:
    """An Ed25519 key's 32 bytes; empty for another."""
    if not isinstance(key.key, Ed25519PublicKey):
        return b""
    return key.key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _jwks_in(body: bytes) -> list[dict[str, Any]]:
    try:
        content = msgspec.json.decode(body, type=dict[str, Any])
        return msgspec.convert(content, _Jwks).keys if "keys" in content else [content]
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"this is neither a JWK set nor a JWK nor PEM: {error}") from error


def _named(jwk: Mapping[str, Any]) -> dict[str, Any]:
    members = _THUMBPRINT.get(str(jwk.get("kty")), ())
    named = dict(jwk)
    if not jwk.get("kid") and members and all(isinstance(jwk.get(name), str) for name in members):
        named["kid"] = _thumbprint(jwk, members)
    return named


def _thumbprint(jwk: Mapping[str, Any], members: Iterable[str]) -> str:
    """https://www.rfc-editor.org/rfc/rfc7638"""
    canonical = msgspec.json.encode({name: jwk[name] for name in members})
    return urlsafe_b64encode(sha256(canonical).digest()).rstrip(b"=").decode()


def _of_pem(body: bytes) -> dict[str, VerificationKey]:
    found = {}
    for block in _PEM.finditer(body):
        if b"PRIVATE" in block[1]:
            raise ValueError(
                "it holds a private key: give the public part, as `openssl pkey -pubout` prints it"
            )
        if block[1] != _PUBLIC:
            raise ValueError(f"PEM must hold PUBLIC KEY, and this holds {block[1].decode()}")
        kid, key = _verification_key(_named(_jwk_of_pem(block[0])))
        if key is not None:
            found[kid] = key
    return found


def _jwk_of_pem(block: bytes) -> dict[str, Any]:
    try:
        public = serialization.load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"its PEM cannot be read: {error}") from error
    match public:
        case Ed25519PublicKey():
            return dict(OKPAlgorithm.to_jwk(public, as_dict=True))
        case RSAPublicKey():
            return dict(RSAAlgorithm.to_jwk(public, as_dict=True))
    return {}


def _verification_key(jwk: Mapping[str, Any]) -> tuple[str, VerificationKey | None]:
    kid, algorithm = str(jwk.get("kid", "")), _ALGORITHM.get(str(jwk.get("crv") or jwk.get("kty")))
    if (
        not kid
        or algorithm is None
        or jwk.get("use", "sig") != "sig"
        or jwk.get("alg", algorithm) != algorithm
    ):
        return kid, None
    public = {name: value for name, value in jwk.items() if name not in _PRIVATE}
    return kid, VerificationKey(algorithm, jwt.PyJWK(public, algorithm=algorithm).key)
