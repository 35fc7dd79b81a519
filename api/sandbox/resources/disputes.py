"""Disputes. https://docs.stripe.com/api/disputes and https://docs.stripe.com/disputes/how-disputes-work"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import add_balance_transaction
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources import dispute_fees
from api.sandbox.resources.charges import settled
from api.sandbox.resources.common import Hash, Text, changed, given, merge_metadata, retrieve
from api.sandbox.resources.files import check_evidence
from api.sandbox.resources.payment_methods import behaviour_of
from api.sandbox.resources.refunds import refundable
from api.sandbox.transaction import Transaction

RESPOND_WITHIN_S = 9 * 86_400
"""After which a chargeback that nobody answered is lost: https://docs.stripe.com/disputes/responding"""
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
FILES = frozenset(
    {
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    }
)
"""Those that name a file."""
LONG = frozenset(
    {
        "access_activity_log",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "duplicate_charge_explanation",
        "product_description",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "uncategorized_text",
    }
)
"""Those that may have 20,000 characters; any other text has 5,000."""
SHORT = 5_000
LONGEST_TOGETHER = 150_000
# https://docs.stripe.com/testing#evidence
WINNING = "winning_evidence"
LOSING = "losing_evidence"
OPEN = ("needs_response", "under_review")
INQUIRY = ("warning_needs_response", "warning_under_review")


class Update(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"evidence": 20_000}

    evidence: Hash = UNSET
    metadata: Hash = UNSET
    submit: bool | UnsetType = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    charge: Text = UNSET
    payment_intent: Text = UNSET


def open_dispute(
    tx: Transaction,
    charge: Object,
    *,
    amount: int | None = None,
    reason: str = "general",
    inquiry: bool = False,
    another: bool = False,
) -> Object:
    """The cardholder's bank takes the money back (not for an inquiry). Raises StripeError when it cannot.
    `another` one may be open: Stripe has several of a charge where the cardholder disputes it in parts. They
    take no more than the charge between them; what was refunded of it they may take all the same, as a bank
    may not know of a refund.
    """
    _check_disputable(tx, charge, another=another)
    charge = settled(tx, charge)
    taken = _taken(tx, charge)
    amount = refundable(tx, charge) - taken if amount is None else amount
    most = charge["amount_captured"] - taken
    if not 0 < amount <= most:
        raise invalid(
            f"A dispute of this charge can be from 1 to {most}; {amount} was asked for.", param="amount"
        )
    dispute = tx.add(_shape(tx, charge, amount, reason, inquiry=inquiry))
    tx.emit("charge.dispute.created", dispute)
    if not inquiry:
        dispute = _withdraw(tx, dispute)
        tx.later(tx.now + RESPOND_WITHIN_S, "lose_unanswered", dispute["id"])
    tx.update(tx.get("charge", charge["id"]), disputed=True)
    return dispute


def _taken(tx: Transaction, charge: Object) -> int:
    """By disputes that are not over, or lost."""
    found = tx.all("dispute", "charge", charge["id"])
    return sum(one["amount"] for one in found if one["status"] not in ("won", "warning_closed"))


def _check_disputable(tx: Transaction, charge: Object, *, another: bool) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise StripeError(f"Charge {charge['id']} took no money; it cannot be disputed.")
    earlier = tx.all("dispute", "charge", charge["id"])
    if not another and any(dispute["status"] in (*OPEN, *INQUIRY) for dispute in earlier):
        raise StripeError(f"Charge {charge['id']} has an open dispute already.")


