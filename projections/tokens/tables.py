"""Users' tokens as they are recorded: what time has done since is for whoever reads to add."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from projections.engine.tables import Row, Table

NEVER = date.max
"""Where others have the day on which they expire."""

Kind = Literal["awarded", "matured", "expired", "clawed_back", "penalised", "redeemed", "restored"]


class TokenAccountRow(Row):
    user_id: str
    balance: int
    debt: int
    pending: int
    last_position: int


class TokenStripRow(Row):
    """What is left of all lots that expire together."""

    user_id: str
    expires_on: date
    """In UTC, as the day begins; `NEVER` for those that do not."""
    remaining: int


class TokenLotRow(Row):
    lot_id: str
    user_id: str
    rule: str
    source_ref: str
    attempt: int
    asked: int
    amount: int
    status: Literal["pending", "granted", "reversed"]
    awarded_at: datetime
    pending_until: datetime | None
    expires_at: datetime | None
    reason: str
    position: int


class TokenMovementRow(Row):
    position: int
    user_id: str
    kind: Kind
    rule: str
    """Of an award, and of what became of it; empty for all else, as the source."""
    source_ref: str
    reference: str
    """The lot, the redemption or the penalty; empty for what expired."""
    asked: int
    """Of an award, before its limits; of all else, what it is about."""
    change: int
    """Of the balance."""
    debt_change: int
    pending_change: int
    balance: int
    """After it, as the others."""
    debt: int
    pending: int
    reason: str
    happened_at: datetime
    """When it was so, however late it was recorded."""


class TokenRequestRow(Row):
    """An award by hand for a second administrator."""

    request_id: str
    user_id: str
    source_ref: str
    amount: int
    reason: str
    requested_by: str
    requested_at: datetime
    status: Literal["waiting", "confirmed", "declined"]
    position: int


TOKEN_ACCOUNTS = Table("token_accounts", TokenAccountRow, ("user_id",))
TOKEN_STRIPS = Table("token_strips", TokenStripRow, ("user_id", "expires_on"))
TOKEN_LOTS = Table("token_lots", TokenLotRow, ("lot_id",))
TOKEN_MOVEMENTS = Table("token_movements", TokenMovementRow, ("position",))
TOKEN_REQUESTS = Table("token_requests", TokenRequestRow, ("request_id",))
