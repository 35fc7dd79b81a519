"""What is remembered of a payout of a connected account. `evolve` takes any history and never fails."""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.bank_payouts.events import (
    BankPayoutArrived,
    BankPayoutBounced,
    BankPayoutCanceled,
    BankPayoutEvent,
    BankPayoutSent,
)

Status = Literal["in_transit", "arrived", "bounced", "canceled"]


class BankPayout(Struct, frozen=True, gc=False):
    user_id: str = ""
    account_id: str = ""
    stripe_account_id: str = ""
    """Empty before it was seen."""
    status: Status = "in_transit"


def evolve(payout: BankPayout, event: BankPayoutEvent) -> BankPayout:
    match event:
        case BankPayoutSent():
            return replace(
                payout,
                user_id=event.user_id,
                account_id=event.account_id,
                stripe_account_id=event.stripe_account_id,
            )
        case BankPayoutArrived():
            return replace(payout, status="arrived")
        case BankPayoutBounced():
            return replace(payout, status="bounced")
        case BankPayoutCanceled():
            return replace(payout, status="canceled")
        case _:
            assert_never(event)
