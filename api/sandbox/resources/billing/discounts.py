"""Discounts of subscriptions, customers, invoices and their items: what coupons and promotion codes become,
and what they make of an invoice.
https://docs.stripe.com/billing/subscriptions/coupons
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.registry import Resource
from api.sandbox.resources.billing.calendar import add
from api.sandbox.resources.billing.coupons import is_valid, known
from api.sandbox.resources.common import changed
from api.sandbox.transaction import Transaction
from ledger.money import round_half_up

_HUNDREDTHS = 10_000
"""Of a percentage, so that 12.5 % is a whole number of them."""


class Wish(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One of them: what is new, or a discount that stays."""

    coupon: str = ""
    promotion_code: str = ""
    discount: str = ""


Wishes = tuple[Wish, ...] | str | UnsetType
"""An empty text clears them; none at all leaves them as they are."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to have discounts."""

    customer: str
    currency: str
    price: int
    """Which a promotion code may want to be of a least amount."""
    discounts: Sequence[str]
    kind: Literal["subscription", "invoice", "invoice_item"]
    id: str


def subscriber(subscription: Object) -> Holder:
    return Holder(
        customer=subscription["customer"],
        currency=subscription["currency"],
        price=sum(one["price"]["unit_amount"] * one["quantity"] for one in subscription["items"]["data"]),
        discounts=subscription["discounts"],
        kind="subscription",
        id=subscription["id"],
    )


def billed(value: Object, price: int) -> Holder:
    """An invoice or an invoice item."""
    return Holder(
        customer=value["customer"],
        currency=value["currency"],
        price=price,
        discounts=value["discounts"],
        kind="invoice" if value["object"] == "invoice" else "invoice_item",
        id=value["id"],
    )


def wanted(tx: Transaction, holder: Holder, sent: Wishes) -> list[str] | None:
    """The ids of the discounts that it is to have; None when nothing is said of them. Raises StripeError for
    what cannot be redeemed.
    """
    if sent is UNSET or sent == ():
        return None
    if isinstance(sent, str):
        if sent:
            raise invalid("Invalid array.", param="discounts")
        return []
    assert not isinstance(sent, UnsetType), "as was looked at"
    return [_redeemed(tx, holder, wish) for wish in sent]


def _redeemed(tx: Transaction, holder: Holder, wish: Wish) -> str:
    if wish.discount:
        if wish.discount not in holder.discounts:
            raise invalid(f"No such discount: {wish.discount}", param="discounts", code="resource_missing")
        return wish.discount
    code = _code(tx, holder, wish.promotion_code) if wish.promotion_code else None
    coupon_id = code["promotion"]["coupon"] if code else wish.coupon
    coupon = redeemable(tx, coupon_id, param="discounts[0][coupon]")
    if coupon["amount_off"] is not None and coupon["currency"] != holder.currency:
        of = holder.kind.replace("_", " ")
        raise invalid(
            f"The coupon is in {coupon['currency']}, and the {of} in {holder.currency}.", param="coupon"
        )
    if holder.kind == "subscription":
        return str(redeem(tx, holder.customer, coupon, code, subscription=holder.id)["id"])
    return str(_redeem_once(tx, holder, coupon, code)["id"])


def redeemable(tx: Transaction, coupon_id: str, *, param: str) -> Object:
    coupon = known(tx, coupon_id, param=param, status=400)
    if not is_valid(tx, coupon):
        raise StripeError(f"Coupon expired: {coupon_id}", code="coupon_expired", param="coupon")
    return coupon


