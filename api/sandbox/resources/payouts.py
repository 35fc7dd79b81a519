"""Payouts to a bank account. https://docs.stripe.com/api/payouts"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import UNSET

from api.sandbox.clock import midnight_after
from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, page
from api.sandbox.money import UNPAID, add_balance_transaction, check_amount, check_currency, payout_step
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.balance import available
from api.sandbox.resources.common import Hash, Text, amend, changed, given, merge_metadata, retrieve
from api.sandbox.transaction import Transaction

FAILURES = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account allows only some types, or a number, of payouts.",
    "bank_ownership_changed": "The bank account is no longer valid, as its branch has changed ownership.",
    "could_not_process": "The bank could not process this payout.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "declined": "The bank has declined this transfer.",
    "incorrect_account_holder_name": "The account holder's name on file is incorrect.",
    "insufficient_funds": "The account has insufficient funds to cover the payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "invalid_currency": "The bank was unable to process this payout because of its currency.",
    "no_account": "The bank account could not be located.",
}
"""https://docs.stripe.com/api/payouts/failures"""
PAID_OUT = "balance_transaction.payout"


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"statement_descriptor": 22}

    amount: int
    currency: str
    description: Text = UNSET
    metadata: Hash = UNSET
    method: Literal["standard"] = "standard"
    statement_descriptor: Text = UNSET


class Update(Params, frozen=True, kw_only=True):
    metadata: Hash = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    status: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    _check_enabled(tx)
    currency = check_currency(params.currency)
    amount = check_amount(params.amount, currency, smallest=1)
    if amount % (step := payout_step(currency)):
        raise invalid(
            f"Payouts in {currency} must be divisible by {step}: banks take no smaller part of it.",
            param="amount",
        )
    if amount > available(tx, currency):
        raise StripeError(
            "You have insufficient funds in your Stripe account for this transfer: "
            f"{available(tx, currency)} of {currency} (minor units) are available. "
            "Move the sandbox's clock to make pending funds available.",
            code="balance_insufficient",
        )
    payout = _new(tx, amount, currency, automatic=False)
    payout = tx.update(
        payout,
        description=given(params.description),
        metadata=merge_metadata({}, params.metadata),
        statement_descriptor=given(params.statement_descriptor),
    )
    tx.emit("payout.created", payout)
    return payout


