"""The row of a turn: since when somebody waits for the platform's funds."""

from __future__ import annotations

from ledger.earnings.events import PayoutBlocked, PayoutWithheld
from ledger.earnings.refusals import PlatformShort
from ledger.message import Recorded
from projections.engine.tables import Row, Table

_SHORT_AT_STRIPE = "balance_insufficient"
"""Stripe's code for a transfer that the platform's funds do not cover."""


class PayoutTurnRow(Row):
    stream: str
    user_id: str
    currency: str
    position: int
    """Of the first shortage since the last payout that was made: the lowest has the first turn."""


PAYOUT_TURNS = Table("payout_turns", PayoutTurnRow, ("stream",))


def is_short(event: PayoutWithheld | PayoutBlocked) -> bool:
    """Found before the transfer was asked for, or by Stripe."""
    match event:
        case PayoutWithheld():
            return event.reason == PlatformShort.code
        case PayoutBlocked():
            return event.code == _SHORT_AT_STRIPE


def begin(recorded: Recorded, event: PayoutWithheld | PayoutBlocked) -> PayoutTurnRow:
    return PayoutTurnRow(
        stream=recorded.stream, user_id=event.user_id, currency=event.currency, position=recorded.position
    )
