"""Cards as older snippets save them: a test token becomes a `card_…` of a customer, which can pay as any
payment method can. https://docs.stripe.com/api/cards, https://docs.stripe.com/payments/payment-methods/transitioning
"""

from __future__ import annotations

from msgspec import UNSET

from api.sandbox.errors import Object, missing
from api.sandbox.forms import Params
from api.sandbox.lists import ListParams, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import Hash, changed, merge_metadata
from api.sandbox.resources.payment_methods import attach_to, detach_from, new
from api.sandbox.testing_methods import TestMethod, by_token
from api.sandbox.transaction import Transaction

PREFIX = "card_"


class Create(Params, frozen=True, kw_only=True):
    source: str
    metadata: Hash = UNSET


class Update(Params, frozen=True, kw_only=True):
    metadata: Hash = UNSET


def token(sent: str) -> TestMethod:
    """What a test token such as `tok_visa` stands for."""
    test = by_token(sent)
    if test is None or test.bank:
        raise missing("token", sent, param="source", status=400)
    return test


def save(tx: Transaction, customer: Object, sent: str, metadata: Hash = UNSET) -> tuple[Object, Object]:
    """The customer with the token's card, which is the default if it is the first; and that card."""
    made = new(tx, token(sent), prefix=PREFIX, metadata=metadata)
    card = attach_to(tx, made["id"], customer["id"], param="source", announce=False)
    if customer["default_source"] is None:
        customer = tx.update(customer, default_source=card["id"])
    tx.emit("customer.source.created", shown(card))
    return customer, card


def shown(card: Object) -> Object:
    """A payment method as the Card that older versions knew."""
    details = card["card"]
    names = ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    address = dict.fromkeys(
        f"address_{part}" for part in ("city", "country", "line1", "line2", "state", "zip")
    )
    return (
        {name: details[name] for name in names}
        | address
        | {
            "id": card["id"],
            "object": "card",
            "address_line1_check": None,
            "address_zip_check": None,
            "brand": details["brand"].title(),
            "customer": card["customer"],
            "cvc_check": details["checks"]["cvc_check"],
            "dynamic_last4": None,
            "metadata": card["metadata"],
            "name": None,
            "tokenization_method": None,
        }
    )


def create(tx: Transaction, customer_id: str, params: Create) -> Object:
    customer = tx.get("customer", customer_id, param="customer")
    _, card = save(tx, customer, params.source, params.metadata)
    return shown(card)


def own(tx: Transaction, customer_id: str, card_id: str, *, param: str = "id", status: int = 404) -> Object:
    found = tx.find(card_id)
    if found is None or found["object"] != "payment_method" or found.get("customer") != customer_id:
        raise missing("source", card_id, param=param, status=status)
    return found


def fetch(tx: Transaction, customer_id: str, card_id: str, _: NoParams) -> Object:
    return shown(own(tx, customer_id, card_id))


def update(tx: Transaction, customer_id: str, card_id: str, params: Update) -> Object:
    card = own(tx, customer_id, card_id)
    amended = tx.update(card, metadata=merge_metadata(card["metadata"], params.metadata))
    if amended != card:
        tx.emit("customer.source.updated", shown(amended), changed(shown(card), shown(amended)))
    return shown(amended)


def delete(tx: Transaction, customer_id: str, card_id: str, _: NoParams) -> Object:
    card = own(tx, customer_id, card_id)
    tx.emit("customer.source.deleted", shown(card))
    detach_from(tx, card)
    return {"id": card_id, "object": "card", "deleted": True}


def listing(tx: Transaction, customer_id: str, params: ListParams) -> Object:
    tx.get("customer", customer_id, param="customer")
    found = page(
        tx,
        "payment_method",
        f"/v1/customers/{customer_id}/sources",
        params,
        link=("payment_method.customer", customer_id),
        matches=lambda method: method["id"].startswith(PREFIX),
    )
    return found | {"data": [shown(card) for card in found["data"]]}


_ONE = "/v1/customers/{id}/sources/{part}"
RESOURCE = Resource(
    kind="card",
    routes=(
        Route("POST", "/v1/customers/{id}/sources", create, Create),
        Route("GET", "/v1/customers/{id}/sources", listing, ListParams),
        Route("GET", _ONE, fetch),
        Route("POST", _ONE, update, Update),
        Route("DELETE", _ONE, delete),
    ),
)
