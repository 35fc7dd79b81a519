"""Why a reward is not redeemed, fulfilled or cancelled."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class OutOfStock(Refused):
    """As many of the reward are redeemed, or kept for who is about to, as there are."""

    code: ClassVar[str] = "out_of_stock"
    remedy: ClassVar[str] = "Choose another reward; nothing was taken."
    passing: ClassVar[bool] = True


class LimitReached(Refused):
    """The user has as many of the reward as one may have."""

    code: ClassVar[str] = "limit_reached"
    remedy: ClassVar[str] = "Choose another reward; nothing was taken."
    passing: ClassVar[bool] = True


class StillUnlocked(Refused):
    """The user has unlocked it by the same reward, and has it still."""

    code: ClassVar[str] = "still_unlocked"
    remedy: ClassVar[str] = "Redeem it again after the time that `detail` tells; nothing was taken."
    passing: ClassVar[bool] = True


class AlreadyInPlan(Refused):
    """The user's plan has the feature without limit, so that a reward adds nothing to it."""

    code: ClassVar[str] = "already_in_plan"
    remedy: ClassVar[str] = "Use the feature, or choose another reward; nothing was taken."
    passing: ClassVar[bool] = True


class RedemptionInProgress(Refused):
    """It is not known yet what becomes of the user's last redemption of this reward."""

    code: ClassVar[str] = "redemption_in_progress"
    remedy: ClassVar[str] = "Ask again in a moment: what was begun goes on by itself."
    passing: ClassVar[bool] = True


class CostChanged(Refused):
    """The reward costs another number of tokens than the user was shown."""

    code: ClassVar[str] = "cost_changed"
    remedy: ClassVar[str] = "Show the new cost, and send it once the user agrees."
    passing: ClassVar[bool] = True


class CourseNotGiven(Refused):
    """What came to the course, or to who would have it, while the tokens were taken."""

    code: ClassVar[str] = "course_not_given"
    remedy: ClassVar[str] = "Nothing is to be done: the tokens are given back. Choose another reward."
    passing: ClassVar[bool] = False


class RedemptionNotOpen(Refused):
    """What became of the redemption already does not allow it."""

    code: ClassVar[str] = "redemption_not_open"
    remedy: ClassVar[str] = "Read what became of it: GET /api/tokens/redemptions lists redemptions."
    passing: ClassVar[bool] = False


class InvalidRedemption(Invalid):
    """The reason is not as it can be."""

    code: ClassVar[str] = "invalid_redemption"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."
