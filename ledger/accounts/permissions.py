"""Who may send which command about a connected account."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.accounts.commands import (
    RecordAccountGone,
    RecordAccountRefusal,
    RecordAccountSnapshot,
    RecordAccountUnknown,
    RecordClosingRefusal,
    RequestAccount,
    RequestAccountClosing,
)
from ledger.message import Command
from ledger.roles import PAID, SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RequestAccount: PAID,
    RequestAccountClosing: PAID,
    RecordAccountSnapshot: SYSTEM,
    RecordAccountGone: SYSTEM,
    RecordAccountRefusal: SYSTEM,
    RecordAccountUnknown: SYSTEM,
    RecordClosingRefusal: SYSTEM,
}
