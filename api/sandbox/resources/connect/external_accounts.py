"""Bank accounts of connected accounts, which their owners give to Stripe as they onboard: the platform of an
Express account sees them and changes nothing. https://docs.stripe.com/api/external_accounts
"""

from __future__ import annotations

from typing import Literal

from api.sandbox.errors import Object, missing
from api.sandbox.lists import ListParams
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.connect.access import own
from api.sandbox.transaction import Transaction

GOOD = "6789"
FAILING = {
    "1113": "account_closed",
    "1116": "no_account",
    "2227": "insufficient_funds",
    "3335": "debit_not_authorized",
    "4440": "invalid_currency",
}
"""Why payouts come back from a test bank account, by its last four digits.
https://docs.stripe.com/connect/testing#account-numbers
"""
_NOTHING_DUE: Object = {"currently_due": [], "errors": [], "past_due": [], "pending_verification": []}


class Listing(ListParams, frozen=True, kw_only=True):
    object: Literal["bank_account"] = "bank_account"


def given(tx: Transaction, account: Object, last4: str | None) -> Object:
    """`external_accounts` with this bank account instead of the one before; (None) that one if it works."""
    before = account["external_accounts"]
    if last4 is None and working(account):
        return dict(before)
    with tx.acting_for(account["id"]):
        for old in before["data"]:
            tx.emit("account.external_account.deleted", old)
        bank = tx.add(_shape(tx, account, last4 or GOOD))
        tx.emit("account.external_account.created", bank)
    return {**before, "data": [bank]}


def working(account: Object) -> list[str]:
    """Ids of the bank accounts that no payout came back from."""
    return [bank["id"] for bank in account["external_accounts"]["data"] if bank["status"] != "errored"]


def disabled(tx: Transaction, account: Object) -> Object:
    """`external_accounts` after its bank sent a payout back, which takes no other until it is replaced."""
    before = account["external_accounts"]
    banks = [tx.update(bank, status="errored") for bank in before["data"]]
    for bank in banks:
        tx.emit("account.external_account.updated", bank, {"status": "new"})
    return {**before, "data": banks}


def _shape(tx: Transaction, account: Object, last4: str) -> Object:
    return {
        "id": tx.new_id("ba_"),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": None,
        "account_holder_type": "individual",
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": account["country"],
        "currency": account["default_currency"],
        "default_for_currency": True,
        "fingerprint": f"SandboxBank{last4}",
        "future_requirements": _NOTHING_DUE,
        "last4": last4,
        "metadata": {},
        "requirements": _NOTHING_DUE,
        "routing_number": "110000000",
        "status": "new",
    }


def listing(tx: Transaction, account_id: str, _: Listing) -> Object:
    found: Object = own(tx, account_id)["external_accounts"]
    return found


def fetch(tx: Transaction, account_id: str, bank_id: str, _: NoParams) -> Object:
    for bank in own(tx, account_id)["external_accounts"]["data"]:
        if bank["id"] == bank_id:
            return dict(bank)
    raise missing("external_account", bank_id, param="id")


RESOURCE = Resource(
    kind="external_account",
    routes=(
        Route("GET", "/v1/accounts/{id}/external_accounts", listing, Listing, connected=True),
        Route("GET", "/v1/accounts/{id}/external_accounts/{part}", fetch, connected=True),
    ),
)
