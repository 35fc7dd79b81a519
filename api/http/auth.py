"""Who is calling: a bearer JWT of a user, or the API key of a service.

Verifying an Ed25519 signature takes longer than the rest of a request, so a credential that was verified
is remembered, by its hash, until it no longer holds.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from hashlib import sha256

import jwt
import msgspec

from api.http.problems import Unauthenticated
from api.http.signing_keys import LocalKeys, SigningKeys
from api.settings import Settings, SettingsError
from api.words import USER

ROLES = frozenset({"student", "instructor", "enterprise", "admin", "service"})
"""All that a credential can give. `system` is no such role: only this program's own parts have it."""
API_KEY_PREFIX = "lk_"
API_KEY_TTL_S = 10.0
"""How long a revoked API key may still work in a process that has seen it."""
REMEMBERED = 10_000
LEEWAY_S = 30
"""How long a JWT holds past its `exp` and before its `nbf`, as clocks differ. API keys have no such grace."""
_OPAQUE = re.compile(USER)


class Principal(msgspec.Struct, frozen=True):
    """`id` is a JWT's `sub`, an API key's id, or the user whom a service acts for: whose it all is."""

    id: str
    roles: frozenset[str]
    expires_at: float
    """Unix seconds until which this need not be verified again."""
    licence_id: str = ""
    """On which its calls are counted; empty for who is no organisation's API key."""
    scopes: frozenset[str] = frozenset()
    """What its API key is for; empty for a JWT, and for a key that may do all that its roles may."""
    actor: str = ""
    """The API key that does it for the user `id`; empty where somebody acts for themselves."""

    @property
    def caller(self) -> str:
        """Who asks, and for whom: `>` stands in no id. What two of them ask is never the same request."""
        return f"{self.actor}>{self.id}" if self.actor else self.id


class ApiKey(msgspec.Struct, frozen=True):
    key_id: str
    roles: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None
    licence_id: str = ""
    """Of an organisation's key: see `Principal`."""
    scopes: tuple[str, ...] = ()


FindApiKey = Callable[[bytes], Awaitable[ApiKey | None]]


class Authenticator:
    """`find_api_key` looks an API key up by its SHA-256."""

    def __init__(
        self,
        settings: Settings,
        keys: SigningKeys,
        find_api_key: FindApiKey,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._find_api_key = find_api_key
        self._clock = clock
        self._verified: OrderedDict[bytes, Principal] = OrderedDict()
        self._generation = keys.generation

    async def authenticate(self, header: str) -> Principal:
        """By the value of `Authorization`; `Unauthenticated` when it does not hold."""
        known = self.recall(header)
        return known or await self._verify(_credential(header))

    def recall(self, header: str) -> Principal | None:
        """Who that is, if it was verified before. `Unauthenticated` when it is no credential at all."""
        digest = _digest(_credential(header))
        if self._generation != self._keys.generation:
            self._verified.clear()
            self._generation = self._keys.generation
        principal = self._verified.get(digest)
        if principal is None:
            return None
        if principal.expires_at <= self._clock():
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return principal

    async def _verify(self, credential: str) -> Principal:
        digest = _digest(credential)
        if credential.startswith(API_KEY_PREFIX):
            principal = await self._verify_api_key(digest)
        else:
            principal = await self._verify_jwt(credential)
        self._verified[digest] = principal
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return principal

    async def _verify_api_key(self, digest: bytes) -> Principal:
        key = await self._find_api_key(digest)
        now = self._clock()
        expires_at = key.expires_at.timestamp() if key and key.expires_at else float("inf")
        if key is None or key.revoked_at is not None or expires_at <= now:
            raise Unauthenticated("This API key is unknown, revoked or expired.")
        until = min(expires_at, now + API_KEY_TTL_S)
        roles = ROLES.intersection(key.roles)
        return Principal(key.key_id, roles, until, key.licence_id, frozenset(key.scopes))

    async def _verify_jwt(self, credential: str) -> Principal:
        try:
            kid = str(jwt.get_unverified_header(credential).get("kid", ""))
            key = await self._keys.find(kid)
            if key is None or key.algorithm not in self._settings.jwt_algorithms:
                raise Unauthenticated("The credential is signed with a key that is not known here.")
            claims = jwt.decode(
                credential,
                key.key,
                algorithms=[key.algorithm],  # the key decides, never the credential's own header
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The credential has expired: get a new one.") from None
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The credential does not hold: {_reason(error)}.") from None
        return _principal(claims)


def _credential(header: str) -> str:
    scheme, _, credential = header.partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated("Send the credential as `Authorization: Bearer <credential>`.")
    return credential.strip()


def _digest(credential: str) -> bytes:
    return sha256(credential.encode("utf-8", "replace")).digest()


def _reason(error: jwt.PyJWTError) -> str:
    """The library's words, except where they could repeat parts of the credential."""
    return "it is no JWT" if type(error) is jwt.DecodeError else str(error).rstrip(".")


def _principal(claims: dict[str, object]) -> Principal:
    subject, roles = claims["sub"], claims.get("roles", [])
    if not isinstance(subject, str) or not _OPAQUE.match(subject):
        raise Unauthenticated(
            "`sub` must be an opaque id of letters, digits and _ . : | - (no e-mail address)."
        )
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Unauthenticated("`roles` must be a list of strings.")
    expires = claims["exp"]
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        raise Unauthenticated("`exp` must be a number: seconds since 1970.")  # PyJWT takes it as text too
    # whole seconds, and the leeway, as PyJWT counts: one that is remembered holds as long as one that is new
    return Principal(subject, ROLES.intersection(roles), float(int(expires) + LEEWAY_S))


def mint(settings: Settings, sub: str, roles: Collection[str], ttl_s: int = 3600) -> str:
    """A credential signed with the local key, for development; `SettingsError` where an issuer is set, or
    real money moves.
    """
    if settings.live:
        raise SettingsError(
            "LIBERATION_STRIPE_API_KEY is a live key, and credentials made here are for development: no live "
            "service takes one. They come from the issuer whose keys LIBERATION_JWKS names; for a service, "
            "`liberation apikey create`."
        )
    if settings.jwks:
        raise SettingsError("LIBERATION_JWKS is set, so credentials come from that issuer and not from here.")
    if unknown := set(roles) - ROLES:
        raise SettingsError(
            f"No such role: {', '.join(sorted(unknown))}. Known are {', '.join(sorted(ROLES))}."
        )
    if not _OPAQUE.match(sub):
        raise SettingsError(
            f"{sub!r} cannot be a user's id: use letters, digits and _ . : | - (no e-mail address)."
        )
    keys = LocalKeys(settings.data_dir)
    now = int(time.time())
    claims = {
        "sub": sub,
        "roles": sorted(roles),
        "iat": now,
        "exp": now + ttl_s,
        "aud": settings.jwt_audience,
        "iss": settings.jwt_issuer,
    }
    return jwt.encode(claims, keys.private, algorithm="EdDSA", headers={"kid": keys.kid})
