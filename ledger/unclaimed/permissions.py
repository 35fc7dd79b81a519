"""Who may send which command about what moved at Stripe by nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import ADMINS, SYSTEM
from ledger.unclaimed.commands import (
    ClaimMovement,
    ExplainMovement,
    RecordMovement,
    RecordMovementFundsAvailable,
    WithdrawExplanation,
)

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RecordMovement: SYSTEM,
    RecordMovementFundsAvailable: SYSTEM,
    ClaimMovement: SYSTEM,
    ExplainMovement: ADMINS,
    WithdrawExplanation: ADMINS,
}
