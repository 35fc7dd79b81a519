"""Coupons, and the uses that purchases take of them."""

from __future__ import annotations

from ledger.coupons.decider import COUPON
from ledger.coupons.permissions import MAY_SEND, check_sender
from ledger.coupons.policy import react
from ledger.coupons.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(
    name="coupons", stream=KIND, decider=COUPON, may_send=MAY_SEND, check_sender=check_sender, react=react
)