def _shape(tx: Transaction, charge: Object, amount: int, reason: str, *, inquiry: bool) -> Object:
    dispute: Object = {
        "id": tx.new_id("du_"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": tx.now + RESPOND_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    details = charge["payment_method_details"]
    if details["type"] == "card":
        brand = details["card"]["brand"]
        card = {
            "brand": brand,
            "case_type": "inquiry" if inquiry else "chargeback",
            "network_reason_code": "10",
        }
        dispute["payment_method_details"] = {"card": card | {"network": brand}, "type": "card"}
    return dispute


def _withdraw(tx: Transaction, dispute: Object) -> Object:
    booked = add_balance_transaction(
        tx,
        kind="adjustment",
        category="dispute",
        amount=-dispute["amount"],
        currency=dispute["currency"],
        source=dispute["id"],
        fee=tx.world.dispute_fees.received,
        fee_description=dispute_fees.RECEIVED,
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )
    dispute = tx.update(
        dispute, balance_transactions=[*dispute["balance_transactions"], booked], is_charge_refundable=False
    )
    tx.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def escalate(tx: Transaction, dispute: Object) -> Object:
    """An inquiry becomes a chargeback."""
    if dispute["status"] not in INQUIRY:
        raise StripeError(
            f"Dispute {dispute['id']} has status {dispute['status']}; only an inquiry escalates."
        )
    details = {**dispute["evidence_details"], "due_by": tx.now + RESPOND_WITHIN_S, "submission_count": 0}
    escalated = tx.update(dispute, status="needs_response", evidence_details=details)
    tx.later(tx.now + RESPOND_WITHIN_S, "lose_unanswered", dispute["id"])
    tx.emit("charge.dispute.updated", escalated, changed(dispute, escalated))
    return _withdraw(tx, escalated)


def resolve(tx: Transaction, dispute: Object, *, won: bool, countered: Sequence[Object] = ()) -> Object:
    """The bank decided; an inquiry just closes. `countered` is the fee that was taken a moment ago."""
    _check_open(dispute)
    if dispute["status"] in INQUIRY:
        return _close(tx, tx.update(dispute, status="warning_closed"))
    if not won:
        return _close(tx, tx.update(dispute, status="lost"))
    booked = add_balance_transaction(
        tx,
        kind="adjustment",
        category="dispute_reversal",
        amount=dispute["amount"],
        currency=dispute["currency"],
        source=dispute["id"],
        fee=-dispute_fees.returned(tx, dispute),
        fee_description=dispute_fees.RECEIVED,
        description=f"Chargeback reversal for {dispute['charge']}",
    )
    dispute_fees.return_countered(tx, dispute, [*dispute_fees.countered(tx, dispute), *countered])
    dispute = tx.update(
        dispute,
        status="won",
        balance_transactions=[*dispute["balance_transactions"], booked],
        is_charge_refundable=True,
    )
    tx.emit("charge.dispute.funds_reinstated", dispute)
    return _close(tx, dispute)


def _close(tx: Transaction, dispute: Object) -> Object:
    tx.emit("charge.dispute.closed", dispute)
    return dispute


def _check_open(dispute: Object) -> None:
    if dispute["status"] not in (*OPEN, *INQUIRY):
        raise StripeError(f"This dispute is already closed; its status is {dispute['status']}.")


def update(tx: Transaction, dispute_id: str, params: Update) -> Object:
    """Evidence with `submit` sends it to the bank, which decides at once for Stripe's test texts."""
    dispute = tx.get("dispute", dispute_id, param="dispute")
    changes: Object = {"metadata": merge_metadata(dispute["metadata"], params.metadata)}
    sent = params.evidence if isinstance(params.evidence, dict) else {}
    # what is staged is submitted when that is asked for; what is sent, unless it is asked not to be
    submit = params.submit is True or (bool(sent) and params.submit is UNSET)
    if sent or submit:
        _check_open(dispute)
        _check_not_submitted(dispute)
        changes |= _with_evidence(dispute, _checked(tx, dispute, sent), submit=submit, now=tx.now)
    updated = tx.update(dispute, **changes)
    if updated == dispute:
        return updated
    answered = submit and updated["status"] == "under_review"
    fee = dispute_fees.charge_countered(tx, updated) if answered else []
    tx.emit("charge.dispute.updated", updated, changed(dispute, updated))
    text = updated["evidence"]["uncategorized_text"]
    if submit and text in (WINNING, LOSING):
        return resolve(tx, updated, won=text == WINNING, countered=fee)
    return updated


def _check_not_submitted(dispute: Object) -> None:
    if dispute["evidence_details"]["submission_count"]:
        raise StripeError("The evidence of this dispute was submitted already; banks take it once.")


def _checked(tx: Transaction, dispute: Object, sent: Object) -> Object:
    """All of the evidence with what is sent. Raises StripeError."""
    if unknown := set(sent) - set(EVIDENCE):
        name = f"evidence[{min(unknown)}]"
        raise invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    for name, value in sent.items():
        if name in FILES:
            if value:
                check_evidence(tx, value, f"evidence[{name}]")
        elif name not in LONG and len(value) > SHORT:
            raise invalid(f"Invalid string: must be at most {SHORT} characters", param=f"evidence[{name}]")
    evidence: Object = dispute["evidence"] | {name: value or None for name, value in sent.items()}
    if sum(len(evidence[name] or "") for name in EVIDENCE if name not in FILES) > LONGEST_TOGETHER:
        raise invalid(
            f"Evidence can have {LONGEST_TOGETHER} characters at most in all its texts.", param="evidence"
        )
    return evidence


def _with_evidence(dispute: Object, evidence: Object, *, submit: bool, now: int) -> Object:
    details = dispute["evidence_details"]
    has_evidence = any(evidence[name] for name in EVIDENCE)
    if submit and not has_evidence:
        raise StripeError("There is no evidence to submit.")
    changes: Object = {
        "evidence": evidence,
        "evidence_details": {
            **details,
            "has_evidence": has_evidence,
            "past_due": submit and now > details["due_by"],
            "submission_count": details["submission_count"] + submit,
        },
    }
    if submit:
        inquiry = dispute["status"] in INQUIRY
        changes["status"] = "warning_under_review" if inquiry else "under_review"
    return changes


def close(tx: Transaction, dispute_id: str, _: NoParams) -> Object:
    """The merchant accepts the dispute, which loses it."""
    return resolve(tx, tx.get("dispute", dispute_id, param="dispute"), won=False)


def lose_unanswered(tx: Transaction, dispute_id: str) -> None:
    """By its silence the merchant loses what needed a response."""
    dispute = tx.get("dispute", dispute_id)
    if dispute["status"] == "needs_response":
        resolve(tx, dispute, won=False)


def listing(tx: Transaction, params: Listing) -> Object:
    charge, intent = given(params.charge), given(params.payment_intent)
    link = first_link("dispute", charge=charge, payment_intent=intent)
    return page(tx, "dispute", "/v1/disputes", params, link=link)


def _by_test_card(tx: Transaction, charge_id: str) -> None:
    charge = tx.get("charge", charge_id)
    test = behaviour_of(tx.get("payment_method", charge["payment_method"]))
    open_dispute(tx, charge, reason=test.dispute, inquiry=test.inquiry)


RESOURCE = Resource(
    kind="dispute",
    routes=(
        Route("GET", "/v1/disputes", listing, Listing),
        retrieve("dispute", "/v1/disputes/{id}", "dispute"),
        Route("POST", "/v1/disputes/{id}", update, Update),
        Route("POST", "/v1/disputes/{id}/close", close),
    ),
    expandable=frozenset({"charge", "payment_intent"}),
    linked=("charge", "payment_intent"),
    jobs={"open_dispute": _by_test_card, "lose_unanswered": lose_unanswered},
)
