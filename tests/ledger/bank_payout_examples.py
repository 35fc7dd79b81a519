"""Builders of commands about a payout to Ivy's bank: what Stripe says of it."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ledger.bank_payouts.commands import RecordBankPayoutSnapshot
from ledger.bank_payouts.decider import decide
from ledger.bank_payouts.events import BankPayoutEvent, BankPayoutSent
from ledger.bank_payouts.state import BankPayout, evolve
from ledger.ids import new_id
from tests.ledger.account_examples import ACCOUNT, AT_STRIPE
from tests.ledger.enrolment_examples import IVY
from tests.ledger.examples import DAY, NOON

PAYOUT = "po_1"
ARRIVES = NOON + 2 * DAY
SENT = BankPayoutSent(
    payout_id=PAYOUT,
    user_id=IVY,
    account_id=ACCOUNT,
    stripe_account_id=AT_STRIPE,
    amount_minor=7_000,
    currency="usd",
    sent_at=NOON,
    arrival_at=ARRIVES,
)


def seen(status: Any, failure_code: str = "", **changes: Any) -> RecordBankPayoutSnapshot:
    fields: dict[str, Any] = {
        "command_id": new_id("cmd"),
        "effective_at": NOON,
        "payout_id": PAYOUT,
        "user_id": IVY,
        "account_id": ACCOUNT,
        "stripe_account_id": AT_STRIPE,
        "amount_minor": 7_000,
        "currency": "usd",
        "status": status,
        "sent_at": NOON,
        "arrival_at": ARRIVES,
        "failure_code": failure_code,
    }
    return RecordBankPayoutSnapshot(**{**fields, **changes})


def facts(*commands: RecordBankPayoutSnapshot) -> list[BankPayoutEvent]:
    """Of all of them, one after the other."""
    payout, found = BankPayout(), list[BankPayoutEvent]()
    for command in commands:
        made = decide(command, payout)
        payout = reduce(evolve, made, payout)
        found += made
    return found


def after(*commands: RecordBankPayoutSnapshot) -> BankPayout:
    return reduce(evolve, facts(*commands), BankPayout())
