"""Promotion codes: what a price comes to with one, and why it is not redeemed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.errors import Refused
from ledger.subscriptions.discounts import Discount
from ledger.subscriptions.promotions import Order, Promotion, redeemed
from ledger.subscriptions.refusals import (
    PromotionCodeNotForPlan,
    PromotionCodeNotForUser,
    PromotionCodeOver,
    PromotionCodeUnknown,
    PromotionCodeUsedUp,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HALF = Promotion(promotion_code_id="promo_1", discount=Discount(percent_bp=5_000), duration="once")
PRO = Order(tier="pro", currency="usd", price_minor=999, customer_id="cus_1", at=NOON)


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ({}, 499),
        ({"discount": Discount(off_minor=300), "currency": "usd"}, 699),
        ({"discount": Discount(percent_bp=1_000, tiers=("pro",))}, 899),
        ({"customer_id": "cus_1"}, 499),
        ({"least_minor": 999, "least_currency": "usd"}, 499),
        ({"expires_at": NOON + timedelta(seconds=1)}, 499),
    ],
)
def test_one_that_can_be_redeemed_takes_its_part(terms: Any, left: int) -> None:
    assert redeemed(replace(HALF, **terms), PRO) == left


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"used_up": True, "live": False}, PromotionCodeUsedUp),
        ({"live": False}, PromotionCodeOver),
        ({"expires_at": NOON}, PromotionCodeOver),
        ({"customer_id": "cus_2"}, PromotionCodeNotForUser),
        ({"discount": None}, PromotionCodeNotForPlan),
        ({"discount": Discount(percent_bp=1_000, tiers=("enterprise",))}, PromotionCodeNotForPlan),
        ({"discount": Discount(off_minor=300), "currency": "eur"}, PromotionCodeNotForPlan),
        ({"least_minor": 1_000}, PromotionCodeNotForPlan),
        ({"least_minor": 1, "least_currency": "eur"}, PromotionCodeNotForPlan),
    ],
)
def test_one_that_cannot_be_redeemed_says_why(terms: Any, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        redeemed(replace(HALF, **terms), PRO)


def test_one_that_is_not_there_is_unknown() -> None:
    with pytest.raises(PromotionCodeUnknown, match="no such promotion code"):
        redeemed(None, PRO)
