"""The keys that credentials are checked with."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp

from api.doctor.finding import Finding, bad, ok, unreached, worrying, wrong
from api.http.signing_keys import is_url, made_here, published
from api.settings import Settings, SettingsError

CHECK = "credentials"
_REMEDY = (
    "Set LIBERATION_JWKS to your issuer's keys: the URL or file of a JWK set, or a file with a JWK or PEM."
)


async def examine(settings: Settings) -> list[Finding]:
    if not settings.jwks:
        return [local(settings)]
    try:
        keys = await published(settings)
    except SettingsError as error:
        return [wrong(CHECK, str(error), _REMEDY)]
    except (aiohttp.ClientError, TimeoutError) as error:
        said = f"The issuer's keys cannot be fetched from {_host(settings)} ({type(error).__name__})"
        return [unreached(CHECK, f"{said}: nobody with a JWT is let in.", _REMEDY)]
    except ValueError as error:
        return [wrong(CHECK, f"LIBERATION_JWKS: {error}.", _REMEDY)]
    made = sorted(kid for kid, key in keys.items() if made_here(kid, key, settings.data_dir))
    return [_usable(settings, len(keys) - len(made)), *_plain(settings), *_made_here(settings, made)]


def _host(settings: Settings) -> str:
    """The rest of the address may hold a secret."""
    return urlsplit(settings.jwks).hostname or settings.jwks


def local(settings: Settings) -> Finding:
    """Without an issuer."""
    if settings.live:
        said = (
            "Credentials would be checked with a key made here: with a live key the service does not start."
        )
        return wrong(CHECK, said, _REMEDY)
    if not settings.stripe_api_key:
        return ok(CHECK, "Credentials are checked with a key made here, for development.")
    said = "Credentials are checked with a key made here: who reads the data directory can be anybody."
    return worrying(CHECK, said, _REMEDY)


def _usable(settings: Settings, count: int) -> Finding:
    if count:
        return ok(CHECK, f"{count} {'key' if count == 1 else 'keys'} of the issuer can be used.")
    said = f"{_host(settings)} publishes no key for signatures by EdDSA (Ed25519) or RS256 (RSA) with a `kid`"
    return wrong(CHECK, f"{said}: nobody with a JWT is let in.", _REMEDY)


def _plain(settings: Settings) -> list[Finding]:
    if not is_url(settings.jwks) or settings.jwks.startswith("https://"):
        return []
    said = "The issuer's keys are fetched without TLS: who stands between can put others in."
    return [bad(CHECK, said, "Give the address with https.", live=False)]


def _made_here(settings: Settings, kids: list[str]) -> list[Finding]:
    if not kids:
        return []
    said = f"Among the issuer's keys is one made for development ({', '.join(kids)})"
    return [bad(CHECK, f"{said}.", "Take it out of what the issuer publishes.", live=settings.live)]
