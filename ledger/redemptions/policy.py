"""What follows between a reward, the tokens of who redeems it, and the course that they have by it: all of it
in this ledger.
"""

from __future__ import annotations

from ledger.effects import (
    Effect,
    EnrolRedeemer,
    FollowRedeemedCourse,
    FollowRedemption,
    RestoreRedemption,
    RevokeRedeemedCourse,
    SpendTokens,
)
from ledger.enrolments.events import EnrolmentActivated, RedeemedCourseDeclined
from ledger.message import Recorded
from ledger.redemptions.events import RedemptionCancelled, RedemptionConfirmed, RedemptionHeld
from ledger.tokens.events import TokensRedeemed


def react(  # noqa: PLR0911 - one answer for each fact
    recorded: Recorded,
) -> tuple[Effect, ...]:
    match recorded.event:
        case RedemptionHeld() as held:
            return (SpendTokens(held.reward_id, held.redemption_id, held.user_id, held.cost),)
        case TokensRedeemed() as spent:
            return (FollowRedemption(spent.reward_id, spent.redemption_id),)
        case RedemptionConfirmed(course_id=course_id) as paid if course_id:
            return (EnrolRedeemer(course_id, paid.user_id, paid.reward_id, paid.redemption_id),)
        case EnrolmentActivated(redemption_id=redemption_id) as given if redemption_id:
            return (FollowRedeemedCourse(given.reward_id, redemption_id),)
        case RedeemedCourseDeclined() as declined:
            return (FollowRedeemedCourse(declined.reward_id, declined.redemption_id, declined.reason),)
        case RedemptionCancelled() as cancelled:
            restore = RestoreRedemption(cancelled.redemption_id, cancelled.user_id)
            if not cancelled.course_id:
                return (restore,)
            revoke = RevokeRedeemedCourse(cancelled.course_id, cancelled.user_id, cancelled.redemption_id)
            return restore, revoke
        case _:
            return ()
