"""Transfers from the platform's balance to that of a connected account.

https://docs.stripe.com/api/transfers and https://docs.stripe.com/connect/separate-charges-and-transfers
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid, missing
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import add_balance_transaction, check_amount, check_currency
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.balance import available
from api.sandbox.resources.charges import settled
from api.sandbox.resources.common import (
    Hash,
    Text,
    amend,
    given,
    merge_metadata,
    retrieve,
    sent_texts,
)
from api.sandbox.resources.connect import countries, payments
from api.sandbox.transaction import Transaction

_ENOUGH_FOR_TRANSFERS = "transfers, crypto_transfers, legacy_payments"


class Create(Params, frozen=True, kw_only=True):
    """Without `source_transaction` it takes from what is available; with it, from that charge, when its funds
    come free.
    """

    amount: int
    currency: str
    destination: str
    description: Text = UNSET
    metadata: Hash = UNSET
    source_transaction: Text = UNSET
    source_type: Literal["card"] | UnsetType = UNSET
    transfer_group: Text = UNSET


class Update(Params, frozen=True, kw_only=True):
    description: Text = UNSET
    metadata: Hash = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    destination: Text = UNSET
    transfer_group: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    currency = check_currency(params.currency)
    amount = check_amount(params.amount, currency, smallest=1)
    account = _destination(tx, params.destination)
    charge = _source(tx, given(params.source_transaction), amount, currency)
    available_on, group = tx.now, given(params.transfer_group)
    if charge is None:
        _check_funds(tx, amount, currency)
    else:
        available_on = max(
            tx.now, tx.get("balance_transaction", charge["balance_transaction"])["available_on"]
        )
        group = group or charge["transfer_group"] or f"group_{charge['id']}"
    transfer = _new(tx, amount, currency, account, available_on)
    transfer = tx.update(
        transfer,
        description=given(params.description),
        destination_payment=payments.receive(tx, account, transfer, available_on)["id"],
        metadata=merge_metadata({}, params.metadata),
        source_transaction=charge["id"] if charge else None,
        transfer_group=group,
    )
    tx.emit("transfer.created", transfer)
    return transfer


def _destination(tx: Transaction, account_id: str) -> Object:
    account = tx.find(account_id)
    if account is None or account["object"] != "account" or account.get("deleted"):
        raise missing("destination", account_id, param="destination", status=400)
    countries.check_reach(account)
    if account["capabilities"].get("transfers") != "active":
        raise StripeError(
            "Your destination account needs to have at least one of the following capabilities enabled: "
            f"{_ENOUGH_FOR_TRANSFERS}",
            code="insufficient_capabilities_for_transfer",
        )
    return account


def _check_funds(tx: Transaction, amount: int, currency: str) -> None:
    if amount > available(tx, currency):
        raise StripeError(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your "
            "available balance by creating Charges using the 4000000000000077 test card. "
            "See: https://docs.stripe.com/testing#available-balance",
            code="balance_insufficient",
        )


def _source(tx: Transaction, charge_id: str | None, amount: int, currency: str) -> Object | None:
    """The charge that a transfer is tied to, with its booking, whatever is available."""
    if charge_id is None:
        return None
    charge = tx.get("charge", charge_id, param="source_transaction", status=400)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise StripeError(f"Charge {charge_id} took no money to transfer.", param="source_transaction")
    if charge["currency"] != currency:
        raise invalid(
            f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the "
            f"same as the transfer currency ({currency})",
            param="source_transaction",
        )
    earlier = tx.all("transfer", "source_transaction", charge_id)
    used = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in earlier)
    if amount > charge["amount_captured"] - used:
        raise StripeError(
            "Transfers using this transaction as a source must not exceed the source amount of "
            f"{charge['amount_captured']}. (There are already existing transfers for this source, totaling "
            f"{used}, in the minor units of {currency}.)",
            param="amount",
        )
    return settled(tx, charge)


def _new(tx: Transaction, amount: int, currency: str, account: Object, available_on: int) -> Object:
    transfer_id = tx.new_id("tr_")
    booked = add_balance_transaction(
        tx,
        kind="transfer",
        category="transfer",
        amount=-amount,
        currency=currency,
        source=transfer_id,
        available_on=available_on,
    )
    return tx.add(
        {
            "id": transfer_id,
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "balance_transaction": booked["id"],
            "created": tx.now,
            "currency": currency,
            "description": None,
            "destination": account["id"],
            "destination_payment": None,
            "livemode": False,
            "metadata": {},
            "reversals": {
                "object": "list",
                "url": f"/v1/transfers/{transfer_id}/reversals",
                "has_more": False,
                "data": [],
            },
            "reversed": False,
            "source_transaction": None,
            "source_type": "card",
            "transfer_group": None,
        }
    )


def update(tx: Transaction, transfer_id: str, params: Update) -> Object:
    transfer = tx.get("transfer", transfer_id, param="transfer")
    changes: Object = dict(sent_texts(params, "description"))
    changes["metadata"] = merge_metadata(transfer["metadata"], params.metadata)
    return amend(tx, transfer, changes, "transfer.updated")


def listing(tx: Transaction, params: Listing) -> Object:
    destination, group = given(params.destination), given(params.transfer_group)
    link = first_link("transfer", transfer_group=group, destination=destination)
    return page(
        tx,
        "transfer",
        "/v1/transfers",
        params,
        link=link,
        matches=lambda transfer: destination in (None, transfer["destination"]),
    )


RESOURCE = Resource(
    kind="transfer",
    routes=(
        Route("POST", "/v1/transfers", create, Create),
        Route("GET", "/v1/transfers", listing, Listing),
        retrieve("transfer", "/v1/transfers/{id}", "transfer"),
        Route("POST", "/v1/transfers/{id}", update, Update),
    ),
    expandable=frozenset({"balance_transaction", "destination", "destination_payment", "source_transaction"}),
    linked=("destination", "transfer_group", "source_transaction"),
)
