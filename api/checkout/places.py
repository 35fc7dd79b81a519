"""Where Stripe may send people back to: the operator's own sites, so that nobody is led elsewhere by us."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from api.http.problems import FieldError, Unprocessable
from api.settings import Settings

_PORTS = {"http": 80, "https": 443}
_OWN_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def check_places(settings: Settings, urls: Iterable[tuple[str, str]]) -> None:
    """Pairs of a field's name and its address. Raises `Unprocessable` with each that is not allowed."""
    errors = [
        FieldError(detail=fault, pointer=f"/{name}") for name, url in urls if (fault := _fault(settings, url))
    ]
    if errors:
        said = "; ".join(f"{one.pointer[1:]} {one.detail}" for one in errors)
        raise Unprocessable(f"{said}. Stripe is not told to send anybody there.", errors=errors)


def _fault(settings: Settings, url: str) -> str:
    """Empty for an address of an allowed site; where no real money moves, of one's own machine, too."""
    origin = origin_of(url)
    if origin is None:
        return "must be an address such as https://shop.example.org/paid"
    if origin in {origin_of(each) for each in settings.return_origins}:
        return ""
    if origin[1] in _OWN_MACHINE and not settings.live:
        return ""
    return "must be on a site that the operator allows with LIBERATION_RETURN_ORIGINS"


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address, as browsers compare them; None for what is none."""
    if any(char <= " " or char in "\\\x7f" for char in url):  # which browsers drop, or take for a slash
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number, a host that is no name
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
