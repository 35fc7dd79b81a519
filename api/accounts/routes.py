"""An instructor's connected account: opened, onboarded at Stripe, looked at, closed."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.accounts.resources import (
    ConnectedAccount,
    NewAccount,
    OfAccount,
    OnboardingLink,
    OnboardingWish,
    account_of,
    country_fault,
    is_local,
    url_fault,
)
from api.http.auth import Principal
from api.http.body import IdempotencyKey, WhoseParameter
from api.http.idempotency import Unkept
from api.http.owner import owner_of
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, FieldError, StripeUnavailable, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services, origin_of
from api.stripe.delivery import Postponed
from api.stripe.objects import instant
from api.submitting import Submitted
from ledger.accounts.commands import RequestAccount, RequestAccountClosing
from ledger.accounts.countries import POSSIBLE
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.events import AccountClosingRequested
from ledger.accounts.refusals import (
    AccountExists,
    AccountInProgress,
    NoAccount,
    OnboardingRefused,
)
from ledger.accounts.state import Account, Refusal
from ledger.accounts.stream import stream_of
from ledger.errors import Contended, NotFound
from ledger.store import Store

Call = Request[Principal, Any, State]
TAGS = ["instructors"]
WAITS = ResponseSpec(
    ConnectedAccount,
    description="Stripe has not said so yet: look again at `GET /api/instructor/account`",
    generate_examples=False,
)


class AccountNotMade(ApiError):
    """Stripe made no account of what was asked for."""

    code = "account_not_made"
    remedy = "Ask for another one, with a new `Idempotency-Key`; tell who runs the service when it stays so."
    passing = False


class AccountNotClosed(ApiError):
    """Stripe keeps the account open: as a rule it still holds money of it, or is owed some."""

    code = "account_not_closed"
    remedy = "Wait until Stripe has paid out what it holds, and ask again with a new `Idempotency-Key`."
    passing = False


@post(
    "/api/instructor/account",
    operation_id="openConnectedAccount",
    summary="Open a connected account",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is there at Stripe, and its owner is to be onboarded",
    responses=responses(AccountExists, AccountInProgress, AccountNotMade) | {202: WAITS},
)
async def open_connected_account(
    data: JSONBody[NewAccount],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ConnectedAccount]:
    """The caller's own, by which earnings are paid. The country decides on the agreement with Stripe. One at
    a time: another one follows a refusal, or one that was closed.
    """
    if fault := country_fault(data.country):
        raise Unprocessable.at(FieldError(detail=fault, pointer="/country"))

    async def work(command_id: str) -> Response[Any]:
        command = RequestAccount(
            command_id=command_id,
            effective_at=services.now(),
            account_id=services.id_of("acn", command_id),
            user_id=request.user.id,
            country=data.country.upper(),
            platform_country=services.settings.stripe_country,
            business_type=data.business_type or "",
        )
        done = await services.submitter.submit(command, origin_of(request), begins=True)
        account = await _account(services.store, request.user.id)
        if account.creation == "refused" and account.refusal is not None:
            raise _not_made(account, account.refusal, done)
        return _answer(request.user.id, account, done, status=201 if account.stripe_account_id else 202)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _not_made(account: Account, refusal: Refusal, done: Submitted) -> ApiError:
    if refusal.parameter == "country":
        others = ", ".join(country for country in POSSIBLE if country != account.country)
        said = f"Stripe makes no account in {account.country} ({refusal.code}); others may be: {others}"
        fault = FieldError(detail=said, pointer="/country")
        return Unprocessable(f"/country: {said}.", errors=[fault], headers=done.headers)
    about = f" ({refusal.parameter})" if refusal.parameter else ""
    return AccountNotMade(f"Stripe made no account: {refusal.code}{about}.", headers=done.headers)


@post(
    "/api/instructor/account/onboarding",
    operation_id="onboardConnectedAccount",
    summary="Get a link to Stripe's onboarding",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="Send the account's owner there, and nobody else",
    responses=responses(NoAccount, OnboardingRefused, StripeUnavailable),
)
async def onboard_connected_account(
    data: JSONBody[OnboardingWish],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[OnboardingLink]:
    """Made anew each time, also for a repeat with the same key: a link works once and for some minutes. After
    onboarding, `POST /api/instructor/account/refresh` has the outcome at once.
    """
    _check_urls(data, live=services.settings.live)

    async def work(_: str) -> Response[Any]:
        origin = origin_of(request)
        urls = data.return_url, data.refresh_url
        try:
            link = await services.gateway.onboarding_link(request.user.id, *urls, origin)
        except Postponed as why:
            raise _unavailable() from why
        expires_at = instant(link.expires_at)
        lasts_s = max(0, int((expires_at - services.now()).total_seconds()))
        return Unkept(OnboardingLink(url=link.url, expires_at=expires_at, lasts_s=lasts_s), status_code=201)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _check_urls(wish: OnboardingWish, *, live: bool) -> None:
    """In live mode Stripe takes https alone."""
    found = []
    for pointer, url in (("/return_url", wish.return_url), ("/refresh_url", wish.refresh_url)):
        fault = url_fault(url) or ("must be https in live mode" if live and is_local(url) else None)
        if fault:
            found.append(FieldError(detail=fault, pointer=pointer))
    if found:
        raise Unprocessable.at(*found)


@get(
    "/api/instructor/account",
    operation_id="getConnectedAccount",
    summary="A connected account",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_connected_account(
    request: Call, services: NamedDependency[Services], user_id: WhoseParameter = None
) -> Read[ConnectedAccount]:
    """As Stripe said last: whether its owner can be paid and why not, and what Stripe still wants to know."""
    owner = owner_of(request, user_id)
    return Read(account_of(owner, await _account(services.store, owner)))


@post(
    "/api/instructor/account/refresh",
    operation_id="refreshConnectedAccount",
    summary="Have Stripe asked about the account now",
    tags=TAGS,
    status_code=200,
    response_description="As Stripe says now",
    responses=responses(StripeUnavailable, Contended),
)
async def refresh_connected_account(
    data: JSONBody[OfAccount],  # noqa: ARG001  an empty object
    request: Call,
    services: NamedDependency[Services],
) -> Response[ConnectedAccount]:
    """When its owner comes back from onboarding, before Stripe's webhook has. What Stripe paid to their bank
    in the last thirty days is looked at, too. It needs no `Idempotency-Key`: asking twice changes nothing.
    """
    try:
        await services.gateway.refresh_account(request.user.id, origin_of(request))
    except Postponed as why:
        raise _unavailable() from why
    return Response(account_of(request.user.id, await _account(services.store, request.user.id)))


@post(
    "/api/instructor/account/close",
    operation_id="closeConnectedAccount",
    summary="Close the connected account",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is closed",
    responses=responses(NoAccount, AccountInProgress, AccountNotClosed) | {202: WAITS},
)
async def close_connected_account(
    data: JSONBody[OfAccount],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ConnectedAccount]:
    """Possible when Stripe holds nothing of it. What is earned from then on waits for another account."""

    async def work(command_id: str) -> Response[Any]:
        command = RequestAccountClosing(
            command_id=command_id,
            effective_at=services.now(),
            user_id=request.user.id,
            request_id=services.id_of("acl", command_id),
        )
        done = await services.submitter.submit(command, origin_of(request))
        account = await _account(services.store, request.user.id)
        if (refusal := _of_closing(account, done)) is not None:
            raise _not_closed(refusal, done)
        return _answer(request.user.id, account, done, status=202 if account.closing else 200)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _of_closing(account: Account, done: Submitted) -> Refusal | None:
    """Of this very request, not of one before or after it."""
    asked = {one.event.request_id for one in done.recorded if isinstance(one.event, AccountClosingRequested)}
    refusal = account.refusal
    return refusal if refusal is not None and refusal.request_id in asked else None


def _not_closed(refusal: Refusal, done: Submitted) -> AccountNotClosed:
    if refusal.currencies:
        held = ", ".join(currency.upper() for currency in refusal.currencies)
        said = f"Stripe still holds a balance of this account ({held}), so that it cannot be closed yet."
    else:
        said = f"Stripe does not close this account ({refusal.code})."
    return AccountNotClosed(said, headers=done.headers)


async def _account(store: Store, user_id: str) -> Account:
    return await store.state(ACCOUNT, stream_of(user_id))


def _answer(user_id: str, account: Account, done: Submitted, *, status: int) -> Response[ConnectedAccount]:
    return Response(account_of(user_id, account), status_code=status, headers=done.headers)


def _unavailable() -> StripeUnavailable:
    return StripeUnavailable("Stripe does not answer: try again in a moment.")


HANDLERS = (
    open_connected_account,
    onboard_connected_account,
    get_connected_account,
    refresh_connected_account,
    close_connected_account,
)
