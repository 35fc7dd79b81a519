"""How Stripe's balance moves: the one source of money in the books, whatever it was about."""

from __future__ import annotations

import msgspec

from ledger.message import Instant


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What Stripe's balance transaction says, in the currency of settlement; the only source of
    money in the books. `net_minor == amount_minor - fee_minor`; refunds and withdrawals are negative.
    https://docs.stripe.com/api/balance_transactions/object
    """

    balance_transaction_id: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    """Lower-case ISO 4217, as Stripe writes it; the same everywhere in the ledger."""
    available_at: Instant
    created_at: Instant
