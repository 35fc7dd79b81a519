"""Where Stripe may send people back to: the operator's own sites, so that nobody is led elsewhere by us."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from api.http.problems import FieldError, Unprocessable
from api.settings import Settings


def allowed_origins(settings: Settings) -> frozenset[str]:
    """Those that the operator names; with test money, the service's own address too, as the demo uses it."""
    named = (*settings.return_origins, *(() if settings.live else (settings.address,)))
    return frozenset(origin for each in named if (origin := origin_of(each)))


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as browsers compare them; empty for what is none."""
    if any(char <= " " or char in "\\\x7f" for char in url):  # which browsers drop, or take for a slash
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number, a host that is no name
        return ""
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port or _PORTS[parts.scheme]}"


_PORTS = {"http": 80, "https": 443}


def check_places(settings: Settings, urls: Iterable[tuple[str, str]]) -> None:
    """Pairs of a field's name and its address. Raises `Unprocessable` with each that is not allowed."""
    allowed = allowed_origins(settings)
    errors = [
        FieldError(detail=_fault(url, allowed), pointer=f"/{name}")
        for name, url in urls
        if origin_of(url) not in allowed
    ]
    if errors:
        raise Unprocessable("Stripe is not told to send anybody there.", errors=errors)


def _fault(url: str, allowed: frozenset[str]) -> str:
    if not origin_of(url):
        return "must be an address such as https://shop.example.org/paid"
    if not allowed:
        return "no site is allowed here: the operator names them in LIBERATION_RETURN_ORIGINS"
    return "must be on a site that the operator allows in LIBERATION_RETURN_ORIGINS"
