"""Payouts: what is available is reserved, and paid by a transfer or available again. One at a time, and one a
day.
"""

from __future__ import annotations

from ledger import money
from ledger.earnings.balances import Balances
from ledger.earnings.commands import (
    RecordTransfer,
    RecordTransferRefusal,
    RecordTransferUnknown,
    RequestPayout,
    RetryPayout,
    WithholdPayout,
)
from ledger.earnings.events import (
    EarningsEvent,
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    PayoutWithheld,
)
from ledger.earnings.receivable import reclassified
from ledger.earnings.refusals import (
    AccountNotPayable,
    BelowMinimum,
    NoSuchPayout,
    PayoutInProgress,
    PayoutMadeToday,
    RecallInProgress,
)
from ledger.earnings.state import Earnings, day_of
from ledger.earnings.terms import HOLD, MINIMUM_PAYOUT_MINOR

_Events = tuple[EarningsEvent, ...]


def request_payout(command: RequestPayout, earnings: Earnings) -> _Events:
    payout = earnings.payout
    if (payout is not None and payout.payout_id == command.payout_id) or earnings.has_made(command.payout_id):
        # its id derives from the intent: this very request made it, and was lost here when Stripe's was not
        return ()
    return _reserve(command, earnings, attempt=1)


def retry_payout(command: RetryPayout, earnings: Earnings) -> _Events:
    payout = earnings.payout
    if payout is None or payout.payout_id != command.payout_id:
        raise NoSuchPayout(f"The payout {command.payout_id} is not the last one, so that it is over.")
    if payout.status == "transferred" or earnings.has_made(payout.payout_id):
        raise NoSuchPayout(f"The payout {command.payout_id} is made; there is nothing to be tried again.")
    return _reserve(command, earnings, attempt=payout.attempt + 1)


def _reserve(command: RequestPayout | RetryPayout, earnings: Earnings, *, attempt: int) -> _Events:
    _check_turn(command, earnings)
    currency = command.currency
    reserved = PayoutReserved(
        payout_id=command.payout_id,
        attempt=attempt,
        user_id=command.user_id,
        currency=currency,
        amount_minor=payable_minor(earnings.on(day_of(command.effective_at)), currency),
        stripe_account_id=command.stripe_account_id,
        reserved_at=command.effective_at,
    )
    return (reserved,)


def _check_turn(command: RequestPayout | RetryPayout, earnings: Earnings) -> None:
    payout = earnings.payout
    if payout is not None and payout.is_on_its_way:
        raise PayoutInProgress(
            f"The payout {payout.payout_id} of {money.format_minor(payout.amount_minor, command.currency)} "
            "is on its way; its outcome is being found out."
        )
    if earnings.recalls:
        raise RecallInProgress("A transfer is being taken back in part; what is payable is known after that.")
    if payout is not None and payout.status == "transferred":
        made_on = day_of(payout.reserved_at)
        if made_on >= day_of(command.effective_at):
            raise PayoutMadeToday(f"The payout of {made_on} is made: {payout.payout_id}.")


def payable_minor(balance: Balances, currency: str) -> int:
    """All that is available, as far as Stripe moves such amounts. Raises `BelowMinimum`."""
    amount = money.movable_minor(balance.available_minor, currency)
    if amount >= MINIMUM_PAYOUT_MINOR:
        return amount
    raise below_minimum(
        balance.available_minor - balance.debt_minor, currency, pending_minor=balance.pending_minor
    )


def below_minimum(available_minor: int, currency: str, *, pending_minor: int = 0) -> BelowMinimum:
    """Below zero is what is owed back. What is pending is told where the caller knows it."""
    least = money.format_minor(MINIMUM_PAYOUT_MINOR, currency)
    if available_minor < 0:
        owed = money.format_minor(-available_minor, currency)
        return BelowMinimum(
            f"{owed} were paid out and taken back since; later earnings go to that first. "
            f"Then payouts are made from {least} on."
        )
    available = money.format_minor(available_minor, currency)
    told = f"{available} are available; payouts are made from {least} on."
    if pending_minor:
        pending = money.format_minor(pending_minor, currency)
        told += f" {pending} are pending, until {HOLD.days} days after each sale."
    return BelowMinimum(told)


def withhold_payout(command: WithholdPayout, earnings: Earnings) -> _Events:
    available = earnings.on(day_of(command.effective_at)).available_minor
    if not _is_news(command, earnings) or earnings.reserved_minor or available < MINIMUM_PAYOUT_MINOR:
        return ()
    withheld = PayoutWithheld(
        user_id=command.user_id,
        currency=command.currency,
        amount_minor=available,
        reason=command.reason,
        detail=command.detail,
    )
    return (withheld,)


def _is_news(command: WithholdPayout, earnings: Earnings) -> bool:
    """An account can be kept from payouts for one cause after the other, each of which its owner can mend.
    What varies in the words for another reason, such as an amount, is none.
    """
    if command.reason == AccountNotPayable.code and command.detail != earnings.withheld_detail:
        return True
    return command.reason != earnings.withheld


def record_transfer(command: RecordTransfer, earnings: Earnings) -> _Events:
    """Once for a transfer, by its command's id; also when it was taken for refused, or was not known of."""
    payout = earnings.payout
    event = PayoutTransferred(
        payout_id=command.payout_id,
        attempt=command.attempt,
        user_id=command.user_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        stripe_account_id=command.stripe_account_id,
        transfer_id=command.transfer_id,
        balance_transaction=command.balance_transaction,
        was_reserved=payout is not None and payout.is_on_its_way and payout.is_that(command),
    )
    return (reclassified(earnings, event),)


def record_unknown(command: RecordTransferUnknown, earnings: Earnings) -> _Events:
    payout = earnings.payout
    if payout is None or not payout.is_that(command) or payout.status != "reserved":
        return ()
    unknown = PayoutOutcomeUnknown(
        payout_id=command.payout_id,
        attempt=command.attempt,
        user_id=command.user_id,
        currency=command.currency,
        cause=command.cause,
    )
    return (unknown,)


def record_refusal(command: RecordTransferRefusal, earnings: Earnings) -> _Events:
    payout = earnings.payout
    if payout is None or not payout.is_that(command) or not payout.is_on_its_way:
        return ()
    blocked = PayoutBlocked(
        payout_id=command.payout_id,
        attempt=command.attempt,
        user_id=command.user_id,
        currency=command.currency,
        amount_minor=payout.amount_minor,
        code=command.code,
    )
    return (blocked,)
