"""Who may send which command about an enrolment."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.enrolments.commands import (
    ActivateEnrolment,
    ExpireReservation,
    GrantEnrolment,
    ReleaseEnrolment,
    RequestReturn,
    ReserveEnrolment,
    RestoreEnrolment,
    RevokeEnrolment,
    WithdrawReturn,
)
from ledger.message import Command
from ledger.roles import SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    ReserveEnrolment: USERS,
    RequestReturn: USERS,
    GrantEnrolment: SYSTEM,
    ActivateEnrolment: SYSTEM,
    ReleaseEnrolment: SYSTEM,
    RevokeEnrolment: SYSTEM,
    RestoreEnrolment: SYSTEM,
    ExpireReservation: SYSTEM,
    WithdrawReturn: SYSTEM,
}
