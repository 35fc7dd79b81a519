"""Paying an invoice that is open: again, or by what its cardholder must confirm."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape
from api.http.idempotency import Unkept
from api.http.preconditions import IDEMPOTENT
from api.http.problems import CardDeclined, Problem, StripeUnavailable, answer, problem
from api.http.promises import responses
from api.invoices.reads import INVOICE_BY_ID
from api.invoices.resources import Invoice, invoice_of
from api.payments.resources import Failure, NextAction
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.billing import Call, next_action
from ledger.errors import NotFound
from ledger.invoices import state
from ledger.invoices.commands import RequestInvoiceRetry
from ledger.invoices.decider import INVOICE
from ledger.invoices.refusals import InvoiceNotOpen, NewCardRequired, RetryInProgress
from ledger.invoices.stream import stream_of
from ledger.store import Store


class PayInvoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object: the subscription's card is charged."""


class InvoicePaying(msgspec.Struct, frozen=True, kw_only=True):
    """`next_action` when the bank wants its cardholder to confirm."""

    invoice: Invoice
    next_action: NextAction | None = None


class InvoiceDeclined(Problem, kw_only=True):
    """The card was not charged; the invoice stays open."""

    failure: Failure
    invoice: Invoice


@post(
    "/api/invoices/{invoice_id:str}/pay",
    operation_id="payInvoice",
    summary="Pay an open invoice",
    tags=["invoices"],
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is paid",
    responses=responses(
        NotFound,
        InvoiceNotOpen,
        RetryInProgress,
        NewCardRequired,
        StripeUnavailable,
        bodies={CardDeclined: InvoiceDeclined},
    )
    | {
        202: ResponseSpec(
            InvoicePaying,
            description="Not decided yet: it waits for Stripe, or for its cardholder (see `next_action`)",
            generate_examples=False,
        ),
    },
)
async def pay_invoice(
    invoice_id: FromPath[str],
    data: JSONBody[PayInvoice],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[InvoicePaying]:
    """Charges the subscription's card once more, before our next attempt is due. One that waits for its
    cardholder is not charged again: the answer has what their browser needs.
    """
    known_shape(invoice_id, "in_")

    async def work(command_id: str) -> Response[Any]:
        known = await _state(services.store, invoice_id)
        if known.action_required and known.status == "open" and known.user_id == request.user.id:
            position = await services.store.head()
            waiting = Submitted((), position)
            return await _answer(services, request, invoice_id, waiting)

        async def make() -> RequestInvoiceRetry:
            return RequestInvoiceRetry(
                command_id=command_id,
                effective_at=services.now(),
                stripe_invoice_id=invoice_id,
                cause="customer",
                user_id=request.user.id,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return await _answer(services, request, invoice_id, done)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _state(store: Store, invoice_id: str) -> state.Invoice:
    return await store.state(INVOICE, stream_of(invoice_id))


async def _answer(services: Services, request: Call, invoice_id: str, done: Submitted) -> Response[Any]:
    await services.positions.wait(done.position)
    story = await services.point_reads.ask(INVOICE_BY_ID, invoice_id)
    assert story is not None, "it has a fact that the projection has seen"
    shown = invoice_of(story.invoice, to_admin="admin" in request.user.roles)
    if shown.status == "paid":
        return Response(InvoicePaying(invoice=shown), status_code=200, headers=done.headers)
    if shown.action_required:
        action = await next_action(services.gateway, invoice_id, done.delivered)
        paying = InvoicePaying(invoice=shown, next_action=action)
        return Unkept(paying, status_code=202, headers=done.headers)
    if story.invoice.retry or shown.failure is None:
        return Response(InvoicePaying(invoice=shown), status_code=202, headers=done.headers)
    common = problem(CardDeclined.code, shown.failure.detail, request.url.path)
    declined = InvoiceDeclined(**msgspec.structs.asdict(common), failure=shown.failure, invoice=shown)
    return answer(declined, done.headers)


HANDLERS = (pay_invoice,)
