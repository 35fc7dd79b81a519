"""Connected accounts as the platform reaches them, and how they tell of a change."""

from __future__ import annotations

from typing import Any

from api.sandbox.errors import Object, no_access
from api.sandbox.resources.common import amend
from api.sandbox.transaction import Transaction


def own(tx: Transaction, account_id: str) -> Object:
    """Raises `account_invalid` for what is no connected account, or was deleted, or left the platform; and
    for any other account than its own in a call for a connected one.
    """
    account = tx.find(account_id)
    if account is None or account["object"] != "account" or account.get("deleted"):
        raise no_access(account_id)
    if tx.account not in ("", account_id):
        raise no_access(account_id)
    return account


def change(tx: Transaction, account: Object, **changes: Any) -> Object:
    """`account.updated` follows, an event of the account itself, when anything is different."""
    with tx.acting_for(account["id"]):
        return amend(tx, account, changes, "account.updated")
