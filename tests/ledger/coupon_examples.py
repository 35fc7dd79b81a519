"""Builders of commands about a coupon of 20 % off Ivy's course for 100.00 USD, and of uses by Ann."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from ledger.coupons.commands import (
    ConfirmCouponUse,
    CouponCommand,
    CreateCoupon,
    EndCoupon,
    ReinstateCouponUse,
    ReleaseCouponUse,
    ReserveCouponUse,
    ReturnCouponUse,
)
from ledger.coupons.decider import decide, discount_for, known
from ledger.coupons.events import CouponEvent
from ledger.coupons.state import Coupon, evolve
from ledger.coupons.terms import Purchase, Terms
from ledger.message import Origin
from tests.ledger.enrolment_examples import ANN, BOB, IVY
from tests.ledger.examples import NOON

CODE = "SPRING-20"
SOON, LATER = NOON + timedelta(days=1), NOON + timedelta(days=30)


def terms(**changes: Any) -> Terms:
    fields: dict[str, Any] = {"percent_bp": 2000, "scope": "course", "scope_id": "crs_1"}
    return Terms(**{**fields, "borne_by": "instructor", **changes})


def amount_off(amount: int = 1500, currency: str = "usd", **changes: Any) -> Terms:
    return terms(percent_bp=0, amount_minor=amount, currency=currency, **changes)


def create(made: Terms | None = None, **changes: Any) -> CreateCoupon:
    fields: dict[str, Any] = {
        "command_id": "cmd_create",
        "effective_at": NOON,
        "code": CODE,
        "user_id": IVY,
        "terms": made or terms(),
        "course_author": IVY,
    }
    return CreateCoupon(**{**fields, **changes})


def end(user_id: str = IVY, *, by_admin: bool = False) -> EndCoupon:
    return EndCoupon(command_id="cmd_end", effective_at=NOON, code=CODE, user_id=user_id, by_admin=by_admin)


def take(number: int = 1, **changes: Any) -> ReserveCouponUse:
    fields: dict[str, Any] = {
        "command_id": f"cmd_take_{number}",
        "effective_at": NOON,
        "code": CODE,
        "use_id": f"enr_{number}",
        "buyer_id": ANN,
        "learner_id": ANN,
        "payment_id": f"pay_{number}",
        "course_id": "crs_1",
        "author_id": IVY,
        "price_minor": 10000,
        "currency": "usd",
        "discount_minor": 2000,
        "borne_by": "instructor",
    }
    return ReserveCouponUse(**{**fields, **changes})


def _news(number: int, as_of: int) -> dict[str, Any]:
    about = {"command_id": f"cmd_use_{number}_{as_of}", "effective_at": NOON, "code": CODE}
    return {**about, "use_id": f"enr_{number}", "as_of": as_of}


def confirm(number: int = 1, as_of: int = 2) -> ConfirmCouponUse:
    return ConfirmCouponUse(**_news(number, as_of))


def free(number: int = 1, as_of: int = 2) -> ReleaseCouponUse:
    return ReleaseCouponUse(**_news(number, as_of))


def give_back(number: int = 1, as_of: int = 3) -> ReturnCouponUse:
    return ReturnCouponUse(**_news(number, as_of))


def reinstate(number: int = 1, as_of: int = 4) -> ReinstateCouponUse:
    return ReinstateCouponUse(**_news(number, as_of))


def when(coupon: Coupon, *commands: CouponCommand) -> tuple[Coupon, tuple[CouponEvent, ...]]:
    """The coupon after all commands, and all that they recorded."""
    recorded: list[CouponEvent] = []
    for command in commands:
        events = decide(command, coupon)
        coupon = reduce(evolve, events, coupon)
        recorded += events
    return coupon, tuple(recorded)


def after(*commands: CouponCommand) -> Coupon:
    return when(Coupon(), *commands)[0]


# ------------------------------------------------------------------------------------ for who plays with them

MAKER = Origin(actor="usr_root", roles=frozenset({"admin"}))
PART, ALL = "TWENTY", "ALL-OF-IT"
MADE = (
    create(terms(borne_by="platform", max_uses=1), code=PART, by_admin=True, command_id="cmd_part"),
    create(
        terms(percent_bp=10000, borne_by="platform", max_uses=2, max_uses_per_user=1),
        code=ALL,
        by_admin=True,
        command_id="cmd_all",
    ),
)
"""One that the platform bears, of which there is one use, and one of all of the price."""


def discounted(coupon: Coupon, code: str, price: int, buyer_id: str, at: datetime) -> dict[str, Any]:
    """What is other in an offer, as a request reads it. Raises what the coupon refuses."""
    off = discount_for(coupon, code, Purchase("crs_1", IVY, price, "usd"), buyer_id, at)
    return {"discount_minor": off, "discount_borne_by": known(coupon, code).borne_by}


def use_by_bob(coupon: Coupon, code: str, number: int, at: datetime) -> ReserveCouponUse:
    made = discounted(coupon, code, 10000, BOB, at)
    return take(
        number,
        code=code,
        use_id=f"enr_bob_{number}",
        buyer_id=BOB,
        learner_id=BOB,
        discount_minor=made["discount_minor"],
        borne_by=made["discount_borne_by"],
    )
