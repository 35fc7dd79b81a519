"""Builders of commands about a movement of Stripe's balance that nothing of ours made."""

from __future__ import annotations

from functools import reduce
from typing import Any

from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.journal import postings
from ledger.unclaimed.commands import ExplainMovement, RecordMovement, UnclaimedCommand
from ledger.unclaimed.decider import Movement, decide, evolve
from ledger.unclaimed.events import UnclaimedEvent
from tests.ledger.examples import NOON, recorded, txn

ID = "txn_moved"


def moved(amount: int = 777, fee: int = 53, **changes: Any) -> RecordMovement:
    """A charge of somebody else, unless told otherwise; without a fee its funds are there at once."""
    entry: BalanceTransaction = txn("moved", amount, fee)
    if not fee:
        entry = replace(entry, available_at=entry.created_at)
    fields: dict[str, Any] = {
        "command_id": f"unclaimed:{ID}",
        "effective_at": NOON,
        "balance_transaction": entry,
        "kind": "charge",
        "reporting_category": "charge",
        "balance_type": "payments",
    }
    return RecordMovement(**{**fields, **changes})


def explain(account: str, note: str = "The shop's") -> ExplainMovement:
    return ExplainMovement(
        command_id=f"explain:{account}",
        effective_at=NOON,
        balance_transaction_id=ID,
        account=account,
        note=note,
    )


def facts(*commands: UnclaimedCommand) -> list[UnclaimedEvent]:
    """Of all of them, one after the other."""
    movement, found = Movement(), list[UnclaimedEvent]()
    for command in commands:
        made = decide(command, movement)
        movement = reduce(evolve, made, movement)
        found += made
    return found


def books(*commands: UnclaimedCommand) -> dict[str, int]:
    """What they come to by account; none that is zero."""
    sums: dict[str, int] = {}
    for fact in facts(*commands):
        for leg in postings(recorded(fact)):
            sums[leg.account] = sums.get(leg.account, 0) + leg.amount_minor
    return {account: amount for account, amount in sums.items() if amount}
