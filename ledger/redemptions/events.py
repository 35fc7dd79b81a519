"""Facts about one reward and who redeems it."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class RedemptionHeld(Event, frozen=True, kw_only=True):
    """One of the reward is kept for the user until it is known whether the tokens are there.

    The numbers are those that it was decided with.
    """

    TYPE: ClassVar[str] = "redemptions.held.v1"
    reward_id: str
    redemption_id: str
    user_id: str
    kind: str
    cost: int
    stock: int | None = None
    limit: int | None = None
    feature: str = ""
    days: int = 0
    course_id: str = ""
    """Of the course that it is to be enrolled in."""
    catalogue_version: str = ""


class RedemptionConfirmed(Event, frozen=True, kw_only=True):
    """The tokens are spent."""

    TYPE: ClassVar[str] = "redemptions.confirmed.v1"
    reward_id: str
    redemption_id: str
    user_id: str
    waits: bool = False
    """For somebody to fulfil it, or for its course to be given."""
    course_id: str = ""
    """The course to be given now."""
    ends_at: Instant | None = None
    """Of what is unlocked for some days."""


class RedemptionReleased(Event, frozen=True, kw_only=True):
    """The tokens were not there, so that the item is free again."""

    TYPE: ClassVar[str] = "redemptions.released.v1"
    reward_id: str
    redemption_id: str
    user_id: str
    reason: str


class RedemptionFulfilled(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "redemptions.fulfilled.v1"
    reward_id: str
    redemption_id: str
    user_id: str


class RedemptionCancelled(Event, frozen=True, kw_only=True):
    """The tokens are given back, and the item is free again where it was not yet."""

    TYPE: ClassVar[str] = "redemptions.cancelled.v1"
    reward_id: str
    redemption_id: str
    user_id: str
    reason: str
    course_id: str = ""
    """The course whose access goes with it."""


RedemptionEvent = (
    RedemptionHeld | RedemptionConfirmed | RedemptionReleased | RedemptionFulfilled | RedemptionCancelled
)
