"""The balance and its transactions. https://docs.stripe.com/api/balance_transactions"""

from __future__ import annotations

from msgspec import UNSET

from api.sandbox.errors import Object, StripeError
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import Text, given, retrieve
from api.sandbox.transaction import Transaction

SUMS = """
SELECT currency,
    sum(CASE WHEN available_on <= ?1 THEN net ELSE 0 END),
    sum(CASE WHEN available_on > ?1 THEN net ELSE 0 END)
FROM funds
GROUP BY currency
ORDER BY currency
"""
CONNECTED_SUMS = """
SELECT currency,
    sum(CASE WHEN available_on <= ?1 THEN net ELSE 0 END),
    sum(CASE WHEN available_on > ?1 THEN net ELSE 0 END)
FROM connected_funds
WHERE account = ?2
GROUP BY currency
ORDER BY currency
"""


class Listing(CreatedListParams, frozen=True, kw_only=True):
    source: Text = UNSET
    payout: Text = UNSET
    type: Text = UNSET
    currency: Text = UNSET


def sums(tx: Transaction) -> list[tuple[str, int, int]]:
    """(currency, available, pending) in minor units, before this transaction."""
    if tx.account:
        rows = tx.store.rows(CONNECTED_SUMS, (tx.now, tx.account))
    else:
        rows = tx.store.rows(SUMS, (tx.now,))
    return [(row[0], row[1], row[2]) for row in rows]


def available(tx: Transaction, currency: str) -> int:
    """What can go out now, in minor units; below zero where more went out than came in."""
    return next((amount for known, amount, _ in sums(tx) if known == currency), 0)


def balance(tx: Transaction, _: NoParams) -> Object:
    """An account that never moved money shows zero in its currency."""
    rows = sums(tx) or [(_default_currency(tx), 0, 0)]
    return {
        "object": "balance",
        "available": [_amount(currency, available) for currency, available, _ in rows],
        "livemode": False,
        "pending": [_amount(currency, pending) for currency, _, pending in rows],
    }


def _default_currency(tx: Transaction) -> str:
    account = tx.find(tx.account) if tx.account else None
    return str(account.get("default_currency", "usd")) if account else "usd"


def _amount(currency: str, amount: int) -> Object:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def funds_available(tx: Transaction, about: str) -> None:
    """`about` is a currency of the platform's, or the connected account that the funds are of."""
    with tx.acting_for(about if about.startswith("acct_") else ""):
        tx.emit("balance.available", balance(tx, NoParams()))


def present(tx: Transaction, booked: Object) -> Object:
    """Pending funds become available by the passing of time alone."""
    if booked["status"] == "pending" and booked["available_on"] <= tx.now:
        return {**booked, "status": "available"}
    return booked


def listing(tx: Transaction, params: Listing) -> Object:
    payout, source = given(params.payout), given(params.source)
    kind, currency = given(params.type), given(params.currency)
    if payout and not tx.get("payout", payout, param="payout", status=400)["automatic"]:
        raise StripeError(
            "Balance transaction history can only be filtered on automatic transfers, not manual.",
            param="payout",
        )
    link = first_link("balance_transaction", payout=payout, source=source)

    def matches(booked: Object) -> bool:
        return (
            (kind is None or booked["type"] == kind)
            and (currency is None or booked["currency"] == currency.lower())
            and (source is None or booked["source"] == source)
        )

    return page(tx, "balance_transaction", "/v1/balance_transactions", params, link=link, matches=matches)


RESOURCE = Resource(
    kind="balance_transaction",
    routes=(
        Route("GET", "/v1/balance", balance, connected=True),
        Route("GET", "/v1/balance_transactions", listing, Listing, connected=True),
        retrieve("balance_transaction", "/v1/balance_transactions/{id}", "id", connected=True),
    ),
    expandable=frozenset({"source"}),
    linked=("source",),
    jobs={"funds_available": funds_available},
    present=present,
)
