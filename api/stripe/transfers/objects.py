"""The parts of Stripe's transfers that the ledger reads."""

from __future__ import annotations

import msgspec

from api.stripe.objects import BalanceTransaction, Reference


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/transfers/object"""

    id: str
    amount: int
    amount_reversed: int = 0
    currency: str
    created: int
    destination: Reference = None
    balance_transaction: str | BalanceTransaction | None = None
    metadata: dict[str, str] | None = None


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/transfer_reversals/object"""

    id: str
    amount: int
    currency: str
    created: int
    balance_transaction: str | BalanceTransaction | None = None
    metadata: dict[str, str] | None = None
