"""What tokens are spent on, and who spent them on what."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.enrolments.offers import offer_of
from api.http.auth import Principal
from api.http.body import IdempotencyKey, WhoseParameter, known_shape
from api.http.idempotency import Unkept
from api.http.owner import owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.problems import PositionNotReached
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.rewards import reads
from api.rewards.redemptions import no_redemption, redemption_at
from api.rewards.resources import (
    Cancellation,
    Fulfilment,
    NewRedemption,
    Offered,
    Redemption,
    Rewards,
    redemption_of,
)
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.entitlements import entitlement_of, subscriber_of
from ledger.catalogue import Catalogue
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.redeeming import check as check_course
from ledger.enrolments.redeeming import enrolment_id_of
from ledger.enrolments.refusals import AlreadyEnrolled, CourseNotForSale, OwnCourse, PurchaseInProgress
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import NotFound
from ledger.message import Command
from ledger.redemptions.commands import CancelRedemption, FulfilRedemption, Offer, RedeemReward
from ledger.redemptions.decider import REWARD, TOO_LATE, Taken, why_not
from ledger.redemptions.events import RedemptionHeld
from ledger.redemptions.refusals import (
    AlreadyInPlan,
    CostChanged,
    CourseNotGiven,
    InvalidRedemption,
    LimitReached,
    OutOfStock,
    RedemptionInProgress,
    RedemptionNotOpen,
    StillUnlocked,
)
from ledger.redemptions.stream import stream_of
from ledger.shelf import Reward
from ledger.subscriptions.state import Subscriber
from ledger.tokens.commands import restore_id
from ledger.tokens.decider import TOKENS
from ledger.tokens.refusals import InsufficientTokens
from ledger.tokens.state import Tokens
from ledger.tokens.stream import stream_of as tokens_of
from ledger.tokens.time import as_of
from projections.redemptions import REDEMPTIONS, RedemptionRow

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
            await _seen(services, done)
        return Response(shown, status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _seen(services: Services, done: Submitted) -> None:
    """Until what is unlocked can be used, or no more, as whoever has the answer goes there next."""
    with suppress(PositionNotReached):
        await services.positions.wait(done.position)


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


_OF_USER = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    REDEMPTIONS,
)
_WAITING = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE status = 'waiting' AND course_id = '' AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    REDEMPTIONS,
)


@get(
    "/api/tokens/redemptions",
    operation_id="listRedemptions",
    summary="What somebody spent tokens on",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_redemptions(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    user_id: WhoseParameter = None,
) -> Read[Page[Redemption]]:
    """Newest first, those for which the tokens were not there among them."""
    whose = {"user_id": owner_of(request, user_id)}
    return await newest_first(
        services.reads, _OF_USER, REDEMPTIONS, whose, redemption_of, cursor=cursor, limit=limit
    )


@get(
    "/api/tokens/redemptions/waiting",
    operation_id="listWaitingRedemptions",
    summary="Redemptions of everybody that wait to be fulfilled",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_waiting(
    services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Redemption]]:
    """Newest first."""
    return await newest_first(
        services.reads, _WAITING, REDEMPTIONS, {}, redemption_of, cursor=cursor, limit=limit
    )


async def _row(services: Services, redemption_id: str) -> RedemptionRow:
    """Raises `NotFound`."""
    known_shape(redemption_id, "red_")

    async def look() -> RedemptionRow | None:
        async with services.reading() as connection:
            return await redemption_at(connection, redemption_id)

    found = await find(look, services.positions)
    if found is None:
        raise no_redemption(redemption_id)
    return found


@post(
    "/api/tokens/redemptions/{redemption_id:str}/fulfil",
    operation_id="fulfilRedemption",
    summary="Say that what was redeemed is on its way",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is fulfilled",
    status_code=200,
    responses=responses(NotFound, RedemptionNotOpen),
)
async def fulfil_redemption(
    redemption_id: FromPath[str],
    data: JSONBody[Fulfilment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Redemption]:
    """Of merchandise, which waits for it. A course is fulfilled by itself."""
    row = await _row(services, redemption_id)

    async def work(command_id: str) -> Response[Any]:
        command = FulfilRedemption(
            command_id=command_id,
            effective_at=services.now(),
            reward_id=row.reward_id,
            redemption_id=redemption_id,
        )
        return await _moved(services, request, row, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/tokens/redemptions/{redemption_id:str}/cancel",
    operation_id="cancelRedemption",
    summary="Give back the tokens of a redemption",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is cancelled, its tokens are there again, and what it gave is taken",
    status_code=200,
    responses=responses(NotFound, InvalidRedemption, RedemptionNotOpen)
    | {
        202: ResponseSpec(
            Redemption,
            description="It is cancelled, and what follows of it is not all done yet: it goes on by itself",
            generate_examples=False,
        ),
    },
)
async def cancel_redemption(
    redemption_id: FromPath[str],
    data: JSONBody[Cancellation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Redemption]:
    """Once. The same tokens with the expiry that they had; those that have expired meanwhile are good for
    some days more. The item is there again, what was unlocked ends, and a course is taken again.
    """
    row = await _row(services, redemption_id)

    async def work(command_id: str) -> Response[Any]:
        command = CancelRedemption(
            command_id=command_id,
            effective_at=services.now(),
            reward_id=row.reward_id,
            redemption_id=redemption_id,
            reason=data.reason,
        )
        return await _moved(services, request, row, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _moved(services: Services, request: Call, row: RedemptionRow, command: Command) -> Response[Any]:
    done = await services.submitter.submit(command, origin_of(request))
    rewards = await services.store.state(REWARD, stream_of(row.reward_id))
    now = rewards.redemptions[row.redemption_id]
    reason = command.reason if isinstance(command, CancelRedemption) else None
    shown = msgspec.structs.replace(redemption_of(row), status=now.status, ends_at=now.ends_at, reason=reason)
    if now.status == "cancelled" and not await _is_undone(services, row):
        return Unkept(shown, status_code=202, headers=done.headers)
    if row.feature:
        await _seen(services, done)
    return Response(shown, status_code=200, headers=done.headers)


async def _is_undone(services: Services, row: RedemptionRow) -> bool:
    """Whether the tokens of what was cancelled are there again, and its course is taken."""
    if not await services.store.find_command(restore_id(row.redemption_id)):
        return False
    if not row.course_id:
        return True
    enrolment = await services.store.state(ENROLMENT, enrolment_stream(row.course_id, row.user_id))
    return not (enrolment.is_live and enrolment.enrolment_id == enrolment_id_of(row.redemption_id))


HANDLERS = (
    list_rewards,
    redeem_tokens,
    list_redemptions,
    list_waiting,
    fulfil_redemption,
    cancel_redemption,
)
