"""What the sandbox has of Stripe: one module a resource."""

from __future__ import annotations

from api.sandbox.resources import (
    balance,
    billing,
    charges,
    connect,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
    webhook_endpoints,
)

ALL = (
    customers.RESOURCE,
    payment_methods.RESOURCE,
    payment_intents.RESOURCE,
    setup_intents.RESOURCE,
    charges.RESOURCE,
    balance.RESOURCE,
    refunds.RESOURCE,
    disputes.RESOURCE,
    payouts.RESOURCE,
    payouts.BANK_ACCOUNT,
    events.RESOURCE,
    webhook_endpoints.RESOURCE,
    *billing.ALL,
    *connect.ALL,
)
