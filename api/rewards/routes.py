"""What tokens are spent on."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.enrolments.offers import offer_of
from api.http.auth import Principal
from api.http.body import IdempotencyKey
from api.http.idempotency import Unkept
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.rewards import reads
from api.rewards.redemptions import seen
from api.rewards.resources import (
    NewRedemption,
    Offered,
    Redemption,
    Rewards,
)
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.entitlements import entitlement_of, subscriber_of
from ledger.catalogue import Catalogue
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.redeeming import check as check_course
from ledger.enrolments.refusals import AlreadyEnrolled, CourseNotForSale, OwnCourse, PurchaseInProgress
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import NotFound
from ledger.redemptions.commands import Offer, RedeemReward
from ledger.redemptions.decider import REWARD, TOO_LATE, Taken, why_not
from ledger.redemptions.events import RedemptionHeld
from ledger.redemptions.refusals import (
    AlreadyInPlan,
    CostChanged,
    CourseNotGiven,
    LimitReached,
    OutOfStock,
    RedemptionInProgress,
    StillUnlocked,
)
from ledger.redemptions.stream import stream_of
from ledger.shelf import Reward
from ledger.subscriptions.state import Subscriber
from ledger.tokens.decider import TOKENS
from ledger.tokens.refusals import InsufficientTokens
from ledger.tokens.state import Tokens
from ledger.tokens.stream import stream_of as tokens_of
from ledger.tokens.time import as_of

Call = Request[Principal, Any, State]
TAGS = ["rewards"]


async def _tokens(services: Services, user_id: str) -> Tokens:
    return as_of(await services.store.state(TOKENS, tokens_of(user_id)), user_id, services.now())


def _missing(cost: int, tokens: Tokens) -> int:
    """What has yet to come in for it, as that repays the debt first."""
    return max(cost + tokens.debt - tokens.balance, 0)


def _in_plan(feature: str, subscriber: Subscriber, services: Services) -> AlreadyInPlan | None:
    """Where the plan itself has it without limit, so that nobody spends tokens on nothing."""
    plan = entitlement_of(subscriber, feature, services.now(), services.catalogue)
    if not plan.allowed or plan.limit is not None:
        return None
    return AlreadyInPlan(f"Your plan {plan.tier} has the feature {feature} already, without limit.")


def _offer(catalogue: Catalogue, reward_id: str) -> Offer:
    """Raises `NotFound`."""
    reward = catalogue.rewards.get(reward_id)
    if reward is None:
        raise NotFound(f"There is no reward {reward_id!r:.80}: GET /api/rewards lists them.")
    return Offer(
        kind=reward.kind,
        cost=reward.cost,
        stock=reward.stock,
        limit=reward.limit,
        feature=reward.feature,
        days=reward.days,
        course_id=reward.course_id,
        version=catalogue.version,
    )


@get(
    "/api/rewards",
    operation_id="listRewards",
    summary="What tokens are spent on",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_rewards(request: Call, services: NamedDependency[Services]) -> Read[Rewards]:
    """With what the caller can afford, what is left of each, and how many they may have."""
    tokens = await _tokens(services, request.user.id)
    subscriber = await subscriber_of(services.store, request.user.id)
    shelf = services.catalogue.rewards
    course_ids = [one.course_id for one in shelf.values() if one.course_id]
    async with services.reading() as connection:
        taken = await reads.taken(connection, request.user.id, list(shelf))
        courses = await reads.giving(connection, request.user.id, course_ids)
    items = []
    for reward_id, reward in shelf.items():
        of_it = taken.get(reward_id, Taken())
        in_plan = _in_plan(reward.feature, subscriber, services) if reward.feature else None
        refusal = in_plan or why_not(_offer(services.catalogue, reward_id), of_it, services.now())
        course = courses.get(reward.course_id, reads.NOWHERE).refusal if reward.course_id else ""
        reason = refusal.code if refusal else course
        runs = of_it.ends_at is not None and services.now() < of_it.ends_at
        shown = _offered(reward_id, reward, of_it, reason, _missing(reward.cost, tokens))
        items.append(msgspec.structs.replace(shown, ends_at=of_it.ends_at if runs else None))
    return Read(Rewards(balance=tokens.balance, debt=tokens.debt, items=items))


def _offered(reward_id: str, reward: Reward, taken: Taken, refusal: str, missing: int) -> Offered:
    reason: Any = refusal or (InsufficientTokens.code if missing else None)
    return Offered(
        reward_id=reward_id,
        title=reward.title,
        kind=reward.kind,
        cost=reward.cost,
        feature=reward.feature or None,
        days=reward.days or None,
        course_id=reward.course_id or None,
        left=None if reward.stock is None else max(reward.stock - taken.live, 0),
        limit=reward.limit,
        redeemed=taken.theirs,
        available=reason is None,
        reason=reason,
        missing=missing,
        ends_at=None,
    )


@post(
    "/api/tokens/redeem",
    operation_id="redeemTokens",
    summary="Spend tokens on a reward",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is the caller's, or waits for an admin to fulfil it (`status`)",
    responses=responses(
        NotFound,
        InsufficientTokens,
        OutOfStock,
        LimitReached,
        StillUnlocked,
        AlreadyInPlan,
        RedemptionInProgress,
        CostChanged,
        OwnCourse,
        AlreadyEnrolled,
        PurchaseInProgress,
        CourseNotForSale,
        CourseNotGiven,
    )
    | {
        202: ResponseSpec(
            Redemption,
            description="Not decided yet: it is `held`, or `waiting` for its course, and goes on by itself",
            generate_examples=False,
        ),
    },
)
async def redeem_tokens(
    data: JSONBody[NewRedemption],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Redemption]:
    """One of it is kept, and then the tokens are taken, in the order of expiry; where they are not there,
    it is free again and nothing is taken. What is unlocked is so at once, and a course is had at once. While
    it is 202 the same request tells how it stands.
    """

    async def work(command_id: str) -> Response[Any]:
        async def make() -> RedeemReward:
            offer = _offer(services.catalogue, data.reward_id)
            if offer.course_id:
                await _check_course(services, request, offer.course_id)
            if offer.feature:
                subscriber = await subscriber_of(services.store, request.user.id)
                if (refusal := _in_plan(offer.feature, subscriber, services)) is not None:
                    raise refusal
            return RedeemReward(
                command_id=command_id,
                effective_at=services.now(),
                reward_id=data.reward_id,
                redemption_id=services.id_of("red", command_id),
                user_id=request.user.id,
                offer=offer,
                expected_cost=data.expected_cost,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        shown = await _shown(services, done)
        if shown.status == "held" or (shown.status == "waiting" and shown.course_id):
            return Unkept(shown, status_code=202, headers=done.headers)
        if shown.feature:
            await seen(services, done)
        return Response(shown, status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _check_course(services: Services, request: Call, course_id: str) -> None:
    """Before anything is kept or taken. The enrolment decides again, and it alone counts."""
    try:
        offer = await offer_of(services, course_id, request.user)
    except NotFound as error:
        raise CourseNotForSale("The course of this reward is not published, and not given.") from error
    enrolment = await services.store.state(ENROLMENT, enrolment_stream(course_id, request.user.id))
    check_course(request.user.id, offer, enrolment)


def _not_there(cost: int, tokens: Tokens) -> InsufficientTokens:
    owed = ""
    if tokens.debt:
        owed = f" and {tokens.debt} are owed and repaid first, so that {_missing(cost, tokens)} are missing"
    return InsufficientTokens(
        f"This costs {cost} tokens, which were not there; the balance is {tokens.balance}{owed}."
    )


async def _shown(services: Services, done: Submitted) -> Redemption:
    """As it has become by now. Raises `InsufficientTokens` and `CourseNotGiven`."""
    begun = done.recorded[0]
    held = begun.event
    assert isinstance(held, RedemptionHeld)
    rewards = await services.store.state(REWARD, stream_of(held.reward_id))
    now = rewards.redemptions[held.redemption_id]
    if now.status == "released" or now.reason == TOO_LATE:
        raise _not_there(held.cost, await _tokens(services, held.user_id))
    if now.was_given_up:
        raise CourseNotGiven(
            f"The course of this reward could not be given any more ({now.reason}); its {held.cost} tokens "
            "are given back."
        )
    return Redemption(
        redemption_id=held.redemption_id,
        reward_id=held.reward_id,
        user_id=held.user_id,
        kind=held.kind,
        cost=held.cost,
        status=now.status,
        feature=held.feature or None,
        course_id=held.course_id or None,
        redeemed_at=begun.metadata.effective_at,
        ends_at=now.ends_at,
        reason=None,
        position=begun.position,
    )


HANDLERS = (list_rewards, redeem_tokens)
