"""Taking payments, and showing them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from api.http.auth import Principal
from api.http.body import (
    AmountMinor,
    CurrencyCode,
    CurrencyFilter,
    IdempotencyKey,
    PaymentMethodId,
    Text,
    WhoseParameter,
    currency_of,
    known_shape,
    span,
)
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.paging import Cursor, Limit, Page
from api.http.preconditions import IDEMPOTENT
from api.http.problems import (
    CardDeclined,
    FieldError,
    StripeUnavailable,
    Unprocessable,
    answer,
    problem,
)
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.payments import cards, declines
from api.payments.answers import AmountRefused, PaymentDeclined, declined, next_action_of
from api.payments.reads import PAYMENT_BY_ID
from api.payments.resources import (
    NextAction,
    Payment,
    PaymentDetail,
    Story,
    detail_of,
    fold,
    payment_of,
)
from api.reads import newest_first, select
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.errors import Forbidden, IdempotencyMismatch, NotFound
from ledger.message import Origin, Recorded
from ledger.payments.commands import InitiatePayment
from ledger.payments.decider import PAYMENT
from ledger.payments.refusals import InvalidAmount, InvalidCurrency
from ledger.payments.state import PaymentStatus
from ledger.store import Store
from projections.payments.payment import PAYMENTS

Call = Request[Principal, Any, State]
TAGS = ["payments"]


class ProcessPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Charge a card. `save_payment_method` keeps it for later payments. The ledger keeps `description` for
    ever: it must name nobody.
    """

    amount_minor: AmountMinor
    currency: CurrencyCode
    payment_method: PaymentMethodId
    description: Text = ""
    save_payment_method: bool = False


@post(
    "/api/payments/process",
    operation_id="processPayment",
    summary="Charge a card",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="The money is captured",
    responses=responses(
        InvalidCurrency,
        StripeUnavailable,
        bodies={CardDeclined: PaymentDeclined, InvalidAmount: AmountRefused},
    )
    | {
        202: ResponseSpec(
            Payment,
            description="Not decided yet: `processing`, `requires_action` (see `next_action`) or `unknown`",
            generate_examples=False,
        ),
    },
)
async def process_payment(
    data: JSONBody[ProcessPayment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Payment]:
    """Charges the card now and answers with the payment. When Stripe's answer is late or lost, the payment is
    `unknown` and is resolved in the background: look at it later, and do not pay again.
    """
    body = msgspec.structs.replace(data, currency=data.currency.lower())

    async def work(command_id: str) -> Response[Any]:
        return await _process(services, request, body, command_id)

    return await services.idempotency.run(request, idempotency_key, body, work)


async def _process(services: Services, request: Call, body: ProcessPayment, command_id: str) -> Response[Any]:
    origin = origin_of(request)
    command = InitiatePayment(
        command_id=command_id,
        effective_at=services.now(),
        payment_id=services.id_of("pay", command_id),
        user_id=request.user.id,
        amount_minor=body.amount_minor,
        currency=body.currency,
        payment_method_id=body.payment_method,
        description=body.description,
        save_payment_method=body.save_payment_method,
    )
    PAYMENT.decide(command, PAYMENT.initial)  # refused, if it must be, before Stripe is asked for a customer
    customer_id = await _customer_id(services, request.user.id, body, origin)
    command = msgspec.structs.replace(command, stripe_customer_id=customer_id)
    done = await services.submitter.submit(command, origin, begins=True)
    facts = await _facts(services.store, command, done)
    story = fold(facts)
    _check_same(story)
    action = await next_action_of(services.gateway, story.payment, done.delivered)
    return _answer(request, story, action, done.seen(facts[-1].position))


def _check_same(story: Story) -> None:
    """Stripe does what the first request said, also when a restored ledger has forgotten it."""
    row = story.payment
    if row.captured_minor not in {0, row.amount_minor}:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used with another amount, which was charged: see payment "
            f"{row.payment_id}. Use a new key for a new intent."
        )


