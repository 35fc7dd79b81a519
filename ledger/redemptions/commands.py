"""What can be asked of one reward.

What becomes of the tokens comes from the ledger itself, maybe late and more than once, and is never refused.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.message import Command


class Offer(Struct, frozen=True, kw_only=True):
    """A reward as the catalogue has it now."""

    kind: str
    cost: int
    stock: int | None = None
    limit: int | None = None
    feature: str = ""
    days: int = 0
    course_id: str = ""
    version: str = ""
    """Of the catalogue."""


class RedeemReward(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "redemptions.redeem"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"offer"})
    ADDED: ClassVar[frozenset[str]] = frozenset({"expected_cost"})
    reward_id: str
    redemption_id: str
    user_id: str
    offer: Offer
    expected_cost: int | None = None
    """What the user was shown that it costs; None takes whatever it does."""


class ConfirmRedemption(Command, frozen=True, kw_only=True):
    """Its tokens are spent."""

    NAME: ClassVar[str] = "redemptions.confirm"
    reward_id: str
    redemption_id: str


class ReleaseRedemption(Command, frozen=True, kw_only=True):
    """Its tokens were not there."""

    NAME: ClassVar[str] = "redemptions.release"
    reward_id: str
    redemption_id: str
    reason: str


class CompleteRedemption(Command, frozen=True, kw_only=True):
    """Its course is had."""

    NAME: ClassVar[str] = "redemptions.complete"
    reward_id: str
    redemption_id: str


class GiveUpRedemption(Command, frozen=True, kw_only=True):
    """Its course could not be given any more."""

    NAME: ClassVar[str] = "redemptions.give_up"
    reward_id: str
    redemption_id: str
    reason: str


class FulfilRedemption(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "redemptions.fulfil"
    reward_id: str
    redemption_id: str


class CancelRedemption(Command, frozen=True, kw_only=True):
    """The tokens come back, and the item with them."""

    NAME: ClassVar[str] = "redemptions.cancel"
    reward_id: str
    redemption_id: str
    reason: str


RedemptionCommand = (
    RedeemReward
    | ConfirmRedemption
    | ReleaseRedemption
    | CompleteRedemption
    | GiveUpRedemption
    | FulfilRedemption
    | CancelRedemption
)


def confirm_id(redemption_id: str) -> str:
    return f"confirm_redemption:{redemption_id}"


def release_id(redemption_id: str) -> str:
    return f"release_redemption:{redemption_id}"


def complete_id(redemption_id: str) -> str:
    return f"complete_redemption:{redemption_id}"


def give_up_id(redemption_id: str) -> str:
    return f"give_up_redemption:{redemption_id}"
