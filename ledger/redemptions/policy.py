"""What follows between a reward and the tokens of who redeems it: all of it in this ledger."""

from __future__ import annotations

from ledger.effects import Effect, FollowRedemption, RestoreRedemption, SpendTokens
from ledger.message import Recorded
from ledger.redemptions.events import RedemptionCancelled, RedemptionHeld
from ledger.tokens.events import TokensRedeemed


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case RedemptionHeld() as held:
            return (SpendTokens(held.reward_id, held.redemption_id, held.user_id, held.cost),)
        case TokensRedeemed() as spent:
            return (FollowRedemption(spent.reward_id, spent.redemption_id),)
        case RedemptionCancelled() as cancelled:
            return (RestoreRedemption(cancelled.redemption_id, cancelled.user_id),)
        case _:
            return ()
