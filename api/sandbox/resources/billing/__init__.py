"""Stripe Billing: subscriptions, what they are of, and their invoices. https://docs.stripe.com/billing"""

from __future__ import annotations

from api.sandbox.resources.billing import (
    catalogue,
    credit_notes,
    customer_balance,
    invoice_items,
    invoices,
    portal,
    previews,
    subscriptions,
    test_clocks,
)

ALL = (
    catalogue.PRODUCTS,
    catalogue.PRICES,
    subscriptions.RESOURCE,
    subscriptions.ITEMS,
    invoices.RESOURCE,
    previews.RESOURCE,
    invoices.LINES,
    invoices.PAYMENTS,
    invoice_items.RESOURCE,
    credit_notes.RESOURCE,
    customer_balance.RESOURCE,
    test_clocks.RESOURCE,
    portal.RESOURCE,
)
