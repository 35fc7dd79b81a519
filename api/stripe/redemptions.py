"""What a reward and the tokens of who redeems it ask of each other: in the ledger alone, not of Stripe."""

from __future__ import annotations

from api.stripe.delivery import IMPATIENCE, Delivered, Postponed, Tools, as_worker
from ledger.effects import FollowRedemption, RedemptionEffect, RestoreRedemption, SpendTokens
from ledger.message import Command, Origin
from ledger.redemptions.commands import ConfirmRedemption, ReleaseRedemption, confirm_id, release_id
from ledger.redemptions.decider import REWARD
from ledger.redemptions.stream import stream_of
from ledger.tokens.commands import RedeemTokens, RestoreTokens, redemption_command_id, restore_id
from ledger.tokens.events import TokensRedeemed
from ledger.tokens.following import grace_until
from ledger.tokens.refusals import InsufficientTokens


async def deliver(tools: Tools, effect: RedemptionEffect, origin: Origin) -> Delivered:
    """Once, however often this is delivered."""
    match effect:
        case SpendTokens():
            return await _spend(tools, effect, as_worker(origin))
        case FollowRedemption():
            command: Command = ConfirmRedemption(
                command_id=confirm_id(effect.redemption_id),
                effective_at=tools.clock.now(),
                reward_id=effect.reward_id,
                redemption_id=effect.redemption_id,
            )
        case RestoreRedemption():
            command = await _restore(tools, effect)
    return Delivered(await tools.store.handle(command, as_worker(origin)))


async def _spend(tools: Tools, effect: SpendTokens, system: Origin) -> Delivered:
    """The tokens, or the end of what was kept for them where they are not there."""
    rewards = await tools.store.state(REWARD, stream_of(effect.reward_id))
    held = rewards.redemptions.get(effect.redemption_id)
    if held is None or held.status != "held":
        return Delivered()
    now = tools.clock.now()
    spend = RedeemTokens(
        command_id=redemption_command_id(effect.redemption_id),
        effective_at=now,
        user_id=effect.user_id,
        redemption_id=effect.redemption_id,
        reward_id=effect.reward_id,
        amount=effect.amount,
    )
    try:
        return Delivered(await tools.store.handle(spend, system))
    except InsufficientTokens as refusal:
        release = ReleaseRedemption(
            command_id=release_id(effect.redemption_id),
            effective_at=now,
            reward_id=effect.reward_id,
            redemption_id=effect.redemption_id,
            reason=refusal.code,
        )
        return Delivered(await tools.store.handle(release, system))


async def _restore(tools: Tools, effect: RestoreRedemption) -> RestoreTokens:
    """What was taken, as it was recorded."""
    recorded = await tools.store.find_command(redemption_command_id(effect.redemption_id))
    spent = recorded[-1].event if recorded else None
    if not isinstance(spent, TokensRedeemed):
        raise Postponed(f"no tokens were taken for {effect.redemption_id}", IMPATIENCE)
    now = tools.clock.now()
    return RestoreTokens(
        command_id=restore_id(effect.redemption_id),
        effective_at=now,
        user_id=effect.user_id,
        redemption_id=effect.redemption_id,
        taken=spent.taken,
        grace_until=grace_until(now, tools.catalogue),
    )
