"""What an API key with scopes is for: a few areas, to read or to write, and nothing else.

Nothing is allowed by default: an address in no area is open to no scope. What is a person's alone, such as
their contact data, their export and their erasure, is in none, and neither are friends and organisations.
"""

from __future__ import annotations

from collections.abc import Mapping

AREAS: Mapping[str, tuple[str, ...]] = {
    "payments": (
        "/api/payments",
        "/api/refunds",
        "/api/checkout",
        "/api/billing-portal",
        "/api/payment-methods",
        "/api/customers",
    ),
    "subscriptions": ("/api/subscriptions", "/api/features"),
    "invoices": ("/api/invoices",),
    "disputes": ("/api/disputes",),
    "courses": ("/api/courses", "/api/coupons"),
    "enrolments": ("/api/enrolments", "/api/certificates"),
    "payouts": ("/api/instructor", "/api/earnings", "/api/payouts"),
    "tokens": ("/api/tokens", "/api/rewards"),
    "events": ("/api/events", "/api/webhook-endpoints"),
    "stripe": ("/api/stripe",),
    "books": ("/api/ledger", "/api/revenue"),
}
"""Where the addresses of each area are: these, and all below them."""
READ, WRITE = "read", "write"
ACT = "users:act"
"""To name a user in `Liberation-On-Behalf-Of`."""
SCOPES = frozenset({ACT, *(f"{area}:{kind}" for area in AREAS for kind in (READ, WRITE))})
_AREA_OF = {path: area for area, paths in AREAS.items() for path in paths}


def scope_of(method: str, path: str) -> str:
    """Of an operation, by its method and address; empty when no scope opens it."""
    area = _AREA_OF.get("/".join(path.split("/")[:3]), "")
    return f"{area}:{READ if method == 'GET' else WRITE}" if area else ""
