"""Instructors' connected accounts at Stripe, by which they are paid."""

from __future__ import annotations

from ledger.accounts.decider import ACCOUNT
from ledger.accounts.permissions import MAY_SEND
from ledger.accounts.policy import react
from ledger.accounts.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(name="accounts", stream=KIND, decider=ACCOUNT, may_send=MAY_SEND, react=react)
