"""What somebody is told, before it is put into their language and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from api.receipts.content import Receipt


class Money(msgspec.Struct, frozen=True):
    amount_minor: int
    currency: str


Value = str | int | Money | datetime | bool | None
"""A datetime is told by its day, in the reader's zone."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """To one user, by the words of `template`, which name `values`."""

    user_id: str
    template: str
    values: Mapping[str, Value]
    receipt: Receipt | None = None
    """Goes with it, as a PDF."""


class LeftOut(msgspec.Struct, frozen=True):
    """Nothing is sent, and why: as when it has been settled since."""

    reason: str
