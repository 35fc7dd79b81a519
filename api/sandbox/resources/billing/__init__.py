"""Stripe Billing: subscriptions, what they are of, and their invoices. https://docs.stripe.com/billing"""

from __future__ import annotations

from api.sandbox.resources.billing import (
    by_hand,
    catalogue,
    coupons,
    credit_notes,
    customer_balance,
    customer_discounts,
    discounts,
    invoice_items,
    invoices,
    making_items,
    portal,
    portal_configurations,
    previews,
    subscription_items,
    subscriptions,
    test_clocks,
)

ALL = (
    catalogue.PRODUCTS,
    catalogue.PRICES,
    subscriptions.RESOURCE,
    subscription_items.RESOURCE,
    invoices.RESOURCE,
    by_hand.RESOURCE,
    previews.RESOURCE,
    invoices.LINES,
    invoices.PAYMENTS,
    invoice_items.RESOURCE,
    making_items.RESOURCE,
    credit_notes.RESOURCE,
    customer_balance.RESOURCE,
    customer_discounts.RESOURCE,
    coupons.COUPONS,
    coupons.CODES,
    discounts.RESOURCE,
    test_clocks.RESOURCE,
    portal.RESOURCE,
    portal_configurations.RESOURCE,
)