def _code(tx: Transaction, holder: Holder, code_id: str) -> Object:
    code = tx.get("promotion_code", code_id, param="discounts[0][promotion_code]", status=400)
    over = code["expires_at"] is not None and code["expires_at"] <= tx.now
    most = code["max_redemptions"]
    if not code["active"] or over or (most is not None and code["times_redeemed"] >= most):
        raise StripeError("This promotion code is expired.", code="promotion_code_expired")
    if code["customer"] not in (None, holder.customer):
        raise StripeError("This promotion code is for another customer.", code="customer_mismatch")
    rules = code["restrictions"]
    paid = tx.all("invoice", "customer", holder.customer)
    if rules["first_time_transaction"] and any(one["amount_paid"] for one in paid):
        raise StripeError(
            "This promotion code cannot be redeemed because the associated customer has prior transactions.",
            code="promotion_code_customer_not_first_time",
        )
    least = rules["minimum_amount"]
    if least is not None and (
        holder.price < least or rules["minimum_amount_currency"] not in (None, holder.currency)
    ):
        raise StripeError("The minimum amount of this promotion code is not met.", param="promotion_code")
    return code


def redeem(
    tx: Transaction,
    customer_id: str,
    coupon: Object,
    code: Object | None = None,
    *,
    subscription: str | None = None,
    replaces: Object | None = None,
) -> Object:
    """The discount that it gives a subscription; without one it is the customer's, who had `replaces`."""
    months = coupon["duration_in_months"]
    end = add(tx.now, 1, "month", months) if months else None
    discount = _add(tx, customer_id, coupon, code, end=end, subscription=subscription)
    if replaces is None:
        tx.emit("customer.discount.created", discount)
    else:
        tx.emit("customer.discount.updated", discount, changed(replaces, discount))
    if discount["end"] is not None:
        tx.later(discount["end"], "end_discount", discount["id"])
    return discount


def _redeem_once(tx: Transaction, holder: Holder, coupon: Object, code: Object | None) -> Object:
    """For one invoice, or one item of it, whatever the coupon's duration is; no event tells of it."""
    return _add(tx, holder.customer, coupon, code, **{holder.kind: holder.id})


def _add(
    tx: Transaction, customer_id: str, coupon: Object, code: Object | None, **of: str | int | None
) -> Object:
    for used in (coupon, code):
        if used is not None:
            tx.update(used, times_redeemed=used["times_redeemed"] + 1)
    discount: Object = {
        "id": tx.new_id("di_"),
        "object": "discount",
        "checkout_session": None,
        "customer": customer_id,
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code["id"] if code else None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": tx.now,
        "subscription": None,
        "subscription_item": None,
    }
    return tx.add(discount | of)


def with_own(subscription: Object, own: Sequence[str]) -> Object:
    """The same for an invoice that has discounts of its own, or none: it inherits no other's."""
    return {**subscription, "discounts": list(own), "inherits": False}


def standing(tx: Transaction, subscription: Object) -> list[tuple[str, Object]]:
    """The discounts that stand, each by its id, with its coupon, in their order. Without any of its own, that
    of its customer.
    """
    of_customer = (tx.find(subscription["customer"]) or {}).get("discount")
    inherited = [of_customer["id"]] if of_customer and subscription.get("inherits", True) else []
    return _standing(tx, subscription["discounts"] or inherited, subscription["currency"])


def _standing(tx: Transaction, ids: Iterable[str], currency: str) -> list[tuple[str, Object]]:
    found = [tx.find(one) for one in ids]
    stands = [one for one in found if one and (one["end"] is None or tx.now < one["end"])]
    coupons = [tx.find(one["source"]["coupon"]) for one in stands]
    return [
        (one["id"], coupon)
        for one, coupon in zip(stands, coupons, strict=True)
        if coupon and coupon["currency"] in (None, currency)
    ]


