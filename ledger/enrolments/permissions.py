"""Who may send which command about an enrolment."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.enrolments.commands import (
    ActivateEnrolment,
    ExpireReservation,
    ReleaseEnrolment,
    RequestReturn,
    ReserveEnrolment,
    RestoreEnrolment,
    RevokeEnrolment,
    WithdrawReturn,
)
from ledger.enrolments.reviews.commands import (
    EditReview,
    HideReview,
    PostReview,
    ReplyToReview,
    ShowReview,
)
from ledger.message import Command
from ledger.roles import ADMINS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    ReserveEnrolment: USERS,
    RequestReturn: USERS,
    ActivateEnrolment: SYSTEM,
    ReleaseEnrolment: SYSTEM,
    RevokeEnrolment: SYSTEM,
    RestoreEnrolment: SYSTEM,
    ExpireReservation: SYSTEM,
    WithdrawReturn: SYSTEM,
    PostReview: USERS,
    EditReview: USERS,
    ReplyToReview: USERS,
    HideReview: ADMINS,
    ShowReview: ADMINS,
}
