"""Reversals of transfers, in part or whole. https://docs.stripe.com/api/transfer_reversals"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, missing
from api.sandbox.forms import Params
from api.sandbox.lists import ListParams, page
from api.sandbox.money import add_balance_transaction, check_amount
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.balance import available
from api.sandbox.resources.common import Hash, amend, changed, merge_metadata
from api.sandbox.resources.connect import payments
from api.sandbox.resources.connect.access import own
from api.sandbox.transaction import Transaction

_EMBEDDED = 10


class Create(Params, frozen=True, kw_only=True):
    amount: int | UnsetType = UNSET
    metadata: Hash = UNSET


class Update(Params, frozen=True, kw_only=True):
    metadata: Hash = UNSET


def create(tx: Transaction, transfer_id: str, params: Create) -> Object:
    transfer = tx.get("transfer", transfer_id, param="transfer")
    amount = _amount(transfer, params.amount)
    own(tx, transfer["destination"])
    _check_funds(tx, transfer, amount)
    reversal = _new(tx, transfer, amount, merge_metadata({}, params.metadata))
    _note(tx, transfer, reversal)
    return reversal


def _amount(transfer: Object, asked: int | UnsetType) -> int:
    """By default all that is left. Raises StripeError when there is not so much."""
    left: int = transfer["amount"] - transfer["amount_reversed"]
    if left == 0:
        raise StripeError(f"The transfer {transfer['id']} is already fully reversed.")
    if isinstance(asked, UnsetType):
        return left
    amount = check_amount(asked, transfer["currency"], smallest=1)
    if amount > left:
        raise StripeError(
            f"Transfer reversal amount ({amount}) is greater than unreversed amount on transfer ({left}), "
            f"in the minor units of {transfer['currency']}.",
            param="amount",
        )
    return amount


def _check_funds(tx: Transaction, transfer: Object, amount: int) -> None:
    """Only with connected reserves can a reversal take an account below zero, at Stripe as here.
    https://docs.stripe.com/connect/separate-charges-and-transfers#reverse-transfers
    """
    with tx.acting_for(transfer["destination"]):
        left = available(tx, transfer["currency"])
    if amount > left and not tx.world.settings.connected_reserves:
        raise StripeError(
            f"Insufficient funds in the connected account {transfer['destination']} to reverse {amount}: "
            f"{left} of {transfer['currency']} (minor units) are available.",
            code="balance_insufficient",
        )


def _new(tx: Transaction, transfer: Object, amount: int, metadata: dict[str, str]) -> Object:
    reversal_id = tx.new_id("trr_")
    refund = payments.give_back(tx, transfer, reversal_id, amount)
    booked = add_balance_transaction(
        tx,
        kind="transfer_refund",
        category="transfer_reversal",
        amount=amount,
        currency=transfer["currency"],
        source=reversal_id,
        description=f"REFUND FOR TRANSFER ({transfer['id']})",
    )
    return tx.add(
        {
            "id": reversal_id,
            "object": "transfer_reversal",
            "amount": amount,
            "balance_transaction": booked["id"],
            "created": tx.now,
            "currency": transfer["currency"],
            "destination_payment_refund": refund["id"],
            "metadata": metadata,
            "source_refund": None,
            "transfer": transfer["id"],
        }
    )


def _note(tx: Transaction, transfer: Object, reversal: Object) -> None:
    """The transfer shows its newest reversals, and tells of this one."""
    data = [reversal, *transfer["reversals"]["data"]]
    total = transfer["amount_reversed"] + reversal["amount"]
    after = tx.update(
        transfer,
        amount_reversed=total,
        reversed=total == transfer["amount"],
        reversals={
            **transfer["reversals"],
            "data": data[:_EMBEDDED],
            "has_more": transfer["reversals"]["has_more"] or len(data) > _EMBEDDED,
        },
    )
    tx.emit("transfer.reversed", after, changed(transfer, after))


def fetch(tx: Transaction, transfer_id: str, reversal_id: str, _: NoParams) -> Object:
    reversal = tx.get("transfer_reversal", reversal_id)
    if reversal["transfer"] != transfer_id:
        raise missing("transfer_reversal", reversal_id)
    return reversal


def update(tx: Transaction, transfer_id: str, reversal_id: str, params: Update) -> Object:
    reversal = fetch(tx, transfer_id, reversal_id, NoParams())
    updated = amend(tx, reversal, {"metadata": merge_metadata(reversal["metadata"], params.metadata)})
    transfer = tx.get("transfer", transfer_id)
    data = [updated if each["id"] == reversal_id else each for each in transfer["reversals"]["data"]]
    amend(tx, transfer, {"reversals": {**transfer["reversals"], "data": data}}, "transfer.updated")
    return updated


def listing(tx: Transaction, transfer_id: str, params: ListParams) -> Object:
    transfer = tx.get("transfer", transfer_id, param="transfer")
    link = ("transfer_reversal.transfer", transfer_id)
    return page(tx, "transfer_reversal", transfer["reversals"]["url"], params, link=link)


RESOURCE = Resource(
    kind="transfer_reversal",
    routes=(
        Route("POST", "/v1/transfers/{id}/reversals", create, Create),
        Route("GET", "/v1/transfers/{id}/reversals", listing, ListParams),
        Route("GET", "/v1/transfers/{id}/reversals/{part}", fetch),
        Route("POST", "/v1/transfers/{id}/reversals/{part}", update, Update),
    ),
    expandable=frozenset({"balance_transaction", "destination_payment_refund", "source_refund", "transfer"}),
    linked=("transfer",),
)
