"""Capabilities of connected accounts, each as an object. https://docs.stripe.com/api/capabilities"""

from __future__ import annotations

from api.sandbox.errors import Object, missing
from api.sandbox.forms import Params
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.connect import accounts
from api.sandbox.resources.connect.access import own
from api.sandbox.transaction import Transaction

_REASONS = {
    "requirements.past_due": "requirements.fields_needed",
    "requirements.pending_verification": "pending.review",
}
"""Why an account is disabled, and what its capabilities say of it."""


class Update(Params, frozen=True, kw_only=True):
    requested: bool


def fetch(tx: Transaction, account_id: str, name: str, _: NoParams) -> Object:
    return _capability(own(tx, account_id), name)


def update(tx: Transaction, account_id: str, name: str, params: Update) -> Object:
    account = own(tx, account_id)
    before = _capability(account, name)
    after = _capability(accounts.request(tx, account, name, requested=params.requested), name)
    if after != before:
        with tx.acting_for(account_id):
            tx.emit("capability.updated", after)
    return after


def listing(tx: Transaction, account_id: str, _: NoParams) -> Object:
    account = own(tx, account_id)
    return {
        "object": "list",
        "url": f"/v1/accounts/{account_id}/capabilities",
        "has_more": False,
        "data": [_capability(account, name) for name in account["capabilities"]],
    }


def _capability(account: Object, name: str) -> Object:
    if name not in accounts.CAPABILITIES:
        raise missing("capability", name, param="capability")
    status = account["capabilities"].get(name)
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": _requirements(account["future_requirements"]),
        "requested": status is not None,
        "requested_at": account["created"] if status else None,
        "requirements": _requirements(account["requirements"]),
        "status": status or "unrequested",
    }


def _requirements(of_account: Object) -> Object:
    reason = of_account["disabled_reason"]
    return {**of_account, "disabled_reason": _REASONS.get(reason, "rejected.other") if reason else None}


RESOURCE = Resource(
    kind="capability",
    routes=(
        Route("GET", "/v1/accounts/{id}/capabilities", listing),
        Route("GET", "/v1/accounts/{id}/capabilities/{part}", fetch),
        Route("POST", "/v1/accounts/{id}/capabilities/{part}", update, Update),
    ),
    expandable=frozenset({"account"}),
)
