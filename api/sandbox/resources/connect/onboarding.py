"""What the owner of a connected account comes to at Stripe, and what Stripe then thinks of the account."""

from __future__ import annotations

from typing import Literal

from api.sandbox.errors import Object, StripeError
from api.sandbox.resources.connect import external_accounts, paying_out, standings
from api.sandbox.resources.connect.access import change
from api.sandbox.resources.connect.standings import Standing
from api.sandbox.transaction import Transaction

DUE_IN_S = 14 * 86_400
Outcome = Literal["complete", "incomplete", "pending", "due", "restricted", "payouts_disabled", "rejected"]
_STANDINGS: dict[Outcome, Standing] = {
    "complete": standings.GOOD,
    "incomplete": standings.UNFINISHED,
    "pending": standings.IN_REVIEW,
    "restricted": standings.RESTRICTED,
    "payouts_disabled": standings.NO_BANK,
    "rejected": standings.rejected("other"),
}


def finish(
    tx: Transaction, account: Object, outcome: Outcome, *, last4: str | None = None, due_in_s: int = DUE_IN_S
) -> Object:
    """`last4` is of the bank account that the owner gives; without one the bank account that works is kept,
    or a good one given. With the outcome `due` a document is wanted `due_in_s` seconds from now, and until
    then all is well.
    """
    if (account["requirements"]["disabled_reason"] or "").startswith("rejected."):
        raise StripeError(f"{account['id']} was rejected, which is for good; create another account.")
    changes: Object = {}
    if outcome != "incomplete":
        accepted = {"date": tx.now, "ip": "127.0.0.1"}
        changes["tos_acceptance"] = account["tos_acceptance"] | accepted
    if outcome not in ("incomplete", "payouts_disabled"):
        changes["external_accounts"] = external_accounts.given(tx, account, last4)
    standing = _STANDINGS.get(outcome) or standings.due_by(tx.now + due_in_s)
    after = change(tx, account, **changes, **standings.shown(account, standing))
    if standing.deadline is not None:
        tx.later(standing.deadline, standings.FALL_DUE, account["id"])
    paying_out.plan(tx, after)
    return after
