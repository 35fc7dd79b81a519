"""Who may send which command about rewards."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.redemptions.commands import (
    CancelRedemption,
    CompleteRedemption,
    ConfirmRedemption,
    FulfilRedemption,
    GiveUpRedemption,
    RedeemReward,
    ReleaseRedemption,
)
from ledger.roles import ADMINS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RedeemReward: USERS,
    ConfirmRedemption: SYSTEM,
    ReleaseRedemption: SYSTEM,
    CompleteRedemption: SYSTEM,
    GiveUpRedemption: SYSTEM,
    FulfilRedemption: ADMINS,
    CancelRedemption: ADMINS,
}


def check_sender(command: Command, origin: Origin) -> None:
    if isinstance(command, RedeemReward) and command.user_id != origin.sender:
        raise Forbidden("Nobody spends another user's tokens.")
