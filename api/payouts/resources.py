"""Payouts to instructors, and what is taken back of them, as answers show them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from api.http.body import CurrencyCode, UserId, currency_fault
from api.http.problems import FieldError, Unprocessable
from api.payouts.words import why_not_paid, why_not_recalled
from api.words import USER
from ledger.earnings.events import (
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    RecallOutcomeUnknown,
    RecallRefused,
    RecallRequested,
    TransferReversed,
)
from ledger.earnings.state import PayoutStatus, RecallStatus, day_of
from ledger.message import Recorded
from projections.earnings import payouts, recalls
from projections.earnings.payouts import InstructorPayoutRow
from projections.earnings.recalls import PayoutRecallRow


class NewPayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of all that is available in that currency. Admins say whose, else it is their own."""

    currency: CurrencyCode
    user_id: UserId | None = None


class PayoutRetry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says all."""


class NewRecall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    currency: CurrencyCode
    user_id: Annotated[str, msgspec.Meta(pattern=USER, description="Who owes it.")]


def currency_asked(body: NewPayout | NewRecall) -> str:
    """In lower case, as it is stored. Raises `Unprocessable` for what is none."""
    if fault := currency_fault(body.currency):
        raise Unprocessable.at(FieldError(detail=fault, pointer="/currency"))
    return body.currency.lower()


class InstructorPayout(msgspec.Struct, frozen=True, kw_only=True):
    """From the platform's balance at Stripe to a connected account's. `reserved` and `unknown` are on their
    way; of one that is `blocked` nothing was paid, and what it held is available again.
    """

    payout_id: str
    user_id: str
    currency: str
    amount_minor: int
    status: PayoutStatus
    reason: str | None
    """Stripe's code or ours, of one that is blocked."""
    detail: str | None
    """The same in words."""
    attempt: int
    """Its number; amount and status are of the last one."""
    stripe_account_id: str
    transfer_id: str | None
    """Stripe's."""
    transferred_minor: int
    recalled_minor: int
    """Of what was transferred: by reversals, whoever asked for them."""
    reserved_at: datetime | None
    """Null for one that a restored ledger did not know of."""
    transferred_at: datetime | None
    url: str
    position: int


def payout_of(row: InstructorPayoutRow) -> InstructorPayout:
    blocked = row.status == "blocked"
    return InstructorPayout(
        payout_id=row.payout_id,
        user_id=row.user_id,
        currency=row.currency,
        amount_minor=row.amount_minor,
        status=row.status,
        reason=row.code if blocked else None,
        detail=why_not_paid(row.code) if blocked else None,
        attempt=row.attempt,
        stripe_account_id=row.stripe_account_id,
        transfer_id=row.transfer_id or None,
        transferred_minor=row.transferred_minor,
        recalled_minor=row.recalled_minor,
        reserved_at=row.reserved_at,
        transferred_at=row.transferred_at,
        url=f"/api/payouts/{row.payout_id}",
        position=row.position,
    )


def payout_from(facts: Iterable[Recorded], payout_id: str) -> InstructorPayoutRow | None:
    """As the tables will have it, by the facts from the one on that reserved it."""
    row = None
    for fact in facts:
        event: Any = fact.event
        if getattr(event, "payout_id", "") != payout_id:
            continue
        match event:
            case PayoutReserved():
                row = row or payouts.begin(fact, event)
                payouts.reserve_again(row, event)
            case PayoutTransferred():
                row = row or payouts.begin(fact, event)
                payouts.transfer(row, fact, event)
            case PayoutOutcomeUnknown() if row is not None and row.is_that(event):
                payouts.lose_sight(row, event)
            case PayoutBlocked() if row is not None and row.is_that(event):
                payouts.refuse(row, event, day_of(fact.metadata.effective_at))
            case TransferReversed() if row is not None:
                payouts.take_back(row, event)
            case _:
                continue
        if row is not None:
            row.last_position = fact.position
    return row


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """The reversal of a transfer, in part or whole. One that is `refused` is netted from later earnings."""

    recall_id: str
    payout_id: str
    user_id: str
    currency: str
    amount_minor: int
    status: Literal[RecallStatus, "refused", "reversed"]
    reason: str | None
    detail: str | None
    transfer_id: str
    reversal_id: str | None
    requested_at: datetime
    ended_at: datetime | None


class Recalls(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Recall]


def recall_of(row: PayoutRecallRow) -> Recall:
    refused = row.status == "refused"
    return Recall(
        recall_id=row.recall_id,
        payout_id=row.payout_id,
        user_id=row.user_id,
        currency=row.currency,
        amount_minor=row.amount_minor,
        status=row.status,
        reason=row.code if refused else None,
        detail=why_not_recalled(row.code) if refused else None,
        transfer_id=row.transfer_id,
        reversal_id=row.reversal_id or None,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
    )


def recalls_from(facts: Iterable[Recorded], command_id: str) -> list[PayoutRecallRow]:
    """Those that a command asked for, as the tables will have them."""
    rows: dict[str, PayoutRecallRow] = {}
    for fact in facts:
        match fact.event:
            case RecallRequested() as event if fact.command_id == command_id:
                rows[event.recall_id] = recalls.begin(fact, event)
            case RecallOutcomeUnknown() | RecallRefused() | TransferReversed() as event:
                if event.recall_id in rows:
                    recalls.answer(rows[event.recall_id], fact, event)
            case _:
                pass
    return list(rows.values())
