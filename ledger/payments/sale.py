"""What the facts of a payment for a sale mean: whose its money is, and whether the sale stands. What pays for
a licence is told of in the same way: its money is the organisation's, until an invoice is paid with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec.structs import replace

from ledger.message import Event
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentCanceled,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentSucceeded,
    RefundCanceled,
    RefundFailed,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
    SaleStandingChanged,
)
from ledger.payments.state import CAPTURED, Payment, evolve
from ledger.split import SettledSplit, Stakes, credited, held, held_since, kept, unshared

SALES = frozenset({"course"})
"""Purposes whose money is shared, and where something is given for it that can be taken back."""
LICENCE = "licence"
"""Its money is not shared: it pays an invoice, as a bank transfer does."""
TOLD_OF = SALES | {LICENCE}
"""Purposes whose payments tell another stream how they stand."""

Standing = Literal["open", "unpaid", "paid", "given_back"]

_CAUSES: Mapping[type[Event], str] = {
    PaymentSucceeded: "captured",
    PaymentFailed: "failed",
    PaymentCanceled: "canceled",
    RefundSucceeded: "refunded",
    RefundFailed: "refund_failed",
    RefundCanceled: "refund_canceled",
    DisputeLost: "dispute_lost",
    DisputeWon: "dispute_won",
}


def tell(payment: Payment, events: Iterable[PaymentEvent]) -> tuple[PaymentEvent, ...]:
    """The same facts with what they mean for what is paid; those of any other payment with what they mean at
    its rate of exchange alone.
    """
    events = tuple(events)
    if _purpose(payment, events) not in TOLD_OF:
        return _at_its_rate(payment, events)
    told: list[PaymentEvent] = []
    for event in events:
        after = evolve(payment, event)
        told.append(_with_meaning(event, payment, after))
        if _is_news(event, payment, after):
            told.append(_changed(event, after))
        payment = after
    return tuple(told)


GivesBack = RefundSettled | RefundReversed | DisputeLost | DisputeWon


def _at_its_rate(payment: Payment, events: tuple[PaymentEvent, ...]) -> tuple[PaymentEvent, ...]:
    """What goes back of a charge that nobody shares is what it brought, at the rate that it was settled at.
    Where no rate is met a fact says nothing of it, as what moved is what goes back.
    """
    told: list[PaymentEvent] = []
    for event in events:
        after = evolve(payment, event)
        told.append(_unshared_since(event, payment, after) if isinstance(event, GivesBack) else event)
        payment = after
    return tuple(told)


def _unshared_since(event: GivesBack, before: Payment, after: Payment) -> PaymentEvent:
    was, now = _unshared(before), _unshared(after)
    moved_in = _moved_in(event)
    if was is None or now is None or not moved_in or moved_in == after.currency == now.currency:
        return event
    return replace(event, split=now.since(was))


def _unshared(payment: Payment) -> SettledSplit | None:
    """What is left of the charge; None while nobody knows what it was settled at."""
    entry = payment.settlement
    if entry is None or payment.captured_minor <= 0:
        return None
    return unshared(entry.amount_minor, entry.currency, payment.captured_minor, payment.given_back_minor)


def _moved_in(event: GivesBack) -> str:
    """The currency of what goes back, or comes; empty when nothing does."""
    match event:
        case RefundSettled() | RefundReversed():
            return event.balance_transaction.currency
        case DisputeLost():
            return event.currency if event.withdrawn_minor else ""
        case DisputeWon():
            return event.currency if event.recovered_minor else ""


def standing(payment: Payment) -> Standing:
    """A lost dispute, and a refund that is to take the access, weigh as much as all of the money; a return
    does as long as all of what made it whole does.
    """
    if payment.status in {"failed", "canceled"}:
        return "unpaid"
    if payment.status not in CAPTURED:
        return "open"
    all_of_it = payment.succeeded_minor >= payment.captured_minor > 0
    taken = payment.returned or payment.revoking or payment.disputed.lost
    return "given_back" if all_of_it or taken else "paid"


def _is_news(event: PaymentEvent, before: Payment, after: Payment) -> bool:
    if standing(after) == "open":
        return False
    if after.purpose == LICENCE:
        return standing(after) != standing(before) or after.kept_minor != before.kept_minor
    return standing(after) != standing(before) or _is_waited_for(event, after)


def _is_waited_for(event: PaymentEvent, after: Payment) -> bool:
    """Though it changes nothing here: a return is done, be the access gone before or kept as something else
    came back meanwhile; or there is more of what is to go back as a whole.
    """
    if isinstance(event, RefundSucceeded):
        return after.refunds[event.refund_id].is_return and standing(after) != "open"
    return isinstance(event, RefundFailed | RefundCanceled) and standing(after) == "paid"


def _purpose(payment: Payment, events: tuple[PaymentEvent, ...]) -> str:
    begins = events[0] if events and not payment.status else None
    return begins.purpose if isinstance(begins, PaymentInitiated) else payment.purpose


def _with_meaning(event: PaymentEvent, before: Payment, after: Payment) -> PaymentEvent:
    match event:
        case PaymentSettled():
            if before.settlement is not None:
                return replace(event, split=None)
            contested = stakes(before, after) if _held(after) else None
            return replace(event, split=_whose(after), stakes=contested)
        case RefundSettled() | RefundReversed() | DisputeLost() | DisputeWon():
            was, now = _whose(before), _whose(after)
            split = now.since(was) if was is not None and now is not None else None
            return replace(event, split=split, stakes=stakes(before, after))
        case DisputeFundsWithdrawn() | DisputeFundsReinstated():
            return replace(event, stakes=stakes(before, after))
        case RefundFailed() | RefundCanceled():
            return replace(event, purpose_ref=after.purpose_ref)
        case _:
            return event


def _whose(payment: Payment) -> SettledSplit | None:
    """What is left of the charge; None while nobody knows at which rate and in which currency it settles."""
    sale, entry = payment.sale, payment.settlement
    if payment.purpose == LICENCE and entry is not None:
        left = payment.captured_minor - payment.given_back_minor
        return credited(payment.org_id, left, payment.currency)
    if sale is None or entry is None:
        return None
    return kept(sale, entry.amount_minor, entry.currency, payment.given_back_minor)


def stakes(before: Payment, after: Payment) -> Stakes | None:
    """How the sale stands after a fact; None for what is no sale that is settled."""
    if after.sale is None or after.settlement is None:
        return None
    return Stakes(after.given_back_minor, held_since(_held(before), _held(after)))


def _held(payment: Payment) -> dict[str, int]:
    """Of each instructor's share, by disputes that are not lost yet: a loss takes it by a fact of its own."""
    sale, entry = payment.sale, payment.settlement
    if sale is None or entry is None:
        return {}
    at_stake = payment.withheld_minor - payment.disputed.lost_minor
    return held(sale, entry.amount_minor, entry.currency, payment.given_back_minor, at_stake)


def _changed(event: PaymentEvent, payment: Payment) -> SaleStandingChanged:
    match event:
        case RefundSucceeded() | RefundFailed() | RefundCanceled():
            cause_id = event.refund_id
        case DisputeLost() | DisputeWon():
            cause_id = event.dispute_id
        case _:
            cause_id = ""
    return SaleStandingChanged(
        payment_id=payment.payment_id,
        user_id=payment.user_id,
        purpose=payment.purpose,
        purpose_ref=payment.purpose_ref,
        standing=standing(payment),
        cause=_CAUSES.get(type(event), ""),
        cause_id=cause_id,
        revision=payment.sale.revision if payment.sale else 0,
        kept_minor=payment.kept_minor if payment.purpose == LICENCE else 0,
    )
