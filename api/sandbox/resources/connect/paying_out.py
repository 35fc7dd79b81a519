"""Automatic payouts of connected accounts, and what becomes of an account whose bank sends one back.

https://docs.stripe.com/connect/payouts-connected-accounts
"""

from __future__ import annotations

from api.sandbox.clock import DAY_S
from api.sandbox.errors import Object
from api.sandbox.registry import Resource
from api.sandbox.resources import payouts
from api.sandbox.resources.balance import sums
from api.sandbox.resources.connect import external_accounts, schedules, standings
from api.sandbox.resources.connect.access import change
from api.sandbox.transaction import Transaction

PAY_OUT = "pay_out_account"


def plan(tx: Transaction, account: Object, available_on: int = 0) -> None:
    """By its schedule, the next payout of what is available from `available_on` (Unix seconds) on."""
    if not account["payouts_enabled"]:
        return
    schedule = account["settings"]["payouts"]["schedule"]
    due = schedules.next_payout(schedule, max(tx.now + 1, available_on))
    if due is not None:
        tx.later(due, PAY_OUT, account["id"])


def pay_out(tx: Transaction, account_id: str) -> None:
    """All that is available, a payout for each currency; once, however often it was planned for now, and not
    at all when the schedule has changed since.
    """
    account = tx.find(account_id)
    planned = f"{PAY_OUT} {account_id}"
    if planned in tx.notes or account is None or account.get("deleted"):
        return
    schedule = account["settings"]["payouts"]["schedule"]
    if not account["payouts_enabled"] or schedules.next_payout(schedule, tx.now) != tx.now:
        return
    tx.notes[planned] = account_id
    with tx.acting_for(account_id):
        for currency, available, _ in sums(tx):
            if available > 0:
                payouts.pay_out_all(tx, currency)


def _paid(tx: Transaction, payout: Object) -> None:
    """A test bank account sends the payout back, days after it seemed to have arrived."""
    bank = tx.find(payout["destination"]) if tx.account else None
    if bank and bank["last4"] in external_accounts.FAILING:
        tx.later(tx.now + tx.world.settings.bounce_days * DAY_S, "bounce_payout", payout["id"])


def _bounce(tx: Transaction, payout_id: str) -> None:
    payout = tx.get("payout", payout_id)
    bank = tx.find(payout["destination"])
    if payout["status"] == "paid" and bank:
        payouts.fail(tx, payout, external_accounts.FAILING[bank["last4"]])


def _failed(tx: Transaction, payout: Object) -> None:
    """Nothing more is paid out until the owner gives another bank account."""
    account = _acting(tx)
    if account is None or payout["destination"] not in external_accounts.working(account):
        return
    changes: Object = {"external_accounts": external_accounts.disabled(tx, account)}
    if standings.is_good(account):
        changes |= standings.shown(account, standings.NO_BANK)
    change(tx, account, **changes)


def _canceled(tx: Transaction, _payout: Object) -> None:
    if (account := _acting(tx)) is not None:
        plan(tx, account)


def _acting(tx: Transaction) -> Object | None:
    """The connected account that the work is for, unless it has left."""
    account = tx.find(tx.account) if tx.account else None
    return None if account is None or account.get("deleted") else account


RESOURCE = Resource(
    kind="automatic_payout",
    jobs={PAY_OUT: pay_out, "bounce_payout": _bounce},
    follows={"payout.paid": _paid, "payout.failed": _failed, "payout.canceled": _canceled},
)
