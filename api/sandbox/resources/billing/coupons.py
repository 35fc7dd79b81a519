"""Coupons and promotion codes. https://docs.stripe.com/api/coupons and /promotion_codes"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid, missing
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, page
from api.sandbox.money import check_currency
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import (
    Hash,
    Text,
    amend,
    given,
    merge_metadata,
    retrieve,
    sent_texts,
)
from api.sandbox.transaction import Transaction

Positive = Annotated[int, msgspec.Meta(ge=1)]
_CODE_LENGTH = 8
"""Of a code that nobody chose."""
_DELETED = "yes"
"""By this link it is kept, as the discounts that it gave show it for ever."""


class AppliesTo(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    products: tuple[str, ...]


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"name": 40}

    id: Text = UNSET
    amount_off: Positive | None = None
    percent_off: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    currency: Text = UNSET
    duration: Literal["forever", "once", "repeating"] = "once"
    duration_in_months: Positive | None = None
    max_redemptions: Positive | None = None
    redeem_by: int | None = None
    applies_to: AppliesTo | UnsetType = UNSET
    name: Text = UNSET
    metadata: Hash = UNSET


class Update(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"name": 40}

    name: Text = UNSET
    metadata: Hash = UNSET


class Promotion(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    type: Literal["coupon"]
    coupon: str


class Restrictions(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    first_time_transaction: bool = False
    minimum_amount: Positive | None = None
    minimum_amount_currency: str | None = None


class CreateCode(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"code": 500}

    promotion: Promotion
    code: Text = UNSET
    active: bool = True
    customer: Text = UNSET
    expires_at: int | None = None
    max_redemptions: Positive | None = None
    restrictions: Restrictions = Restrictions()
    metadata: Hash = UNSET


class UpdateCode(Params, frozen=True, kw_only=True):
    active: bool | UnsetType = UNSET
    metadata: Hash = UNSET


class CodeListing(CreatedListParams, frozen=True, kw_only=True):
    active: bool | UnsetType = UNSET
    code: Text = UNSET
    coupon: Text = UNSET
    customer: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    chosen, currency = given(params.id), given(params.currency)
    if chosen and tx.find(chosen):
        raise StripeError("Coupon already exists.", code="resource_already_exists", param="id")
    if (params.amount_off is None) == (params.percent_off is None):
        raise invalid("You must pass either `percent_off` or `amount_off`.", param="percent_off")
    if params.amount_off is not None and not currency:
        raise invalid("You must pass `currency` when passing `amount_off`.", param="currency")
    if (params.duration == "repeating") != (params.duration_in_months is not None):
        raise invalid(
            "`duration_in_months` is required if and only if `duration` is `repeating`.",
            param="duration_in_months",
        )
    coupon: Object = {
        "id": chosen or tx.new_id(""),
        "object": "coupon",
        "amount_off": params.amount_off,
        "created": tx.now,
        "currency": check_currency(currency) if currency and params.amount_off else None,
        "duration": params.duration,
        "duration_in_months": params.duration_in_months,
        "livemode": False,
        "max_redemptions": params.max_redemptions,
        "metadata": merge_metadata({}, params.metadata),
        "name": given(params.name),
        "percent_off": params.percent_off,
        "redeem_by": params.redeem_by,
        "times_redeemed": 0,
        "valid": True,
    }
    if isinstance(params.applies_to, AppliesTo):
        coupon["applies_to"] = {"products": list(params.applies_to.products)}
    coupon = tx.add(coupon)
    tx.emit("coupon.created", present(tx, coupon))
    return coupon


def present(tx: Transaction, coupon: Object) -> Object:
    """Valid as long as it can be redeemed. What it applies to is shown to those who ask."""
    if coupon.get("deleted"):
        return coupon
    shown = {name: value for name, value in coupon.items() if name != "applies_to"}
    return {**shown, "valid": is_valid(tx, coupon)}


def _applies_to(tx: Transaction, coupon: Object) -> Object | UnsetType:
    found: Object | UnsetType = tx.get("coupon", coupon["id"]).get("applies_to", UNSET)
    return found


def is_valid(tx: Transaction, coupon: Object) -> bool:
    over = coupon["redeem_by"] is not None and coupon["redeem_by"] <= tx.now
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    return not (over or used_up or _is_deleted(tx, coupon["id"]))


def _is_deleted(tx: Transaction, coupon_id: str) -> bool:
    return any(one["id"] == coupon_id for one in tx.all("coupon", "deleted", _DELETED))


def known(tx: Transaction, coupon_id: str, *, param: str, status: int = 404) -> Object:
    """Raises `resource_missing` for one that was deleted, too; discounts that it gave still know it."""
    coupon = tx.get("coupon", coupon_id, param=param, status=status)
    if _is_deleted(tx, coupon_id):
        raise missing("coupon", coupon_id, param=param, status=status)
    return coupon


def show(tx: Transaction, coupon_id: str, _: NoParams) -> Object:
    return known(tx, coupon_id, param="coupon")


def update(tx: Transaction, coupon_id: str, params: Update) -> Object:
    coupon = known(tx, coupon_id, param="coupon")
    changes: Object = dict(sent_texts(params, "name"))
    changes["metadata"] = merge_metadata(coupon["metadata"], params.metadata)
    return amend(tx, coupon, changes, "coupon.updated")


def delete(tx: Transaction, coupon_id: str, _: NoParams) -> Object:
    """Discounts that it gave go on."""
    coupon = known(tx, coupon_id, param="coupon")
    tx.emit("coupon.deleted", present(tx, coupon))
    tx.link("coupon.deleted", _DELETED, coupon_id)
    return {"id": coupon_id, "object": "coupon", "deleted": True}


def listing(tx: Transaction, params: CreatedListParams) -> Object:
    return page(tx, "coupon", "/v1/coupons", params, matches=lambda one: not _is_deleted(tx, one["id"]))


def create_code(tx: Transaction, params: CreateCode) -> Object:
    coupon = known(tx, params.promotion.coupon, param="promotion[coupon]", status=400)
    code_id = tx.new_id("promo_")
    code = given(params.code) or code_id[-_CODE_LENGTH:].upper()
    if any(one["active"] for one in tx.all("promotion_code", "code", code.upper())):
        raise invalid("An active promotion code with `code` already exists.", param="code")
    rules = params.restrictions
    made = tx.add(
        {
            "id": code_id,
            "object": "promotion_code",
            "active": params.active,
            "code": code,
            "created": tx.now,
            "customer": given(params.customer),
            "customer_account": None,
            "expires_at": params.expires_at,
            "livemode": False,
            "max_redemptions": params.max_redemptions,
            "metadata": merge_metadata({}, params.metadata),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": {
                "first_time_transaction": rules.first_time_transaction,
                "minimum_amount": rules.minimum_amount,
                "minimum_amount_currency": rules.minimum_amount_currency,
            },
            "times_redeemed": 0,
        }
    )
    tx.link("promotion_code.code", code.upper(), made["id"])
    tx.emit("promotion_code.created", made)
    return made


def update_code(tx: Transaction, code_id: str, params: UpdateCode) -> Object:
    code = tx.get("promotion_code", code_id, param="promotion_code")
    changes: Object = {"metadata": merge_metadata(code["metadata"], params.metadata)}
    if isinstance(params.active, bool):
        changes["active"] = params.active
    return amend(tx, code, changes, "promotion_code.updated")


def list_codes(tx: Transaction, params: CodeListing) -> Object:
    code, coupon, customer = given(params.code), given(params.coupon), given(params.customer)

    def matches(one: Object) -> bool:
        return all(
            (
                not isinstance(params.active, bool) or one["active"] == params.active,
                not code or one["code"].upper() == code.upper(),
                not coupon or one["promotion"]["coupon"] == coupon,
                not customer or one["customer"] == customer,
            )
        )

    return page(tx, "promotion_code", "/v1/promotion_codes", params, matches=matches)


COUPONS = Resource(
    kind="coupon",
    routes=(
        Route("POST", "/v1/coupons", create, Create),
        Route("GET", "/v1/coupons", listing, CreatedListParams),
        Route("GET", "/v1/coupons/{id}", show),
        Route("POST", "/v1/coupons/{id}", update, Update),
        Route("DELETE", "/v1/coupons/{id}", delete),
    ),
    included={"applies_to": _applies_to},
    present=present,
)
CODES = Resource(
    kind="promotion_code",
    routes=(
        Route("POST", "/v1/promotion_codes", create_code, CreateCode),
        Route("GET", "/v1/promotion_codes", list_codes, CodeListing),
        retrieve("promotion_code", "/v1/promotion_codes/{id}", "promotion_code"),
        Route("POST", "/v1/promotion_codes/{id}", update_code, UpdateCode),
    ),
    expandable=frozenset({"customer", "promotion.coupon"}),
)
