"""Which sites' pages may call from a browser: exactly those of the setting, and by default none.

Credentials are sent in `Authorization` by the page itself and never by the browser of its own accord, so that
none are allowed here: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from api.http.access import TABLE

Headers = list[tuple[bytes, bytes]]
_METHODS = ", ".join(sorted({access.method for access in TABLE} | {"HEAD"}))
_TAKEN = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Ledger-Position, X-Request-Id"
_SHOWN = (
    "Content-Disposition, ETag, Idempotent-Replayed, Ledger-Position, Location, RateLimit, RateLimit-Policy, "
    "Retry-After, X-Request-Id"
)
"""Besides those that a page may read anyway."""
_MAX_AGE_S = 600
_VARY = (b"vary", b"Origin")
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", _METHODS.encode()),
    (b"access-control-allow-headers", _TAKEN.encode()),
    (b"access-control-max-age", b"%d" % _MAX_AGE_S),
]


class Origins:
    """`known` are origins as browsers send them, such as https://shop.example.org."""

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = frozenset(origin.encode() for origin in known)

    def answered(self, given: Mapping[bytes, bytes]) -> Headers:
        """What an answer says of it, whatever else it is: nothing where no site is known."""
        if not self._known:
            return []
        origin = given.get(b"origin", b"")
        if origin not in self._known:
            return [_VARY]
        return [
            _VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _SHOWN.encode()),
        ]

    def preflight(self, method: str, given: Mapping[bytes, bytes]) -> Headers | None:
        """The further headers of its answer; None when it is none, or of a site that is not known."""
        asks = method == "OPTIONS" and b"access-control-request-method" in given
        return _PREFLIGHT if asks and given.get(b"origin") in self._known else None
