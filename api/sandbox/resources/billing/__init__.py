"""Stripe Billing: subscriptions, what they are of, and their invoices. https://docs.stripe.com/billing"""

from __future__ import annotations

from api.sandbox.resources.billing import (
    catalogue,
    customer_balance,
    invoice_items,
    invoices,
    subscriptions,
    test_clocks,
)

ALL = (
    catalogue.PRODUCTS,
    catalogue.PRICES,
    subscriptions.RESOURCE,
    subscriptions.ITEMS,
    invoices.RESOURCE,
    invoices.LINES,
    invoices.PAYMENTS,
    invoice_items.RESOURCE,
    customer_balance.RESOURCE,
    test_clocks.RESOURCE,
)
