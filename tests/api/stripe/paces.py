"""How soon things happen at Stripe, which promises nothing of it."""

from __future__ import annotations

from api.sandbox.settings import Settings

AT_ONCE = Settings()
LATE = Settings(settle_charge_s=1_800, invoice_draft_s=3_600)
"""As live accounts do it: a charge is booked within an hour, and a renewal is a draft for one."""
