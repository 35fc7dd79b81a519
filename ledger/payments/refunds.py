"""One refund of a payment. `evolve_refund` takes any history and never fails."""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.payments.events import (
    RefundCanceled,
    RefundFailed,
    RefundMadeOutside,
    RefundOutcomeUnknown,
    RefundPending,
    RefundRequested,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
)

RefundStatus = Literal["requested", "pending", "succeeded", "failed", "canceled", "unknown"]
_GIVES_MONEY_BACK = frozenset({"requested", "pending", "succeeded", "unknown"})


RefundEvent = (
    RefundRequested
    | RefundMadeOutside
    | RefundPending
    | RefundSettled
    | RefundSucceeded
    | RefundFailed
    | RefundCanceled
    | RefundReversed
    | RefundOutcomeUnknown
)


class Refund(Struct, frozen=True, gc=False):
    amount_minor: int = 0
    status: RefundStatus = "requested"
    stripe_refund_id: str = ""
    returned_minor: int = 0
    """What the books have of it, in the charge's currency: none before it settles and once it is reversed."""
    revokes: bool = False
    """It is to take the access, however small it is."""
    is_return: bool = False
    """It is to take the access as its buyer returns all that is left."""

    @property
    def given_back_minor(self) -> int:
        """Unless it came to nothing: on its way, too."""
        return self.amount_minor if self.status in _GIVES_MONEY_BACK else 0

    @property
    def succeeded_minor(self) -> int:
        return self.amount_minor if self.status == "succeeded" else 0

    @property
    def revoking(self) -> int:
        """1 when it has taken the access."""
        return int(self.revokes and self.status == "succeeded")


def evolve_refund(  # noqa: PLR0911 - one answer for each fact of a closed union
    refund: Refund, event: RefundEvent, currency: str
) -> Refund:
    match event:
        case RefundRequested():
            return replace(
                refund,
                amount_minor=event.amount_minor,
                status="requested",
                revokes=event.revoke_access and not event.is_return,
                is_return=event.is_return,
            )
        case RefundMadeOutside():
            return Refund(event.amount_minor, "pending", event.refund_id, refund.returned_minor)
        case RefundPending():
            return replace(refund, status="pending", stripe_refund_id=event.stripe_refund_id)
        case RefundSettled(balance_transaction=entry):
            taken = -entry.amount_minor if entry.currency == currency else refund.amount_minor
            returned = refund.returned_minor + taken
            return replace(refund, stripe_refund_id=event.stripe_refund_id, returned_minor=returned)
        case RefundSucceeded():
            return replace(
                refund,
                amount_minor=event.amount_minor,
                status="succeeded",
                stripe_refund_id=event.stripe_refund_id,
            )
        case RefundFailed():
            stripe_refund_id = event.stripe_refund_id or refund.stripe_refund_id
            return replace(refund, status="failed", stripe_refund_id=stripe_refund_id)
        case RefundCanceled():
            stripe_refund_id = event.stripe_refund_id or refund.stripe_refund_id
            return replace(refund, status="canceled", stripe_refund_id=stripe_refund_id)
        case RefundReversed(balance_transaction=entry):
            back = entry.amount_minor if entry.currency == currency else refund.returned_minor
            return replace(refund, returned_minor=refund.returned_minor - back)
        case RefundOutcomeUnknown():
            return replace(refund, status="unknown")
        case _:
            assert_never(event)
