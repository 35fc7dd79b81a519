"""Who may send which command about earnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ledger.earnings.commands import EarningsCommand, RequestPayout, RequestRecall, RetryPayout
from ledger.message import Command
from ledger.roles import ADMINS, PAID, SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    **dict.fromkeys(get_args(EarningsCommand), SYSTEM),
    RequestPayout: PAID | SYSTEM,
    RetryPayout: PAID | SYSTEM,
    RequestRecall: ADMINS | SYSTEM,
}
"""Runs ask for payouts as the system; instructors ask for their own."""
