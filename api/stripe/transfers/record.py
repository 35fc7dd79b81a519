"""What Stripe shows of a transfer, as the commands that record it.

All of a command comes from Stripe's objects and of them only what never changes, so that each delivery says
the same; a command's id is made of the object's.
"""

from __future__ import annotations

import msgspec

from api.stripe.delivery import Tools
from api.stripe.objects import BalanceTransaction, UnexpectedAnswer, id_of
from api.stripe.payments.snapshots import booked
from api.stripe.transfers import lookup
from api.stripe.transfers.objects import Reversal, Transfer
from ledger.balance import BalanceTransaction as BookedTransaction
from ledger.earnings.commands import RecordReversal, RecordTransfer
from ledger.earnings.decider import EARNINGS
from ledger.earnings.state import Earnings
from ledger.earnings.stream import stream_of
from ledger.message import Origin, Outcome


class Named(msgspec.Struct, frozen=True):
    """What a transfer says of the payout that it is, in its metadata."""

    payout_id: str
    attempt: int
    user_id: str


async def earnings_of(tools: Tools, user_id: str, currency: str) -> Earnings:
    return await tools.store.state(EARNINGS, stream_of(user_id, currency))


def named(transfer: Transfer, ledger_id: str) -> Named | None:
    """None for one that is none of this ledger's."""
    metadata = transfer.metadata or {}
    payout_id, attempt = metadata.get("payout_id", ""), metadata.get("attempt", "")
    user_id = metadata.get("user_id", "")
    whole = payout_id and user_id and attempt.isascii() and attempt.isdigit()
    if not whole or metadata.get("ledger_id") != ledger_id:
        return None
    return Named(payout_id, int(attempt), user_id)


async def record_present(tools: Tools, transfer: Transfer, of: Named, origin: Origin) -> list[Outcome]:
    """The transfer, also one that is not known here, then each of its reversals. Raises what a call to Stripe
    raises.
    """
    outcomes = [await tools.store.handle(_transfer_command(transfer, of), origin)]
    if transfer.amount_reversed:
        outcomes += [
            await tools.store.handle(
                reversal_command(reversal, transfer.id, of.payout_id, of.user_id), origin
            )
            for reversal in await lookup.reversals(tools.stripe, transfer.id)
        ]
    return outcomes


def _transfer_command(transfer: Transfer, of: Named) -> RecordTransfer:
    entry = _booked(transfer.id, transfer.balance_transaction)
    return RecordTransfer(
        command_id=f"record_transfer:{transfer.id}",
        effective_at=entry.created_at,
        payout_id=of.payout_id,
        attempt=of.attempt,
        user_id=of.user_id,
        currency=transfer.currency,
        amount_minor=transfer.amount,
        stripe_account_id=id_of(transfer.destination),
        transfer_id=transfer.id,
        balance_transaction=entry,
    )


def reversal_command(reversal: Reversal, transfer_id: str, payout_id: str, user_id: str) -> RecordReversal:
    entry = _booked(reversal.id, reversal.balance_transaction)
    return RecordReversal(
        command_id=f"record_reversal:{reversal.id}",
        effective_at=entry.created_at,
        user_id=user_id,
        currency=reversal.currency,
        payout_id=payout_id,
        transfer_id=transfer_id,
        reversal_id=reversal.id,
        recall_id=(reversal.metadata or {}).get("recall_id", ""),
        amount_minor=reversal.amount,
        balance_transaction=entry,
    )


def _booked(name: str, entry: str | BalanceTransaction | None) -> BookedTransaction:
    if not isinstance(entry, BalanceTransaction):
        raise UnexpectedAnswer(f"{name} came without its balance transaction")
    return booked(entry)
