"""Users' connected accounts as Stripe said last: one row for each user, of the newest account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.accounts.events import (
    AccountClosed,
    AccountEvent,
    AccountObserved,
    AccountOpened,
    AccountRefused,
    AccountRequested,
    AccountUpdated,
)
from ledger.accounts.standing import Status, status_of_open
from ledger.accounts.stream import KIND
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class AccountRow(Row):
    user_id: str
    account_id: str
    stripe_account_id: str
    """Empty until Stripe has made it."""
    status: Status
    country: str
    agreement: str
    default_currency: str
    requirements_due: int
    """How many Stripe waits for, those that are past due among them."""
    disabled_reason: str
    deadline: datetime | None
    observed_at: datetime | None
    requested_at: datetime
    position: int
    last_position: int


CONNECTED_ACCOUNTS = Table("connected_accounts", AccountRow, ("user_id",))
_FACTS: frozenset[type[Event]] = frozenset(get_args(AccountEvent))


class Accounts(Projection):
    NAME: ClassVar[str] = "accounts"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._accounts = Rows(CONNECTED_ACCOUNTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._accounts,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        self._accounts.load(cursor, {KIND.id_of(one.stream) for one in batch if type(one.event) in _FACTS})

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        user_id = KIND.id_of(recorded.stream)
        if isinstance(event, AccountRequested):
            self._accounts.put(user_id, _begin(recorded, event))
            return
        known = self._accounts.find(user_id)
        if known is None or known.account_id != event.account_id:
            return  # of one whose request was lost by a restore
        row = self._accounts.change(user_id)
        row.last_position = recorded.position
        _apply(row, event)


def _begin(recorded: Recorded, event: AccountRequested) -> AccountRow:
    return AccountRow(
        user_id=event.user_id,
        account_id=event.account_id,
        stripe_account_id="",
        status="onboarding",
        country=event.country,
        agreement=event.agreement,
        default_currency="",
        requirements_due=0,
        disabled_reason="",
        deadline=None,
        observed_at=None,
        requested_at=recorded.metadata.effective_at,
        position=recorded.position,
        last_position=recorded.position,
    )


def _apply(row: AccountRow, event: Event) -> None:
    match event:
        case AccountOpened():
            row.stripe_account_id, row.status = event.stripe_account_id, "onboarding"
        case AccountRefused():
            row.status = "none"
        case AccountUpdated(standing=standing):
            row.status = status_of_open(standing)
            row.default_currency = standing.default_currency
            row.requirements_due = len({*standing.currently_due, *standing.past_due})
            row.disabled_reason, row.deadline = standing.disabled_reason, standing.deadline
            row.observed_at = event.observed_at
        case AccountObserved():
            row.observed_at = event.observed_at
        case AccountClosed():
            row.status, row.observed_at = "closed", event.observed_at
        case _:
            pass  # of what is asked for, and of its answers that change nothing here
