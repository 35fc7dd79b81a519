"""A payout asked for by whom it goes to, or for them; and one that was refused, tried again."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.http.auth import Principal
from api.http.body import IdempotencyKey
from api.http.owner import owner_of
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, Problem, StripeUnavailable, answer, problem
from api.http.promises import responses
from api.payouts.looks import funds_for, payable
from api.payouts.reads import payout_row
from api.payouts.resources import (
    InstructorPayout,
    NewPayout,
    PayoutRetry,
    currency_asked,
    payout_from,
    payout_of,
)
from api.services import Services, origin_of
from api.stripe.delivery import Postponed
from api.submitting import Submitted
from ledger.earnings.commands import RequestPayout, RetryPayout
from ledger.earnings.decider import EARNINGS
from ledger.earnings.refusals import (
    AccountBelowZero,
    AccountNotPayable,
    BelowMinimum,
    NoSuchPayout,
    PayoutInProgress,
    PayoutMadeToday,
    PlatformShort,
    RecallInProgress,
)
from ledger.earnings.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Origin

Call = Request[Principal, Any, State]
Wish = RequestPayout | RetryPayout
TAGS = ["payouts"]
WAITS = ResponseSpec(
    InstructorPayout,
    description="Stripe has not said so yet: `reserved` or `unknown`; look again at its `url`",
    generate_examples=False,
)
REFUSALS = (
    PayoutInProgress,
    PayoutMadeToday,
    RecallInProgress,
    BelowMinimum,
    AccountNotPayable,
    AccountBelowZero,
    PlatformShort,
)


class PayoutRefused(Problem, kw_only=True):
    """Stripe made no transfer; the payout stays on record as blocked, and what it held is available again."""

    payout: InstructorPayout


class PayoutNotMade(ApiError):
    """The payout was begun, and Stripe made no transfer. What it held is available again."""

    code = "payout_not_made"
    remedy = (
        "Read `detail`; when its cause is gone, try it again at its `url` with `/retry`, or wait for a run."
    )
    passing = False


@post(
    "/api/payouts",
    operation_id="requestPayout",
    summary="Ask for a payout",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is in the connected account at Stripe",
    responses=responses(NotFound, *REFUSALS, StripeUnavailable, bodies={PayoutNotMade: PayoutRefused})
    | {202: WAITS},
)
async def request_payout(
    data: JSONBody[NewPayout],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[InstructorPayout]:
    """Of all that is available in one currency, from 1,000 minor units on; one at a time, and one a day. Who
    asks for none is paid by the day's run.
    """
    user_id, currency = owner_of(request, data.user_id), currency_asked(data)

    async def work(command_id: str) -> Response[Any]:
        command = RequestPayout(
            command_id=command_id,
            effective_at=services.now(),
            payout_id=services.id_of("ipo", command_id),
            user_id=user_id,
            currency=currency,
            stripe_account_id="",
        )
        return await _asked(services, request, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/payouts/{payout_id:str}/retry",
    operation_id="retryPayout",
    summary="Try a payout again",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is in the connected account at Stripe",
    responses=responses(
        NotFound, NoSuchPayout, *REFUSALS, StripeUnavailable, bodies={PayoutNotMade: PayoutRefused}
    )
    | {202: WAITS},
)
async def retry_payout(
    data: JSONBody[PayoutRetry],
    payout_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[InstructorPayout]:
    """Of one that is blocked: of what is available by now."""
    row = await payout_row(services, request, payout_id)

    async def work(command_id: str) -> Response[Any]:
        command = RetryPayout(
            command_id=command_id,
            effective_at=services.now(),
            payout_id=payout_id,
            user_id=row.user_id,
            currency=row.currency,
            stripe_account_id="",
        )
        return await _asked(services, request, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _asked(services: Services, request: Call, command: Wish) -> Response[Any]:
    origin = origin_of(request)

    async def looked() -> Wish:
        return await _looked_at(services, command, origin)

    done = await services.submitter.submit_once(command.command_id, looked, origin, begins=True)
    return await _answer(services, request, command, done)


async def _looked_at(services: Services, command: Wish, origin: Origin) -> Wish:
    """With the account that it goes to. Raises what keeps it from being paid; the rules come first."""
    if not await _payable(services, command):
        return command
    try:
        account = await services.gateway.account_to_pay(command.user_id, command.currency, origin)
        async with services.reading() as connection:
            free = await funds_for(connection, services.gateway, command)
    except Postponed as why:
        raise StripeUnavailable(
            "Stripe does not answer. Nothing was changed; try again in a moment."
        ) from why
    if amount := await _payable(services, command):
        free.take(amount, command.currency)
    return msgspec.structs.replace(command, stripe_account_id=account)


async def _payable(services: Services, command: Wish) -> int:
    """Looked at again after Stripe was, which may have told of what was forgotten."""
    earnings = await services.store.state(EARNINGS, stream_of(command.user_id, command.currency))
    return payable(command, earnings)


async def _answer(services: Services, request: Call, command: Wish, done: Submitted) -> Response[Any]:
    """As the ledger has it now."""
    stream = stream_of(command.user_id, command.currency)
    facts = await services.store.read_stream(stream, done.recorded[0].version - 1 if done.recorded else 0)
    row = payout_from(facts, command.payout_id)
    assert row is not None, "it was asked for"
    shown = payout_of(row)
    headers = {**done.seen(row.last_position).headers, "Location": shown.url}
    if shown.status == "blocked":
        common = problem(PayoutNotMade.code, shown.detail or "", request.url.path)
        return answer(PayoutRefused(**msgspec.structs.asdict(common), payout=shown), headers)
    return Response(shown, status_code=201 if shown.status == "transferred" else 202, headers=headers)


HANDLERS = (request_payout, retry_payout)
