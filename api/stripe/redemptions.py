"""What a reward, the tokens of who redeems it and the course that they have by it ask of each other: in the
ledger alone, not of Stripe.
"""

from __future__ import annotations

from datetime import datetime

from api.stripe.delivery import IMPATIENCE, Delivered, Postponed, Tools, as_worker
from api.stripe.tokens import tier_of
from ledger import effects
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of as course_stream
from ledger.effects import (
    FollowRedeemedCourse,
    FollowRedemption,
    RedemptionEffect,
    RestoreRedemption,
    RevokeRedeemedCourse,
    SpendTokens,
)
from ledger.enrolments.commands import EnrolRedeemer, Offer, RevokeRedeemed
from ledger.message import Command, Origin
from ledger.redemptions.commands import (
    CompleteRedemption,
    ConfirmRedemption,
    GiveUpRedemption,
    ReleaseRedemption,
    complete_id,
    confirm_id,
    give_up_id,
    release_id,
)
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
        case effects.EnrolRedeemer():
            command = await _enrol(tools, effect)
        case FollowRedeemedCourse():
            command = _followed(effect, tools.clock.now())
        case RevokeRedeemedCourse():
            command = RevokeRedeemed(
                command_id=f"revoke_redeemed:{effect.redemption_id}",
                effective_at=tools.clock.now(),
                course_id=effect.course_id,
                learner_id=effect.learner_id,
                redemption_id=effect.redemption_id,
            )
    return Delivered(await tools.store.handle(command, as_worker(origin)))


async def _spend(tools: Tools, effect: SpendTokens, system: Origin) -> Delivered:
    """The tokens, or the end of what was kept for them where they are not there. Where they are taken already
    it is told once more, so that who asks again is led on to what follows.
    """
    rewards = await tools.store.state(REWARD, stream_of(effect.reward_id))
    held = rewards.redemptions.get(effect.redemption_id)
    if held is None or held.status == "released":
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


async def _enrol(tools: Tools, effect: effects.EnrolRedeemer) -> EnrolRedeemer:
    """On the terms on which the course would be sold now."""
    now = tools.clock.now()
    course = await tools.store.state(COURSE, course_stream(effect.course_id))
    tiers, content = tools.catalogue.tiers, course.content
    tier = tiers[await tier_of(tools.store, course.author, now)]
    offer = Offer(
        status=course.status,
        revision=course.revision,
        price_minor=content.price_minor if content else 0,
        currency=content.currency if content else "",
        instructors=content.instructors if content else (),
        share_bp=tier.instructor_share_bp,
        catalogue_version=tools.catalogue.version,
        author_id=course.author,
    )
    return EnrolRedeemer(
        command_id=f"enrol_redeemer:{effect.redemption_id}",
        effective_at=now,
        course_id=effect.course_id,
        learner_id=effect.learner_id,
        reward_id=effect.reward_id,
        redemption_id=effect.redemption_id,
        offer=offer,
    )


def _followed(effect: FollowRedeemedCourse, at: datetime) -> CompleteRedemption | GiveUpRedemption:
    about = {"reward_id": effect.reward_id, "redemption_id": effect.redemption_id}
    if not effect.reason:
        return CompleteRedemption(command_id=complete_id(effect.redemption_id), effective_at=at, **about)
    return GiveUpRedemption(
        command_id=give_up_id(effect.redemption_id), effective_at=at, reason=effect.reason, **about
    )
