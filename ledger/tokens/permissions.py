"""Who may send which command about tokens."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.roles import ADMINS, SYSTEM, TRUSTED
from ledger.tokens.commands import (
    AwardTokens,
    ClawBackTokens,
    ConfirmAward,
    DeclineAward,
    PenaliseTokens,
    RedeemTokens,
    ReinstateAward,
    RequestAward,
    RestoreTokens,
    SettleTokens,
)

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    AwardTokens: TRUSTED | SYSTEM,
    ReinstateAward: SYSTEM,
    ClawBackTokens: SYSTEM,
    RequestAward: ADMINS,
    ConfirmAward: ADMINS,
    DeclineAward: ADMINS,
    PenaliseTokens: ADMINS,
    RedeemTokens: SYSTEM,
    RestoreTokens: SYSTEM,
    SettleTokens: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    """What is given by hand is an administrator's to give, and is asked for in one's own name. By a rule,
    which no second administrator confirms, nobody gives themselves anything.
    """
    by_hand = isinstance(command, AwardTokens) and command.terms.alone is not None
    if by_hand and origin.roles.isdisjoint(ADMINS):
        raise Forbidden("Only an administrator may award tokens by hand; a service names one of the rules.")
    if isinstance(command, AwardTokens) and not by_hand and command.user_id == origin.sender:
        raise Forbidden("Nobody awards themselves by a rule: ask for tokens by hand, which another confirms.")
    if isinstance(command, RequestAward | ConfirmAward) and command.admin_id != origin.sender:
        raise Forbidden("An award is asked for and confirmed by whoever sends the command.")
