"""The public keys that credentials are checked with: the issuer's JWKS, or a key pair of our own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from api.settings import Settings, SettingsError

REFRESH_S = 600.0
"""How old a fetched key set may become: a key withdrawn by the issuer works that much longer at most."""
UNKNOWN_REFRESH_S = 30.0
"""An unknown `kid` makes us look again, but not more often than this, so that forgeries cost nothing."""

log = structlog.get_logger()


class VerificationKey(msgspec.Struct, frozen=True):
    algorithm: str
    key: Any


class Keys(Protocol):
    """`generation` changes with the set of keys; what was verified before is then forgotten."""

    generation: int

    async def find(self, kid: str) -> VerificationKey | None: ...

    def jwks(self) -> dict[str, list[dict[str, str]]]: ...


def open_keys(settings: Settings) -> Keys:
    """By `settings.jwks`: a URL, a file, or empty for the local key pair."""
    if settings.jwks.startswith(("https://", "http://")):
        return RemoteKeys(_fetcher(settings.jwks))
    if settings.jwks:
        return _file_keys(Path(settings.jwks))
    return LocalKeys(settings.data_dir)


class LocalKeys:
    """An Ed25519 pair in `data_dir`, made at first use, for development and small installations."""

    def __init__(self, data_dir: Path) -> None:
        self.generation = 0
        self.private = _load_or_make(data_dir / "jwt-ed25519.pem")
        public = self.private.public_key()
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.kid = sha256(raw).hexdigest()[:16]
        self._public = public

    async def find(self, kid: str) -> VerificationKey | None:
        return VerificationKey("EdDSA", self._public) if kid == self.kid else None

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        key = OKPAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "EdDSA"}]}


class FixedKeys:
    """Keys from a file, read once."""

    def __init__(self, keys: Mapping[str, VerificationKey]) -> None:
        self.generation = 0
        self._keys = keys

    async def find(self, kid: str) -> VerificationKey | None:
        return self._keys.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The issuer publishes them, not we."""
        return {"keys": []}


Fetch = Callable[[], Any]


class RemoteKeys:
    """A fetched JWKS. When the issuer cannot be reached, the keys known so far stay in use."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self.generation = 0
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, VerificationKey] = {}
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> VerificationKey | None:
        age = self._clock() - self._tried_at
        if age > REFRESH_S or (kid not in self._keys and age > UNKNOWN_REFRESH_S):
            async with self._lock:
                await self._refresh(self._clock() - age)
        return self._keys.get(kid)

    async def _refresh(self, seen: float) -> None:
        if self._tried_at > seen:
            return  # somebody else did while we waited for the lock
        self._tried_at = self._clock()
        try:
            keys = parse_jwks(await self._fetch())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("jwks_not_fetched", error=type(error).__name__)
            return
        if keys.keys() != self._keys.keys():
            self.generation += 1
        self._keys = keys

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The issuer publishes them, not we."""
        return {"keys": []}


def parse_jwks(body: bytes) -> dict[str, VerificationKey]:
    """By `kid`, without keys that do not sign by EdDSA or RS256. `ValueError` when it is no JWKS."""
    try:
        found = [_verification_key(jwk) for jwk in msgspec.json.decode(body, type=_Jwks).keys]
    except (msgspec.DecodeError, jwt.PyJWTError) as error:
        raise ValueError(f"this is no JWKS: {error}") from error
    return {kid: key for kid, key in found if key is not None}


class _Jwks(msgspec.Struct, frozen=True):
    """https://www.rfc-editor.org/rfc/rfc7517#section-5"""

    keys: list[dict[str, Any]]


_ALGORITHM = {"Ed25519": "EdDSA", "RSA": "RS256"}


def _verification_key(jwk: dict[str, Any]) -> tuple[str, VerificationKey | None]:
    kid, algorithm = str(jwk.get("kid", "")), _ALGORITHM.get(str(jwk.get("crv") or jwk.get("kty")))
    if (
        not kid
        or algorithm is None
        or jwk.get("use", "sig") != "sig"
        or jwk.get("alg", algorithm) != algorithm
    ):
        return kid, None
    return kid, VerificationKey(algorithm, jwt.PyJWK(jwk, algorithm=algorithm).key)


def _fetcher(url: str) -> Fetch:
    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            response.raise_for_status()
            return await response.read()

    return fetch


def _file_keys(path: Path) -> FixedKeys:
    try:
        return FixedKeys(parse_jwks(path.read_bytes()))
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise SettingsError(f"LIBERATION_JWKS names {path}, which is no readable JWKS: {error}.") from None


def _load_or_make(path: Path) -> Ed25519PrivateKey:
    """Exactly one process makes it: the others find it by the exclusive create failing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    part = path.with_suffix(f".{os.getpid()}")
    part.touch(mode=0o600)
    part.write_bytes(made)
    try:
        os.link(part, path)  # atomic: nobody reads half a key
    except FileExistsError:
        pass
    finally:
        part.unlink()
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} holds no Ed25519 key: remove it and a new one is made.")
    return key
