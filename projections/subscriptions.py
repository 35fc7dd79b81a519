"""Subscriptions as they are now, and how the monthly recurring revenue (MRR) moved with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar, cast, get_args

import msgspec
from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.money import round_half_up
from ledger.subscriptions.events import (
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawalRequested,
    CancellationWithdrawn,
    DuplicateSubscriptionFound,
    PauseRequested,
    PaymentMethodChanged,
    PaymentMethodChangeRequested,
    ResumeRequested,
    SubscriptionCanceled,
    SubscriptionChanged,
    SubscriptionChangeFailed,
    SubscriptionChangeRequested,
    SubscriptionChangeScheduled,
    SubscriptionChangeSuperseded,
    SubscriptionDiscounted,
    SubscriptionEvent,
    SubscriptionObserved,
    SubscriptionOutcomeUnknown,
    SubscriptionPageOpened,
    SubscriptionPeriodRenewed,
    SubscriptionRequested,
    SubscriptionRequestFailed,
    SubscriptionStarted,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.stream import id_of
from projections.engine.buffers import Log, Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class SubscriptionRow(Row):
    subscription_id: str
    user_id: str
    stripe_subscription_id: str
    tier: str
    interval: str
    currency: str
    price_minor: int
    """Of one, for one interval."""
    catalogue_version: str
    payment_method_id: str
    status: str
    """Stripe's words, `unpaid` by our own schedule; before them `requested`, `unknown`, `failed` (refused by
    Stripe) and `duplicate`.
    """
    failure_code: str
    decline_code: str
    trial_end: datetime | None
    anchor_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    past_due_since: datetime | None
    cancel_at: datetime | None
    change_id: str
    """Of the change that is not in force yet; there is at most one, `pending_…` or `scheduled_…`."""
    pending_tier: str
    pending_interval: str
    """An upgrade, until it is paid."""
    scheduled_tier: str
    scheduled_interval: str
    scheduled_price_minor: int | None
    scheduled_at: datetime | None
    """A downgrade, until the end of the period."""
    request: str
    """What else was asked of Stripe and is not answered, such as `cancel`; else empty."""
    open_invoice_id: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str
    mrr_minor: int
    """The price after discounts, normalised to a month, while active or past due; else 0."""
    mrr_since: datetime | None
    """When that last moved; None for one that never brought any."""
    position: int
    last_position: int
    quantity: int
    others_minor: int
    """What other items come to for one interval."""
    not_followed: str
    """Why what Stripe bills is none of our plans; empty when it is one."""
    discounted_minor: int | None
    """What an interval comes to after discounts; None without any."""
    page_ends_at: datetime | None
    """Of a page of Stripe's on which it is begun; null where the card was known."""


class MovementRow(Row):
    """MRR before and after a fact. All movements of a currency up to now add up to its MRR now."""

    position: int
    currency: str
    at: datetime
    day: date
    """Of `at`, in UTC."""
    kind: str
    """`new`, `upgrade`, `downgrade`, `churn` or `reactivation`, judged by the amounts: a year's plan that
    costs less a month is a downgrade, and a pause is churn. `new` is a user's first ever.
    """
    subscription_id: str
    user_id: str
    was_tier: str
    tier: str
    was_mrr_minor: int
    mrr_minor: int
    mrr_delta_minor: int


SUBSCRIPTIONS = Table("subscriptions", SubscriptionRow, ("subscription_id",))
MOVEMENTS = Table("subscription_movements", MovementRow, ("position", "currency"))

_FACTS: frozenset[type[Event]] = frozenset(get_args(SubscriptionEvent))
_PAYING = frozenset({"active", "past_due"})
_ENDED = frozenset({"canceled", "incomplete_expired"})
_REQUESTS: dict[type[Event], str] = {
    CancellationRequested: "cancel",
    CancellationWithdrawalRequested: "withdraw_cancellation",
    PauseRequested: "pause",
    ResumeRequested: "resume",
    PaymentMethodChangeRequested: "payment_method",
}


class _Revenue(msgspec.Struct, frozen=True, gc=False):
    currency: str
    tier: str
    mrr_minor: int


