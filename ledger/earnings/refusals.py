"""Why nothing is paid out of an instructor's earnings, or taken back."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Refused


class PayoutInProgress(Refused):
    """One payout at a time: the outcome of the last one is not known yet."""

    code: ClassVar[str] = "payout_in_progress"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = "Wait until `GET /api/payouts` shows what became of the one that is on its way."


class PayoutMadeToday(Refused):
    """One payout a day, and today's is made."""

    code: ClassVar[str] = "payout_made_today"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = "Ask again tomorrow: days are of UTC."


class BelowMinimum(Refused):
    """What is available is less than the least that is paid out."""

    code: ClassVar[str] = "below_minimum"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = (
        "Look at `GET /api/instructor/earnings`: it says what becomes available, and when."
    )


class RecallInProgress(Refused):
    """A transfer is being reversed at Stripe, and nothing is paid until that is known."""

    code: ClassVar[str] = "recall_in_progress"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = "Wait some seconds and ask again."


class NoSuchPayout(Refused):
    """It is none that can be tried again: another one came after it, or Stripe made its transfer."""

    code: ClassVar[str] = "payout_not_blocked"
    remedy: ClassVar[str] = "Ask for a new one with `POST /api/payouts`: what was refused is available again."
    passing: ClassVar[bool] = False


class NothingToRecall(Refused):
    """The instructor owes nothing back, or no transfer is left that could be reversed."""

    code: ClassVar[str] = "nothing_to_recall"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = "Nothing is to be done: what is owed back is netted from later earnings."


class AccountNotPayable(Refused):
    """Stripe pays nothing into the connected account, or there is none."""

    code: ClassVar[str] = "account_not_payable"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = "Do what `detail` says. What is earned stays, and the next run pays it."


class AccountBelowZero(Refused):
    """The connected account owes Stripe money, which a transfer would go to."""

    code: ClassVar[str] = "balance_below_zero"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = (
        "Settle what the account owes at Stripe. The next run pays when it is not below zero."
    )


class PlatformShort(Refused):
    """The platform has less at Stripe than the payout: whole payouts wait in their order."""

    code: ClassVar[str] = "platform_short"
    passing: ClassVar[bool] = True
    remedy: ClassVar[str] = (
        "Nothing is to be done: the payout waits its turn until the platform's funds are there."
    )