def apply(tx: Transaction, subscription: Object, lines: Sequence[Object]) -> list[Object]:
    """The lines with what each discount takes of them: of what the ones before it left. Those of an item come
    before those of its invoice.
    """
    taken: list[list[Object]] = [[] for _ in lines]
    left = [max(0, line["amount"]) if line["discountable"] else 0 for line in lines]
    for place, line in enumerate(lines):
        for discount_id, coupon in _standing(tx, line["discounts"], subscription["currency"]):
            [amount] = _shares(coupon, [line], [left[place]])
            left[place] -= amount
            if amount:
                taken[place].append({"amount": amount, "discount": discount_id})
    for discount_id, coupon in standing(tx, subscription):
        for place, amount in enumerate(_shares(coupon, lines, left)):
            left[place] -= amount
            if amount:
                taken[place].append({"amount": amount, "discount": discount_id})
    return [{**line, "discount_amounts": some} for line, some in zip(lines, taken, strict=True)]


def _shares(coupon: Object, lines: Sequence[Object], left: Sequence[int]) -> list[int]:
    products = (coupon.get("applies_to") or {}).get("products")
    its = [
        amount if not products or line["pricing"]["price_details"]["product"] in products else 0
        for line, amount in zip(lines, left, strict=True)
    ]
    whole = sum(its)
    return _spread(min(_off(coupon, whole), whole), its)


def _off(coupon: Object, amount: int) -> int:
    if coupon["amount_off"] is not None:
        return int(coupon["amount_off"])
    return round_half_up(amount * round(coupon["percent_off"] * 100), _HUNDREDTHS)


def _spread(part: int, amounts: Iterable[int]) -> list[int]:
    """In proportion, so that they add up to the part: each is the step of a rounded running sum."""
    amounts = list(amounts)
    whole, running, given = sum(amounts), 0, 0
    shares: list[int] = []
    for amount in amounts:
        running += amount
        shares.append(round_half_up(running * part, whole) - given if whole else 0)
        given += shares[-1]
    return shares


def net_price(tx: Transaction, subscription: Object, item: Object, price: int) -> int:
    """What a whole period of the item costs after the discounts that stand: prorations are of that."""
    line = {
        "amount": price,
        "discountable": True,
        "discounts": [],
        "pricing": {"price_details": {"product": item["price"]["product"]}},
    }
    [discounted] = apply(tx, subscription, [line])
    return price - sum(int(one["amount"]) for one in discounted["discount_amounts"])


def use(tx: Transaction, subscription: Object, invoice: Object) -> None:
    """A discount of `once` goes with the first invoice that it took something of (the sandbox's reading)."""
    used = {one["discount"] for one in invoice["total_discount_amounts"] if one["amount"]}
    once = {key for key, coupon in standing(tx, subscription) if coupon["duration"] == "once"}
    for one in sorted(used & once):
        take_away(tx, tx.get("discount", one))


def take_away(tx: Transaction, discount: Object) -> None:
    """Of its subscription, or of its customer; nothing when it was taken before."""
    if discount["subscription"] is None:
        customer = tx.find(discount["customer"]) or {}
        if (customer.get("discount") or {}).get("id") == discount["id"]:
            tx.update(customer, discount=None)
            tx.emit("customer.discount.deleted", discount)
        return
    subscription = tx.find(discount["subscription"])
    if subscription is None or discount["id"] not in subscription["discounts"]:
        return
    tx.emit("customer.discount.deleted", discount)
    left = [one for one in subscription["discounts"] if one != discount["id"]]
    updated = tx.update(subscription, discounts=left)
    tx.emit("customer.subscription.updated", updated, {"discounts": subscription["discounts"]})


def change(tx: Transaction, subscription: Object, sent: Wishes) -> list[str] | None:
    """As `wanted`, of one that is there: what it loses is told."""
    after = wanted(tx, subscriber(subscription), sent)
    if after is not None:
        for one in subscription["discounts"]:
            if one not in after:
                tx.emit("customer.discount.deleted", tx.get("discount", one))
    return after


def end(tx: Transaction, discount_id: str) -> None:
    """Its months are over."""
    take_away(tx, tx.get("discount", discount_id))


RESOURCE = Resource(
    kind="discount",
    expandable=frozenset({"customer", "promotion_code", "source.coupon"}),
    jobs={"end_discount": end},
)
