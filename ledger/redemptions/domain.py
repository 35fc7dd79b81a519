"""Rewards, and who redeems them."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.redemptions.decider import REWARD
from ledger.redemptions.permissions import MAY_SEND, check_sender
from ledger.redemptions.policy import react
from ledger.redemptions.stream import KIND

DOMAIN = Domain(
    name="redemptions",
    stream=KIND,
    decider=REWARD,
    may_send=MAY_SEND,
    check_sender=check_sender,
    react=react,
)
