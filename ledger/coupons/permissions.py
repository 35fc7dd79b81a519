"""Who may send which command about a coupon."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.coupons.commands import (
    ConfirmCouponUse,
    CreateCoupon,
    EndCoupon,
    ReinstateCouponUse,
    ReleaseCouponUse,
    ReserveCouponUse,
    ReturnCouponUse,
)
from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.roles import ADMINS, AUTHORS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    CreateCoupon: AUTHORS,
    EndCoupon: USERS,
    ReserveCouponUse: SYSTEM,
    ConfirmCouponUse: SYSTEM,
    ReleaseCouponUse: SYSTEM,
    ReturnCouponUse: SYSTEM,
    ReinstateCouponUse: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    flagged = isinstance(command, CreateCoupon | EndCoupon) and command.by_admin
    if flagged and origin.roles.isdisjoint(ADMINS):
        raise Forbidden("Only an administrator may make such a coupon, or end someone else's.")
