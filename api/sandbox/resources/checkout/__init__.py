"""Stripe Checkout: pages of Stripe's where somebody pays. https://docs.stripe.com/payments/checkout"""

from __future__ import annotations

from api.sandbox.resources.checkout import line_items, sessions

ALL = (sessions.RESOURCE, line_items.RESOURCE)
