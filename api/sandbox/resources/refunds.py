"""Refunds. https://docs.stripe.com/api/refunds and https://docs.stripe.com/refunds"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid, missing, unexpected_state
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import add_balance_transaction, check_amount
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.charges import settled
from api.sandbox.resources.common import Hash, Text, amend, changed, given, merge_metadata, retrieve
from api.sandbox.resources.payment_methods import behaviour_of
from api.sandbox.transaction import Transaction

Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]
LIVE = ("pending", "requires_action", "succeeded")


class Create(Params, frozen=True, kw_only=True):
    payment_intent: Text = UNSET
    charge: Text = UNSET
    amount: int | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    metadata: Hash = UNSET


class Update(Params, frozen=True, kw_only=True):
    metadata: Hash = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    charge: Text = UNSET
    payment_intent: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    charge = _charge_to_refund(tx, params)
    amount = params.amount if isinstance(params.amount, int) else None
    reason = params.reason if isinstance(params.reason, str) else None
    return refund_charge(tx, charge, amount, reason=reason, metadata=merge_metadata({}, params.metadata))


def _charge_to_refund(tx: Transaction, params: Create) -> Object:
    charge_id, intent_id = given(params.charge), given(params.payment_intent)
    if charge_id:
        return tx.get("charge", charge_id, param="charge", status=400)
    if not intent_id:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    intent = tx.get("payment_intent", intent_id, param="payment_intent", status=400)
    if intent["status"] not in ("succeeded", "requires_capture") or not intent["latest_charge"]:
        raise unexpected_state(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
        )
    return tx.get("charge", intent["latest_charge"])


def refundable(tx: Transaction, charge: Object) -> int:
    held = charge["amount_captured"] if charge["captured"] else charge["amount"]
    given_back = sum(r["amount"] for r in tx.all("refund", "charge", charge["id"]) if r["status"] in LIVE)
    return int(held - given_back)


def refund_charge(
    tx: Transaction, charge: Object, amount: int | None, *, reason: str | None, metadata: dict[str, str]
) -> Object:
    """`amount` None is all that is left. Raises StripeError when there is not so much."""
    left = _check_refundable(tx, charge)
    amount = left if amount is None else check_amount(amount, charge["currency"], smallest=1)
    if amount > left:
        raise StripeError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}), "
            f"in the minor units of {charge['currency']}.",
            param="amount",
        )
    method = tx.find(charge["payment_method"])
    test = behaviour_of(method) if method else None
    outcome = test.refund if test else ""
    refund = _new(tx, settled(tx, charge), amount, reason, metadata, pending=outcome == "pending")
    if outcome:
        job = "succeed_refund" if outcome == "pending" else "fail_refund"
        tx.later(tx.now + tx.world.settings.refund_outcome_s, job, refund["id"])
    charge = note_on_charge(tx, tx.get("charge", charge["id"]), amount)
    tx.emit("refund.created", refund)
    tx.emit("charge.refunded", charge)
    return refund


def _check_refundable(tx: Transaction, charge: Object) -> int:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise StripeError(
            f"Charge {charge['id']} has not been captured or did not succeed; it cannot be refunded. "
            "Cancel its PaymentIntent instead.",
            code="charge_not_refundable",
        )
    disputes = tx.all("dispute", "charge", charge["id"])
    if any(not dispute["is_charge_refundable"] for dispute in disputes):
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    left = refundable(tx, charge)
    if left <= 0:
        raise StripeError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    return left


def _new(
    tx: Transaction,
    charge: Object,
    amount: int,
    reason: str | None,
    metadata: dict[str, str],
    *,
    pending: bool,
) -> Object:
    """The money leaves the balance at once, also for a pending refund that the bank is working on."""
    bank = charge["id"].startswith("py_")
    refund_id = tx.new_id("pyr_" if bank else "re_")
    booked = add_balance_transaction(
        tx,
        kind="payment_refund" if bank else "refund",
        category="refund",
        amount=-amount,
        currency=charge["currency"],
        source=refund_id,
        description=f"REFUND FOR {'PAYMENT' if bank else 'CHARGE'}",
    )
    return _add(tx, refund_id, charge, amount, reason, metadata, booked["id"], pending=pending)


def _add(
    tx: Transaction,
    refund_id: str,
    charge: Object,
    amount: int,
    reason: str | None,
    metadata: dict[str, str],
    booked: str | None,
    *,
    pending: bool,
) -> Object:
    refund: Object = {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": booked,
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "destination_details": _destination(charge, pending=pending),
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if pending:
        refund["pending_reason"] = "processing"
    return tx.add(refund)


def _destination(charge: Object, *, pending: bool) -> Object:
    if charge["payment_method_details"]["type"] != "card":
        return {
            "type": "us_bank_transfer",
            "us_bank_transfer": {"reference": None, "reference_status": "pending"},
        }
    card = {
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "pending" if pending else "refund",
    }
    return {"card": card, "type": "card"}


def note_on_charge(tx: Transaction, charge: Object, amount: int) -> Object:
    """`amount` more is refunded, or less when it is negative."""
    refunded = charge["amount_refunded"] + amount
    return tx.update(charge, amount_refunded=refunded, refunded=refunded >= charge["amount"])


def release_authorization(tx: Transaction, charge: Object) -> Object:
    """The hold on the card ends: a refund that moves no balance."""
    refund_id = tx.new_id("re_")
    refund = _add(tx, refund_id, charge, charge["amount"], None, {}, None, pending=False)
    charge = note_on_charge(tx, charge, charge["amount"])
    tx.emit("refund.created", refund)
    tx.emit("charge.refunded", charge)
    return refund


def succeed(tx: Transaction, refund_id: str) -> None:
    """A pending refund arrived; nothing when it ended otherwise meanwhile."""
    refund = tx.get("refund", refund_id)
    if refund["status"] in ("pending", "requires_action"):
        end(tx, refund, "succeeded")


def fail(tx: Transaction, refund_id: str, reason: str = "expired_or_canceled_card") -> None:
    """The card did not take it, perhaps after it seemed to have succeeded: the money comes back."""
    refund = tx.get("refund", refund_id)
    if refund["status"] in LIVE:
        _give_back(tx, refund, "failed", {"failure_reason": reason})


def cancel(tx: Transaction, refund_id: str, _: NoParams) -> Object:
    refund = tx.get("refund", refund_id, param="refund")
    if refund["status"] != "requires_action":
        raise StripeError(
            f"Refund {refund_id} has status {refund['status']}; only one that requires_action "
            "can be canceled."
        )
    return cancel_pending(tx, refund)


def cancel_pending(tx: Transaction, refund: Object) -> Object:
    return _give_back(tx, refund, "canceled", {})


def _give_back(tx: Transaction, refund: Object, status: str, changes: Object) -> Object:
    if refund["balance_transaction"]:
        booked = add_balance_transaction(
            tx,
            kind="refund_failure",
            category="refund_failure",
            amount=refund["amount"],
            currency=refund["currency"],
            source=refund["id"],
            description="REFUND FAILURE",
        )
        changes = {**changes, "failure_balance_transaction": booked["id"]}
    note_on_charge(tx, tx.get("charge", refund["charge"]), -refund["amount"])
    return end(tx, refund, status, changes)


def end(tx: Transaction, refund: Object, status: str, changes: Object | None = None) -> Object:
    """`requires_action` too, though at Stripe only some payment methods do that and none of them is here."""
    ended = {**refund, **(changes or {}), "status": status}
    if status != "pending":
        ended.pop("pending_reason", None)
    ended = tx.replace(ended)
    previous = changed(refund, ended)
    tx.emit("refund.updated", ended, previous)
    tx.emit("charge.refund.updated", ended, previous)
    if status == "failed":
        tx.emit("refund.failed", ended, previous)
    return ended


def update(tx: Transaction, refund_id: str, params: Update) -> Object:
    refund = tx.get("refund", refund_id, param="refund")
    changes = {"metadata": merge_metadata(refund["metadata"], params.metadata)}
    return amend(tx, refund, changes, "refund.updated", "charge.refund.updated")


def listing(tx: Transaction, params: Listing) -> Object:
    charge, intent = given(params.charge), given(params.payment_intent)
    if charge and tx.find(charge) is None:
        raise missing("charge", charge, param="charge", status=400)
    link = first_link("refund", charge=charge, payment_intent=intent)
    return page(tx, "refund", "/v1/refunds", params, link=link)


RESOURCE = Resource(
    kind="refund",
    routes=(
        Route("POST", "/v1/refunds", create, Create),
        Route("GET", "/v1/refunds", listing, Listing, connected=True),
        retrieve("refund", "/v1/refunds/{id}", "refund", connected=True),
        Route("POST", "/v1/refunds/{id}", update, Update),
        Route("POST", "/v1/refunds/{id}/cancel", cancel),
    ),
    expandable=frozenset(
        {
            "balance_transaction",
            "charge",
            "customer",
            "failure_balance_transaction",
            "payment_intent",
            "payment_method",
            "source_transfer_reversal",
            "transfer_reversal",
        }
    ),
    linked=("charge", "payment_intent"),
    jobs={"succeed_refund": succeed, "fail_refund": fail},
)
