"""What the sandbox has of Stripe: one module a resource."""

from __future__ import annotations

from api.sandbox.resources import (
    balance,
    billing,
    charges,
    checkout,
    connect,
    customers,
    direct_charges,
    disputes,
    events,
    files,
    older,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
    sources,
    topups,
    webhook_endpoints,
)

ALL = (
    customers.RESOURCE,
    payment_methods.RESOURCE,
    sources.RESOURCE,
    payment_intents.RESOURCE,
    setup_intents.RESOURCE,
    charges.RESOURCE,
    direct_charges.RESOURCE,
    balance.RESOURCE,
    refunds.RESOURCE,
    disputes.RESOURCE,
    files.RESOURCE,
    payouts.RESOURCE,
    payouts.BANK_ACCOUNT,
    topups.RESOURCE,
    events.RESOURCE,
    webhook_endpoints.RESOURCE,
    *billing.ALL,
    *checkout.ALL,
    *connect.ALL,
    older.RESOURCE,
)
