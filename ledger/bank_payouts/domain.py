"""Payouts of connected accounts to their owners' banks: seen and shown, and nothing moves in the books."""

from __future__ import annotations

from ledger.bank_payouts.decider import BANK_PAYOUT
from ledger.bank_payouts.permissions import MAY_SEND
from ledger.bank_payouts.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(name="bank_payouts", stream=KIND, decider=BANK_PAYOUT, may_send=MAY_SEND)
