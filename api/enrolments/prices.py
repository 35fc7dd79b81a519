"""What a course costs the caller now, with a coupon or without."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from api.coupons.resources import normal
from api.enrolments.discounts import discounted
from api.enrolments.offers import offer_of
from api.http.auth import Principal
from api.http.body import known_shape
from api.http.guessing import guess
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.words import COUPON
from ledger.coupons.refusals import USE_REFUSALS
from ledger.enrolments.commands import Offer
from ledger.enrolments.purchasing import check_for_sale, sale_of
from ledger.enrolments.refusals import CourseNotForSale
from ledger.errors import NotFound

CouponParameter = Annotated[
    str | None, QueryParameter(pattern=COUPON, description="The code of a coupon, in either case.")
]


class CoursePrice(msgspec.Struct, frozen=True, kw_only=True):
    """`to_pay_minor` is what a purchase takes as `expected_price_minor`. `price_minor` has the tax in it
    where `tax_included`.
    """

    course_id: str
    currency: str
    price_minor: int
    discount_minor: int
    tax_minor: int
    tax_included: bool
    to_pay_minor: int
    coupon: str
    """As it is stored; empty without one."""


@get(
    "/api/courses/{course_id:str}/price",
    operation_id="getCoursePrice",
    summary="What a course costs",
    tags=["enrolments"],
    responses=responses(NotFound, CourseNotForSale, *USE_REFUSALS) | NOT_MODIFIED_SPEC,
)
async def get_course_price(
    course_id: FromPath[str],
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    coupon: CouponParameter = None,
) -> Read[CoursePrice]:
    """For the caller, now: nothing is held by asking. Few codes that do not exist may be tried."""
    known_shape(course_id, "crs_")
    offer, code = await offer_of(services, course_id, request.user), normal(coupon or "")
    check_for_sale(offer)
    if code:
        with guess(services.coupon_guesses, request.user.id):
            offer = await discounted(services.store, course_id, offer, code, request.user.id, services.now())
    return Read(_price_of(course_id, offer, code))


def _price_of(course_id: str, offer: Offer, code: str) -> CoursePrice:
    return CoursePrice(
        course_id=course_id,
        currency=offer.currency,
        price_minor=offer.price_minor,
        discount_minor=offer.discount_minor,
        tax_minor=offer.tax_minor,
        tax_included=offer.tax_included,
        to_pay_minor=sale_of(course_id, offer).charged_minor,
        coupon=code,
    )


HANDLERS = (get_course_price,)