class Subscriptions(Projection):
    NAME: ClassVar[str] = "subscriptions"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._subscriptions = Rows(SUBSCRIPTIONS)
        self._movements = Log(MOVEMENTS)
        self._paid_before: set[str] = set()

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._subscriptions, self._movements

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """All of a user's, since one that comes back is no new customer."""
        users: set[str] = set()
        begun: set[str] = set()
        for recorded in batch:
            if type(recorded.event) in _FACTS:
                (begun if recorded.version == 1 else users).add(_user_id(recorded))
        for row in self._subscriptions.load(cursor, users - begun, by="user_id"):
            if row.mrr_since is not None:
                self._paid_before.add(row.user_id)

    def project(self, recorded: Recorded) -> None:
        event = cast("SubscriptionEvent", recorded.event)
        if isinstance(event, SubscriptionRequested):
            self._subscriptions.put(event.subscription_id, _begin(recorded, event))
            return
        row = self._subscriptions.change(event.subscription_id)
        before = _revenue(row)
        if isinstance(event, SubscriptionDiscounted):
            row.discounted_minor = event.discounted_minor
        else:
            _advance(row, recorded, event)
        row.last_position = recorded.position
        price = interval_minor(row) if row.discounted_minor is None else row.discounted_minor
        row.mrr_minor = monthly_minor(price, row.interval) if row.status in _PAYING else 0
        after = _revenue(row)
        if after != before and (before.mrr_minor or after.mrr_minor):
            self._move(row, recorded, before, after)

    def _move(self, row: SubscriptionRow, recorded: Recorded, before: _Revenue, after: _Revenue) -> None:
        at = _moved_at(row, recorded)
        for currency in sorted({before.currency, after.currency}):
            was = before.mrr_minor if currency == before.currency else 0
            now = after.mrr_minor if currency == after.currency else 0
            if was or now:
                kind = _kind(was, now, returning=row.user_id in self._paid_before)
                day = at.astimezone(UTC).date()
                of = (row.subscription_id, row.user_id, before.tier, after.tier)
                self._movements.add((recorded.position, currency, at, day, kind, *of, was, now, now - was))
        row.mrr_since = at
        self._paid_before.add(row.user_id)


def interval_minor(row: SubscriptionRow) -> int:
    """What one interval costs, all items together."""
    return row.price_minor * row.quantity + row.others_minor


def monthly_minor(price_minor: int, interval: str) -> int:
    """A price of one `month` or `year`, as what it comes to a month."""
    return round_half_up(price_minor, 12) if interval == "year" else price_minor


def _user_id(recorded: Recorded) -> str:
    return id_of(recorded.stream)


def _revenue(row: SubscriptionRow) -> _Revenue:
    return _Revenue(row.currency, row.tier, row.mrr_minor)


def _kind(was_minor: int, now_minor: int, *, returning: bool) -> str:
    if not was_minor:
        return "reactivation" if returning else "new"
    if not now_minor:
        return "churn"
    return "upgrade" if now_minor >= was_minor else "downgrade"


def _moved_at(row: SubscriptionRow, recorded: Recorded) -> datetime:
    """When it was so at Stripe, also when we heard of it later; never before the movement before it."""
    match recorded.event:
        case SubscriptionStarted(period_start=at) | SubscriptionCanceled(at=at):
            pass
        case _:
            at = recorded.metadata.effective_at
    return at if row.mrr_since is None else max(at, row.mrr_since)


def _begin(recorded: Recorded, event: SubscriptionRequested) -> SubscriptionRow:
    return SubscriptionRow(
        subscription_id=event.subscription_id,
        user_id=event.user_id,
        stripe_subscription_id="",
        tier=event.tier,
        interval=event.interval,
        currency=event.currency,
        price_minor=event.price_minor,
        quantity=1,
        others_minor=0,
        not_followed="",
        discounted_minor=None,
        catalogue_version=event.catalogue_version,
        payment_method_id=event.payment_method_id,
        status="requested",
        failure_code="",
        decline_code="",
        trial_end=None,
        anchor_at=None,
        period_start=None,
        period_end=None,
        past_due_since=None,
        cancel_at=None,
        change_id="",
        pending_tier="",
        pending_interval="",
        scheduled_tier="",
        scheduled_interval="",
        scheduled_price_minor=None,
        scheduled_at=None,
        request="",
        open_invoice_id="",
        requested_at=recorded.metadata.effective_at,
        started_at=None,
        ended_at=None,
        end_reason="",
        mrr_minor=0,
        mrr_since=None,
        position=recorded.position,
        last_position=recorded.position,
        page_ends_at=event.page.expires_at if event.page else None,
    )