async def _facts(store: Store, command: InitiatePayment, done: Submitted) -> Sequence[Recorded]:
    """All of the payment's. Known already when they were made by this very request, without a gap. When its
    delivery recorded nothing, another one was at it in the same moment, such as a sweep.
    """
    outcome = done.delivered.outcome
    if outcome is not None and outcome.recorded and not done.repeated:
        made = (*done.recorded, *outcome.recorded)
        if [fact.version for fact in made] == list(range(1, len(made) + 1)):
            return made
    # under the id of its first sending, which another version may have drawn anew
    stream = done.recorded[0].stream if done.recorded else PAYMENT.stream(command)
    return await store.read_stream(stream)


async def _customer_id(services: Services, user_id: str, body: ProcessPayment, origin: Origin) -> str:
    """Stripe wants its customer with a card that is saved, or is to be."""
    if body.save_payment_method:
        return await cards.customer_id(services, user_id, origin)
    return await cards.customer_with(services.store, user_id, body.payment_method)


def _answer(request: Call, story: Story, action: NextAction | None, done: Submitted) -> Response[Any]:
    row = story.payment
    payment = payment_of(row, to_admin=is_admin(request), next_action=action)
    headers = {**done.headers, "Location": f"/api/payments/{row.payment_id}"}
    if row.failure_code in declines.OF_AMOUNT:
        return answer(_amount_refused(request, row.failure_code, payment), headers)
    if row.status in {"failed", "canceled"}:
        return answer(declined(request, row, payment), headers)
    if action is not None:
        return Unkept(payment, status_code=202, headers=headers)
    return Response(payment, status_code=201 if row.captured_minor else 202, headers=headers)


def _amount_refused(request: Call, code: str, payment: Payment) -> AmountRefused:
    refused = Unprocessable.at(FieldError(detail=declines.OF_AMOUNT[code], pointer="/amount_minor"))
    common = problem("invalid_amount", refused.detail, request.url.path, refused.errors, status=422)
    return AmountRefused(**msgspec.structs.asdict(common), payment=payment)


_OF_USER = """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s
        AND position < %(before)s
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(currency)s::text IS NULL OR currency = %(currency)s)
        AND (%(since)s::timestamptz IS NULL OR initiated_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR initiated_at < %(until)s)
    ORDER BY position DESC
    LIMIT %(limit)s
"""
_OF_ALL = _OF_USER.replace("user_id = %(user_id)s", "true")
_HISTORY, _HISTORY_OF_ALL = select(_OF_USER, PAYMENTS), select(_OF_ALL, PAYMENTS)


@get(
    "/api/payments/history",
    operation_id="listPayments",
    summary="List payments",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_payments(  # noqa: PLR0913, PLR0917  one for each query parameter
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[PaymentStatus | None] = None,
    currency: CurrencyFilter = None,
    since: Annotated[
        str | None, QueryParameter(name="from", format="date-time", description="Initiated at or after.")
    ] = None,
    until: Annotated[
        str | None, QueryParameter(name="to", format="date-time", description="Initiated before.")
    ] = None,
    user_id: WhoseParameter = None,
) -> Read[Page[Payment]]:
    """The caller's payments, newest first; an admin's are everybody's."""
    if not is_admin(request) and user_id not in {None, request.user.id}:
        raise Forbidden("Only an admin may list another user's payments.")
    of = user_id if is_admin(request) else request.user.id
    start, end = span(since, until)
    filters = {
        "user_id": of,
        "status": status,
        "currency": None if currency is None else currency_of(currency),
        "since": start,
        "until": end,
    }
    query = _HISTORY_OF_ALL if of is None else _HISTORY
    shown = partial(payment_of, to_admin=is_admin(request))
    return await newest_first(services.reads, query, PAYMENTS, filters, shown, cursor=cursor, limit=limit)


@get(
    "/api/payments/{payment_id:str}",
    operation_id="getPayment",
    summary="One payment with all that happened to it",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_payment(
    payment_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[PaymentDetail]:
    """With its refunds, disputes and history. Somebody else's looks like one that does not exist."""
    found = await services.point_reads.ask(PAYMENT_BY_ID, known_shape(payment_id, "pay_"))
    if found is None or not (is_admin(request) or found.story.payment.user_id == request.user.id):
        raise NotFound(f"There is no payment {payment_id}.")
    return Read(detail_of(found.story, found.history, to_admin=is_admin(request)))


HANDLERS = (process_payment, list_payments, get_payment)
