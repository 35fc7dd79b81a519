"""Every domain of the ledger in one place: what can be asked, by which rules, and what can be recorded."""

from __future__ import annotations

from ledger.accounts.domain import DOMAIN as ACCOUNTS
from ledger.authors.domain import DOMAIN as AUTHORS
from ledger.bank_payouts.domain import DOMAIN as BANK_PAYOUTS
from ledger.coupons.domain import DOMAIN as COUPONS
from ledger.courses.domain import DOMAIN as COURSES
from ledger.customers.domain import DOMAIN as CUSTOMERS
from ledger.disputes.domain import DOMAIN as DISPUTES
from ledger.domain import Domain
from ledger.earnings.domain import DOMAIN as EARNINGS
from ledger.endpoints.domain import DOMAIN as ENDPOINTS
from ledger.enrolments.domain import DOMAIN as ENROLMENTS
from ledger.friendships.domain import DOMAIN as FRIENDSHIPS
from ledger.invoices.domain import DOMAIN as INVOICES
from ledger.learners.domain import DOMAIN as LEARNERS
from ledger.licences.domain import DOMAIN as LICENCES
from ledger.message import AnyDecider, Command, Event
from ledger.orders.domain import DOMAIN as ORDERS
from ledger.organisations.domain import DOMAIN as ORGANISATIONS
from ledger.payments.domain import DOMAIN as PAYMENTS
from ledger.payouts.domain import DOMAIN as PAYOUTS
from ledger.redemptions.domain import DOMAIN as REDEMPTIONS
from ledger.seats.domain import DOMAIN as SEATS
from ledger.streaks.domain import DOMAIN as STREAKS
from ledger.subscriptions.domain import DOMAIN as SUBSCRIPTIONS
from ledger.tokens.domain import DOMAIN as TOKENS
from ledger.unclaimed.domain import DOMAIN as UNCLAIMED
from ledger.usage.domain import DOMAIN as USAGE
from ledger.visibility.domain import DOMAIN as VISIBILITY
from ledger.votes.domain import DOMAIN as VOTES
from ledger.webhooks.domain import DOMAIN as WEBHOOKS

DOMAINS: tuple[Domain, ...] = (
    PAYMENTS,
    CUSTOMERS,
    WEBHOOKS,
    PAYOUTS,
    SUBSCRIPTIONS,
    INVOICES,
    AUTHORS,
    COURSES,
    LEARNERS,
    COUPONS,
    ENROLMENTS,
    VOTES,
    EARNINGS,
    ACCOUNTS,
    BANK_PAYOUTS,
    FRIENDSHIPS,
    VISIBILITY,
    STREAKS,
    TOKENS,
    REDEMPTIONS,
    ORGANISATIONS,
    LICENCES,
    SEATS,
    USAGE,
    ORDERS,
    UNCLAIMED,
    DISPUTES,
    ENDPOINTS,
)
"""What speaks of all of them is made of these: deciders, events, permissions, policies, the journal."""

DECIDERS: tuple[AnyDecider, ...] = tuple(domain.decider for domain in DOMAINS)

EVENT_TYPES: tuple[type[Event], ...] = tuple(event for decider in DECIDERS for event in decider.events)
"""All that may stand in the store. A replaced version stays here, and upcasts to its successor."""

_DECIDER_OF: dict[type[Command], AnyDecider] = {
    command: decider for decider in DECIDERS for command in decider.commands
}


def decider_of(command_type: type[Command]) -> AnyDecider:
    """Raises `KeyError` for a command of no domain: a programmer's fault."""
    return _DECIDER_OF[command_type]
