"""Who may send which command about an enrolment."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.enrolments.commands import (
    ActivateEnrolment,
    DeclineMember,
    EnrolMember,
    EnrolRedeemer,
    ExpireReservation,
    GrantEnrolment,
    ReleaseEnrolment,
    RequestReturn,
    ReserveEnrolment,
    RestoreEnrolment,
    ReturnOrdered,
    RevokeEnrolment,
    RevokeOrdered,
    RevokeRedeemed,
    WithdrawReturn,
)
from ledger.enrolments.learning.commands import IssueCertificate, ReportProgress
from ledger.enrolments.reviews.commands import (
    EditReview,
    HideReview,
    PostReview,
    ReplyToReview,
    ShowReview,
    WithdrawReview,
)
from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.roles import ADMINS, FOUNDERS, REPORTERS, SYSTEM, TRUSTED, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    ReserveEnrolment: USERS,
    RequestReturn: USERS,
    GrantEnrolment: SYSTEM,
    EnrolRedeemer: SYSTEM,
    RevokeRedeemed: SYSTEM,
    EnrolMember: SYSTEM,
    DeclineMember: SYSTEM,
    ReturnOrdered: FOUNDERS,
    RevokeOrdered: SYSTEM,
    ActivateEnrolment: SYSTEM,
    ReleaseEnrolment: SYSTEM,
    RevokeEnrolment: SYSTEM,
    RestoreEnrolment: SYSTEM,
    ExpireReservation: SYSTEM,
    WithdrawReturn: SYSTEM,
    ReportProgress: REPORTERS,
    IssueCertificate: USERS | SYSTEM,
    PostReview: USERS,
    EditReview: USERS,
    ReplyToReview: USERS,
    HideReview: ADMINS,
    ShowReview: ADMINS,
    WithdrawReview: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    """A learner reports for themselves, by items, and has a certificate of their own."""
    trusted = not origin.roles.isdisjoint(TRUSTED | SYSTEM)
    if isinstance(command, ReportProgress) and command.percent is not None and not trusted:
        raise Forbidden("A percentage is taken from admins and services alone; report `items_done`.")
    if (
        isinstance(command, ReportProgress | IssueCertificate)
        and command.learner_id != origin.sender
        and not trusted
    ):
        raise Forbidden("Only admins and services may do this for another learner.")
