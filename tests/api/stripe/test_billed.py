"""Whatever is done in the dashboard, in any order: an upgrade is previewed at what Stripe charges for it.

Without HTTP and without a store: the sandbox's own transactions, and our rules on what they made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from api.sandbox.resources import customers, payment_methods
from api.sandbox.resources.billing import catalogue, coupons, previews, subscriptions, updating
from api.sandbox.state import State
from api.sandbox.transaction import Transaction
from api.stripe.billing.lookup import PresentSubscription
from api.stripe.billing.objects import Invoice, InvoiceItem, Subscription
from api.stripe.billing.snapshots import subscription_snapshot
from api.stripe.objects import instant, parse_dict
from ledger.subscriptions.changes import preview_change
from ledger.subscriptions.state import Subscriber
from tests.ledger.subscription_examples import SUB, USER, request, when

START = 1_800_000_000
DAY_S = 86_400
UPGRADE = 9_900
PRICES = (999, 1_450, UPGRADE)

quantities = st.tuples(st.just("quantity"), st.integers(1, 4))
prices = st.tuples(st.just("price"), st.sampled_from([999, 1_450]))
coupon_terms = st.tuples(
    st.just("coupon"),
    st.sampled_from(
        [
            {"percent_off": 20},
            {"percent_off": 100},
            {"amount_off": 300, "currency": "usd"},
            {"percent_off": 33.3, "duration": "once"},
            {"percent_off": 40, "applies_to": {"products": ["liberation_pro"]}},
            {"amount_off": 700, "currency": "usd", "applies_to": {"products": ["liberation_enterprise"]}},
        ]
    ),
)
ways = st.sampled_from(["create_prorations", "always_invoice", "none"])
doings = st.tuples(st.one_of(quantities, prices, coupon_terms, st.just(("no coupon", None))), ways)
steps = st.lists(st.tuples(st.integers(0, 5 * DAY_S), doings), min_size=1, max_size=5)


def _product(tx: Transaction, tier: str) -> None:
    catalogue.create_product(tx, catalogue.CreateProduct(id=f"liberation_{tier}", name=tier))


def _price(tx: Transaction, amount: int) -> str:
    tier = "pro" if amount < UPGRADE else "enterprise"
    wish = {
        "currency": "usd",
        "unit_amount": amount,
        "recurring": {"interval": "month"},
        "product": f"liberation_{tier}",
        "metadata": {"tier": tier},
    }
    return str(catalogue.create_price(tx, msgspec.convert(wish, catalogue.CreatePrice))["id"])


class Shop:
    """One subscription at Stripe, which somebody changes there; and what the ledger knows of it."""

    def __init__(self) -> None:
        self.state, self.now = State(), START
        self.known, _ = when(Subscriber(), request())
        for tier in ("pro", "enterprise"):
            self.does(partial(_product, tier=tier))
        self.prices = {amount: self.does(partial(_price, amount=amount)) for amount in PRICES}
        self.customer = self.does(lambda tx: customers.create(tx, customers.Create()))["id"]
        card = self.does(
            lambda tx: payment_methods.attach(
                tx, "pm_card_visa", payment_methods.Attach(customer=self.customer)
            )
        )
        self.does(lambda tx: self._subscribe(tx, card["id"]))
        self.hear()

    def does(self, work: Callable[[Transaction], Any]) -> Any:
        tx = self.state.begin(now=self.now)
        result = work(tx)
        tx.commit()
        return result

    def _subscribe(self, tx: Transaction, card: str) -> None:
        wish = {
            "customer": self.customer,
            "items": [{"price": self.prices[999]}],
            "default_payment_method": card,
            "metadata": {"user_id": USER, "subscription_id": SUB},
        }
        made = subscriptions.create(tx, msgspec.convert(wish, subscriptions.Create))
        self.id, self.item = made["id"], made["items"]["data"][0]["id"]

    def change(self, tx: Transaction, what: str, value: Any, behavior: str) -> None:
        wish: dict[str, Any] = {"proration_behavior": behavior}
        match what:
            case "quantity":
                wish["items"] = [{"id": self.item, "quantity": value}]
            case "price":
                wish["items"] = [{"id": self.item, "price": self.prices[value]}]
            case "coupon":
                terms = msgspec.convert({"duration": "forever", **value}, coupons.Create)
                wish["discounts"] = [{"coupon": coupons.create(tx, terms)["id"]}]
            case _:
                wish["discounts"] = ""
        updating.update(tx, self.id, msgspec.convert(wish, updating.Update))

    def hear(self) -> None:
        """As a webhook has it looked up."""
        tx = self.state.begin(now=self.now)
        found = tx.get("subscription", self.id)
        discounts = [
            {**one, "source": {"coupon": tx.get("coupon", one["source"]["coupon"])}}
            for one in (tx.get("discount", name) for name in found["discounts"])
        ]
        invoices = [parse_dict(one, Invoice) for one in tx.all("invoice", "subscription", self.id)]
        waiting = [one for one in tx.all("invoiceitem", "customer", self.customer) if not one["invoice"]]
        present = PresentSubscription(
            subscription=parse_dict({**found, "discounts": discounts}, Subscription),
            invoices=invoices[::-1],
            details=[],
            observed_at=instant(self.now),
            waiting=[parse_dict(one, InvoiceItem) for one in waiting[::-1]],
        )
        self.known, _ = when(self.known, subscription_snapshot(present))

    def upgrade(self) -> tuple[int, int]:
        """What Stripe would charge, less what waits there, and what we come to."""
        tx = self.state.begin(now=self.now)
        items = [{"id": self.item, "price": self.prices[UPGRADE]}]
        details = {"items": items, "proration_behavior": "always_invoice", "proration_date": self.now}
        wish = msgspec.convert({"subscription": self.id, "subscription_details": details}, previews.Preview)
        waits = [one for one in tx.all("invoiceitem", "customer", self.customer) if not one["invoice"]]
        theirs = previews.preview(tx, wish)["total"] - sum(one["amount"] for one in waits)
        ours = preview_change(
            self.known.subscriptions[SUB], "enterprise", UPGRADE, "month", instant(self.now)
        )
        return theirs, ours.charge_minor


@given(steps)
def test_an_upgrade_is_previewed_at_what_stripe_charges(steps: Sequence[Any]) -> None:
    shop = Shop()
    for passes, ((what, value), behavior) in steps:
        shop.now += passes
        shop.does(partial(shop.change, what=what, value=value, behavior=behavior))
        shop.hear()
        theirs, ours = shop.upgrade()
        assert theirs == ours
