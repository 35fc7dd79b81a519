"""An offer with a coupon taken off it, as it would be now: the use itself is taken after the reservation."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from api.coupons.known import coupon_of
from ledger.coupons.decider import discount_for, known
from ledger.coupons.terms import Purchase
from ledger.enrolments.commands import Offer
from ledger.store import Store


async def discounted(
    store: Store, course_id: str, offer: Offer, code: str, buyer_id: str, at: datetime
) -> Offer:
    """Raises the refusal that says why the coupon cannot be used for it."""
    coupon = await coupon_of(store, code)
    purchase = Purchase(course_id, offer.author_id, offer.price_minor, offer.currency)
    off = discount_for(coupon, code, purchase, buyer_id, at)
    return replace(offer, discount_minor=off, discount_borne_by=known(coupon, code).borne_by)
