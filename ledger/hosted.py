"""A page of Stripe's on which somebody pays, for those who collect no cards."""

from __future__ import annotations

from datetime import timedelta

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
