"""Payouts from Stripe's balance to the platform's bank."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.payouts.decider import PAYOUT
from ledger.payouts.permissions import MAY_SEND
from ledger.payouts.postings import ENTRIES
from ledger.payouts.stream import KIND

DOMAIN = Domain(
    name="payouts",
    stream=KIND,
    decider=PAYOUT,
    may_send=MAY_SEND,
    entries=ENTRIES,
)