def pay_out_all(tx: Transaction, currency: str) -> Object:
    """An automatic payout of what is available; its members: `balance_transactions.list(payout=…)`. Below
    zero, Stripe takes what is missing from the platform's bank, by a payout of a negative amount.
    https://docs.stripe.com/payouts/negative-balances

    As at Stripe, the payout's own balance transaction is among them, so their `net` sums to zero and
    without it to the payout's amount. Of a currency that is paid out in whole units alone what is less
    than one stays in the balance, and they sum to that.
    """
    _check_enabled(tx)
    waiting = tx.all("balance_transaction", "unpaid", currency)
    members = [booked for booked in waiting if booked["available_on"] <= tx.now]
    total = sum(booked["net"] for booked in members)
    step = payout_step(currency)
    amount = total - total % step if total > 0 else -(-total // step * step)
    if amount == 0 or (amount < 0 and tx.account):
        raise StripeError(
            f"There are {amount} of {currency} (minor units) to pay out; move the clock to make "
            "pending funds available.",
            code="balance_insufficient",
        )
    payout = _new(tx, amount, currency, automatic=True)
    for booked_id in (*(booked["id"] for booked in members), payout["balance_transaction"]):
        tx.unlink(UNPAID, currency, booked_id)
        tx.link(PAID_OUT, payout["id"], booked_id)
    tx.emit("payout.created", payout)
    return payout


def _check_enabled(tx: Transaction) -> None:
    """A connected account may have its payouts disabled; the platform's never are here."""
    account = tx.find(tx.account) if tx.account else None
    if account is not None and not account["payouts_enabled"]:
        raise StripeError(
            "Payouts have been disabled on the connected account. Check the connected account's status to "
            "see if any additional information needs to be provided, or if payouts have been disabled for "
            "another reason.",
            code="payouts_not_allowed",
        )


def _new(tx: Transaction, amount: int, currency: str, *, automatic: bool) -> Object:
    payout_id = tx.new_id("po_")
    arrival = midnight_after(tx.now, tx.world.settings.payout_days + 1)
    booked = add_balance_transaction(
        tx,
        kind="payout",
        category="payout",
        amount=-amount,
        currency=currency,
        source=payout_id,
        description="STRIPE PAYOUT",
    )
    tx.later(arrival, "arrive_payout", payout_id)
    return tx.add(
        {
            "id": payout_id,
            "object": "payout",
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": arrival,
            "automatic": automatic,
            "balance_transaction": booked["id"],
            "created": tx.now,
            "currency": currency,
            "description": "STRIPE PAYOUT" if automatic else None,
            "destination": _bank_account(tx, currency)["id"],
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "pending",
            "trace_id": None,
            "type": "bank_account",
        }
    )


def _bank_account(tx: Transaction, currency: str) -> Object:
    """The sandbox's account has one bank account a currency, made when it is first needed; a connected
    account has the one that its owner gave, for all currencies, as the sandbox has no rates.
    """
    connected = tx.find(tx.account) if tx.account else None
    if connected is not None:
        return dict(connected["external_accounts"]["data"][0])
    account_id = f"ba_3{tx.world.ids.account}{currency}0000"
    return tx.find(account_id) or tx.add(
        {
            "id": account_id,
            "object": "bank_account",
            "account_holder_name": None,
            "account_holder_type": "company",
            "account_type": None,
            "bank_name": "STRIPE TEST BANK",
            "country": "US",
            "currency": currency,
            "fingerprint": "SandboxPayoutBank",
            "last4": "6789",
            "routing_number": "110000000",
            "status": "new",
        }
    )


def arrive(tx: Transaction, payout_id: str) -> None:
    """Paid, unless it was canceled or failed before."""
    payout = tx.get("payout", payout_id)
    if payout["status"] in ("pending", "in_transit"):
        pay(tx, payout)


def send(tx: Transaction, payout: Object) -> Object:
    """On its way to the bank: it cannot be canceled any more."""
    _check(payout, ("pending",), "sent")
    sent = tx.update(payout, status="in_transit")
    tx.emit("payout.updated", sent, changed(payout, sent))
    return sent


def pay(tx: Transaction, payout: Object) -> Object:
    _check(payout, ("pending", "in_transit"), "paid")
    status = "completed" if payout["automatic"] else "not_applicable"
    paid = tx.update(payout, status="paid", reconciliation_status=status)
    tx.emit("payout.paid", paid)
    if payout["automatic"]:
        tx.emit("payout.reconciliation_completed", paid)
    return paid


def fail(tx: Transaction, payout: Object, code: str = "account_closed") -> Object:
    """The bank sent it back, for one of Stripe's reasons; this can happen days after it was paid."""
    if code not in FAILURES:
        raise invalid(
            f"{code} is no reason of a failed payout; use one of {', '.join(FAILURES)}.", param="failure_code"
        )
    _check(payout, ("pending", "in_transit", "paid"), "failed")
    booked = _return_money(tx, payout, "payout_failure")
    failed = tx.update(
        payout,
        status="failed",
        failure_balance_transaction=booked["id"],
        failure_code=code,
        failure_message=FAILURES[code],
    )
    tx.emit("payout.failed", failed)
    return failed


def cancel(tx: Transaction, payout_id: str, _: NoParams) -> Object:
    payout = tx.get("payout", payout_id, param="payout")
    _check(payout, ("pending",), "canceled")
    booked = _return_money(tx, payout, "payout_cancel")
    canceled = tx.update(payout, status="canceled", failure_balance_transaction=booked["id"])
    tx.emit("payout.canceled", canceled)
    return canceled


def _return_money(tx: Transaction, payout: Object, kind: str) -> Object:
    return add_balance_transaction(
        tx,
        kind=kind,
        category="payout_reversal",
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
    )


def _check(payout: Object, statuses: tuple[str, ...], done: str) -> None:
    if payout["status"] not in statuses:
        raise StripeError(
            f"Payouts can only be {done} while {' or '.join(statuses)}; this is {payout['status']}."
        )


def update(tx: Transaction, payout_id: str, params: Update) -> Object:
    payout = tx.get("payout", payout_id, param="payout")
    changes = {"metadata": merge_metadata(payout["metadata"], params.metadata)}
    return amend(tx, payout, changes, "payout.updated")


def listing(tx: Transaction, params: Listing) -> Object:
    status = given(params.status)
    return page(
        tx, "payout", "/v1/payouts", params, matches=lambda payout: status in (None, payout["status"])
    )


RESOURCE = Resource(
    kind="payout",
    routes=(
        Route("POST", "/v1/payouts", create, Create, connected=True),
        Route("GET", "/v1/payouts", listing, Listing, connected=True),
        retrieve("payout", "/v1/payouts/{id}", "payout", connected=True),
        Route("POST", "/v1/payouts/{id}", update, Update, connected=True),
        Route("POST", "/v1/payouts/{id}/cancel", cancel, connected=True),
    ),
    expandable=frozenset(
        {
            "balance_transaction",
            "destination",
            "failure_balance_transaction",
            "original_payout",
            "reversed_by",
        }
    ),
    jobs={"arrive_payout": arrive},
)
BANK_ACCOUNT = Resource(kind="bank_account")
