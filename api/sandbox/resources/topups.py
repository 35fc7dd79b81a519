"""Money that the platform sends to its own balance. https://docs.stripe.com/api/topups

Of the same account's bank; it is there when the bank has sent it, as `Settings.topup_days` says.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import UNSET

from api.sandbox.clock import midnight_after
from api.sandbox.errors import Object, StripeError
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, page
from api.sandbox.money import add_balance_transaction, check_amount, check_currency
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import Hash, Text, amend, given, merge_metadata, retrieve, sent_texts
from api.sandbox.transaction import Transaction

Outcome = Literal["succeeded", "failed", "reversed"]


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"statement_descriptor": 15}

    amount: int
    currency: str
    description: Text = UNSET
    metadata: Hash = UNSET
    source: Text = UNSET
    statement_descriptor: Text = UNSET
    transfer_group: Text = UNSET


class Update(Params, frozen=True, kw_only=True):
    description: Text = UNSET
    metadata: Hash = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    status: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    currency = check_currency(params.currency)
    due = midnight_after(tx.now, tx.world.settings.topup_days + 1)
    topup = tx.add(
        {
            "id": tx.new_id("tu_"),
            "object": "topup",
            "amount": check_amount(params.amount, currency, smallest=1),
            "balance_transaction": None,
            "created": tx.now,
            "currency": currency,
            "description": given(params.description),
            "expected_availability_date": due,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": merge_metadata({}, params.metadata),
            "source": None,
            "statement_descriptor": given(params.statement_descriptor),
            "status": "pending",
            "transfer_group": given(params.transfer_group),
        }
    )
    tx.emit("topup.created", topup)
    tx.later(due, "end_topup", topup["id"])
    return topup


def arrive(tx: Transaction, topup_id: str) -> None:
    """Unless it came to another end before."""
    topup = tx.get("topup", topup_id)
    if topup["status"] == "pending":
        end(tx, topup, "succeeded")


def end(tx: Transaction, topup: Object, outcome: Outcome) -> Object:
    """`reversed`: the bank took back what had come."""
    _check(topup, "succeeded" if outcome == "reversed" else "pending", outcome)
    if outcome == "failed":
        failed = tx.update(
            topup,
            status="failed",
            failure_code="insufficient_funds",
            failure_message="The bank account has insufficient funds to complete the top-up.",
        )
        tx.emit("topup.failed", failed)
        return failed
    kind = "topup" if outcome == "succeeded" else "topup_reversal"
    booked = add_balance_transaction(
        tx,
        kind=kind,
        category=kind,
        amount=topup["amount"] if outcome == "succeeded" else -topup["amount"],
        currency=topup["currency"],
        source=topup["id"],
        description=topup["description"],
    )
    changes = {"balance_transaction": booked["id"]} if outcome == "succeeded" else {}
    ended = tx.update(topup, status=outcome, **changes)
    tx.emit(f"topup.{outcome}", ended)
    return ended


def cancel(tx: Transaction, topup_id: str, _: NoParams) -> Object:
    topup = tx.get("topup", topup_id, param="topup")
    _check(topup, "pending", "canceled")
    canceled = tx.update(topup, status="canceled")
    tx.emit("topup.canceled", canceled)
    return canceled


def _check(topup: Object, status: str, wanted: str) -> None:
    if topup["status"] != status:
        raise StripeError(f"Top-ups can only be {wanted} while {status}; this is {topup['status']}.")


def update(tx: Transaction, topup_id: str, params: Update) -> Object:
    topup = tx.get("topup", topup_id, param="topup")
    changes: Object = sent_texts(params, "description")
    return amend(tx, topup, {**changes, "metadata": merge_metadata(topup["metadata"], params.metadata)})


def listing(tx: Transaction, params: Listing) -> Object:
    status = given(params.status)
    return page(tx, "topup", "/v1/topups", params, matches=lambda one: status in (None, one["status"]))


RESOURCE = Resource(
    kind="topup",
    routes=(
        Route("POST", "/v1/topups", create, Create),
        Route("GET", "/v1/topups", listing, Listing),
        retrieve("topup", "/v1/topups/{id}", "topup"),
        Route("POST", "/v1/topups/{id}", update, Update),
        Route("POST", "/v1/topups/{id}/cancel", cancel),
    ),
    expandable=frozenset({"balance_transaction"}),
    jobs={"end_topup": arrive},
)
