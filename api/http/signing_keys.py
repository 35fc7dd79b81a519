"""The public keys that credentials are checked with: the issuer's JWKS, or a key pair of our own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from api.http.jwks import VerificationKey, parse_jwks, parse_key_file, raw
from api.settings import Settings, SettingsError
from ledger.private_files import make_file

__all__ = [
    "FixedKeys",
    "LocalKeys",
    "RemoteKeys",
    "SigningKeys",
    "VerificationKey",
    "check_keys",
    "is_url",
    "load_or_make",
    "made_here",
    "open_keys",
    "parse_jwks",
    "published",
]

LOCAL = "jwt-ed25519.pem"
"""In the data directory: the key pair that is made for development."""

REFRESH_S = 600.0
"""How old a fetched key set may become: a key withdrawn by the issuer works that much longer at most."""
UNKNOWN_REFRESH_S = 30.0
"""An unknown `kid` makes us look again, but not more often than this, so that forgeries cost nothing."""

log = structlog.get_logger()


class SigningKeys(Protocol):
    """`generation` changes with the set of keys; what was verified before is then forgotten."""

    generation: int

    async def find(self, kid: str) -> VerificationKey | None: ...

    def jwks(self) -> dict[str, list[dict[str, str]]]: ...


def open_keys(settings: Settings) -> SigningKeys:
    """By `settings.jwks`: a URL, a file, or empty for the local key pair, which is never for real money.

    Raises `SettingsError`.
    """
    if not settings.jwks and settings.live:
        raise SettingsError(
            "LIBERATION_STRIPE_API_KEY is a live key and LIBERATION_JWKS is not set: credentials would be "
            "checked with a key that this service made itself. Set LIBERATION_JWKS to your issuer's public "
            "keys: the URL or file of a JWK set, or a file with one JWK or PEM."
        )
    if is_url(settings.jwks):
        return RemoteKeys(_fetcher(settings.jwks), refused=_refused(settings))
    if settings.jwks:
        return _file_keys(Path(settings.jwks), _refused(settings))
    return LocalKeys(settings.data_dir)


def check_keys(settings: Settings) -> None:
    """`SettingsError` for keys that credentials may not, or cannot, be checked with. Makes none."""
    if settings.jwks or settings.live:
        open_keys(settings)


async def published(settings: Settings) -> Mapping[str, VerificationKey]:
    """All that LIBERATION_JWKS names now, those that are refused included.

    Raises `SettingsError` for a file, `aiohttp.ClientError`, `TimeoutError` or `ValueError` for a URL.
    """
    if is_url(settings.jwks):
        return parse_jwks(await _fetcher(settings.jwks)())
    return _read(Path(settings.jwks))


def is_url(jwks: str) -> bool:
    return jwks.startswith(("https://", "http://"))


Refused = Callable[[str, VerificationKey], bool]


def made_here(kid: str, key: VerificationKey, data_dir: Path) -> bool:
    """Whether `liberation token` signs with it: that of this data directory under any `kid`, that of another
    one by the `kid` that such a key has, which is made of the key itself.
    """
    known = raw(key)
    return bool(known) and (kid == _kid(known) or known == _local(data_dir))


def _refused(settings: Settings) -> Refused:
    if settings.live:
        return lambda kid, key: made_here(kid, key, settings.data_dir)
    return lambda *_: False


def _kid(public: bytes) -> str:
    return sha256(public).hexdigest()[:16]


def _local(data_dir: Path) -> bytes | None:
    """The public key of the local pair, if there is one."""
    try:
        private = serialization.load_pem_private_key((data_dir / LOCAL).read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return None
    return _raw(private.public_key()) if isinstance(private, Ed25519PrivateKey) else None


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class LocalKeys:
    """An Ed25519 pair in `data_dir`, made at first use, for development and small installations."""

    def __init__(self, data_dir: Path) -> None:
        self.generation = 0
        self.private = load_or_make(data_dir / LOCAL)
        self._public = self.private.public_key()
        self.kid = _kid(_raw(self._public))

    async def find(self, kid: str) -> VerificationKey | None:
        return VerificationKey("EdDSA", self._public) if kid == self.kid else None

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        key = OKPAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "EdDSA"}]}


class FixedKeys:
    """Keys from a file, read once. A credential that names no key is checked with the only one, if it is."""

    def __init__(self, keys: Mapping[str, VerificationKey]) -> None:
        self.generation = 0
        self._keys = keys

    async def find(self, kid: str) -> VerificationKey | None:
        if not kid and len(self._keys) == 1:
            [only] = self._keys.values()
            return only
        return self._keys.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The issuer publishes them, not we."""
        return {"keys": []}


Fetch = Callable[[], Any]


class RemoteKeys:
    """A fetched JWKS. When the issuer cannot be reached, the keys known so far stay in use.

    Keys that are `refused` count as not published.
    """

    def __init__(
        self,
        fetch: Fetch,
        clock: Callable[[], float] = time.monotonic,
        *,
        refused: Refused = lambda *_: False,
    ) -> None:
        self.generation = 0
        self._fetch = fetch
        self._refused = refused
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
            keys = self._permitted(parse_jwks(await self._fetch()))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("jwks_not_fetched", error=type(error).__name__)
            return
        if keys.keys() != self._keys.keys():
            self.generation += 1
        self._keys = keys

    def _permitted(self, published: Mapping[str, VerificationKey]) -> dict[str, VerificationKey]:
        permitted = {kid: key for kid, key in published.items() if not self._refused(kid, key)}
        for kid in published.keys() - permitted.keys():
            log.error("jwks_development_key_ignored", kid=kid)
        return permitted

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The issuer publishes them, not we."""
        return {"keys": []}


def _fetcher(url: str) -> Fetch:
    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            response.raise_for_status()
            return await response.read()

    return fetch


def _read(path: Path) -> dict[str, VerificationKey]:
    try:
        return parse_key_file(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"LIBERATION_JWKS names {path}, which cannot be read: {error.strerror}."
        ) from None
    except ValueError as error:
        raise SettingsError(f"LIBERATION_JWKS names {path}, which cannot be used: {error}.") from None


def _file_keys(path: Path, refused: Refused) -> FixedKeys:
    keys = _read(path)
    for kid, key in keys.items():
        if refused(kid, key):
            raise SettingsError(
                f"LIBERATION_JWKS names {path}, which holds a key made for development (kid {kid}), and "
                "LIBERATION_STRIPE_API_KEY is a live key: take it out, so that no credential of "
                "`liberation token` counts where real money moves."
            )
    return FixedKeys(keys)


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """Exactly one process makes it. Raises `OSError`, or `ValueError` for what is no such key."""
    made = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    make_file(path, made)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} holds no Ed25519 key: remove it and a new one is made.")
    return key
