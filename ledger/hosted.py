"""A page of Stripe's on which somebody pays, for those who collect no cards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from ledger.message import Instant

PAGE_LASTS = timedelta(hours=1)
"""Stripe wants half an hour at least when it is asked, and what is bought is held for as long."""


class HostedPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asked of Stripe with what is to pay; the same for the same payment, as often as it is asked for."""

    success_url: str
    """Where Stripe sends them who have paid, and the next one those who leave. Neither names anybody."""
    cancel_url: str
    expires_at: Instant
    """Nothing can be paid on it after this."""


def until(page: HostedPage | None) -> str:
    """Its end as Stripe keeps it with what is paid there; empty without a page."""
    return str(int(page.expires_at.timestamp())) if page else ""


def forgotten_page(until: str) -> HostedPage | None:
    """One of which only its end is known, in Unix seconds: of a ledger that was restored to a time before it.
    Stripe has it already, and knows where it leads. None for what is no such time.
    """
    if not until.isascii() or not until.isdecimal() or len(until) > _DIGITS:
        return None
    return HostedPage(success_url="", cancel_url="", expires_at=datetime.fromtimestamp(int(until), UTC))


_DIGITS = 11
"""Of Unix seconds, for some thousand years."""