def _advance(row: SubscriptionRow, recorded: Recorded, event: SubscriptionEvent) -> None:
    if (asked := _REQUESTS.get(type(event))) is not None:
        row.request = asked
        return
    match event:
        case SubscriptionStarted():
            _start(row, event)
        case SubscriptionStatusChanged():
            _stand(row, recorded, event)
        case SubscriptionCanceled():
            row.end_reason = event.reason
            _end(row, "canceled", event.at)
        case SubscriptionPeriodRenewed():
            row.period_start, row.period_end = event.period_start, event.period_end
            row.anchor_at = event.anchor_at or row.anchor_at
        case SubscriptionObserved():
            row.open_invoice_id = event.open_invoice_id
            row.trial_end = event.trial_end
        case PaymentMethodChanged():
            row.payment_method_id = event.payment_method_id
            _answer(row, "payment_method")
        case CancellationScheduled(at=at):
            row.cancel_at = at
            _answer(row, "cancel")
        case CancellationWithdrawn():
            row.cancel_at = None
            _answer(row, "withdraw_cancellation")
        case _:
            _advance_request(row, event)


def _advance_request(  # noqa: C901 - one answer for each fact
    row: SubscriptionRow, event: SubscriptionEvent
) -> None:
    match event:
        case SubscriptionRequestFailed(request="create"):
            row.status = "failed"
            row.failure_code, row.decline_code = event.code, event.decline_code
        case SubscriptionRequestFailed():
            row.request = ""
        case SubscriptionOutcomeUnknown(request="create"):
            row.status = "unknown"
        case SubscriptionPageOpened():
            row.status = "requested"
        case DuplicateSubscriptionFound():
            row.status = "duplicate"
            row.stripe_subscription_id = event.stripe_subscription_id
        case SubscriptionChangeRequested():
            _forget_change(row)
            row.change_id = event.change_id
            row.pending_tier, row.pending_interval = event.tier, event.interval
        case SubscriptionChangeScheduled():
            _forget_change(row)
            row.change_id = event.change_id
            row.scheduled_tier, row.scheduled_interval = event.tier, event.interval
            row.scheduled_price_minor, row.scheduled_at = event.price_minor, event.at
        case SubscriptionChangeSuperseded() | SubscriptionChangeFailed():
            _forget_change(row)
        case SubscriptionChanged():
            row.tier, row.interval = event.tier, event.interval
            row.currency, row.price_minor = event.currency, event.price_minor
            row.quantity, row.others_minor = event.quantity, event.others_minor
            row.not_followed = event.not_followed
            row.discounted_minor = None
            row.catalogue_version = event.catalogue_version or row.catalogue_version
            if event.change_id == row.change_id:
                _forget_change(row)
        case _:
            pass


def _start(row: SubscriptionRow, event: SubscriptionStarted) -> None:
    row.stripe_subscription_id = event.stripe_subscription_id
    row.status = event.status
    row.anchor_at, row.trial_end = event.anchor_at, event.trial_end
    row.period_start, row.period_end = event.period_start, event.period_end
    row.started_at = event.period_start
    # A refusal that was none.
    row.failure_code = row.decline_code = ""


def _stand(row: SubscriptionRow, recorded: Recorded, event: SubscriptionStatusChanged) -> None:
    if event.status in _ENDED:
        _end(row, event.status, recorded.metadata.effective_at)
        return
    row.status = event.status
    row.past_due_since = event.past_due_since
    _answer(row, "pause" if event.status == "paused" else "resume")


def _end(row: SubscriptionRow, status: str, at: datetime) -> None:
    row.status, row.ended_at = status, at
    row.cancel_at = row.past_due_since = None
    row.request = row.open_invoice_id = ""
    _forget_change(row)


def _answer(row: SubscriptionRow, request: str) -> None:
    if row.request == request:
        row.request = ""


def _forget_change(row: SubscriptionRow) -> None:
    row.change_id = row.pending_tier = row.pending_interval = ""
    row.scheduled_tier = row.scheduled_interval = ""
    row.scheduled_price_minor = row.scheduled_at = None
