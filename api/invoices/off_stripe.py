"""What an invoice was said to be paid with outside Stripe, as finance finds it in the bank."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import AmountMinor, IdempotencyKey, known_shape
from api.http.checks import Check, blank_fault
from api.http.days import within
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.invoices.reads import INVOICE_BY_ID
from api.invoices.resources import InvoiceDetail, invoice_detail_of
from api.services import Services, origin_of
from api.subscriptions.billing import Call
from api.words import NO_NUL
from ledger.errors import NotFound
from ledger.invoices.commands import RecordOffStripePayment
from ledger.invoices.refusals import (
    InvalidOffStripePayment,
    NothingReceivable,
    OffStripePaymentExceedsOpen,
)
from ledger.invoices.stream import stream_of


class OffStripePayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount_minor: AmountMinor
    reference: Annotated[
        str,
        msgspec.Meta(
            max_length=255, pattern=NO_NUL, description="As the bank's statement has it. Kept for ever."
        ),
        Check(blank_fault),
    ]
    received_on: date


@post(
    "/api/invoices/{invoice_id:str}/off-stripe-payments",
    operation_id="recordInvoicePayment",
    summary="Record what was paid outside Stripe",
    tags=["invoices"],
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is in the books on the day that it came",
    responses=responses(NotFound, InvalidOffStripePayment, NothingReceivable, OffStripePaymentExceedsOpen),
)
async def record_payment(
    invoice_id: FromPath[str],
    data: JSONBody[OffStripePayment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[InvoiceDetail]:
    """All of what is open of it, `revenue.receivable_minor`, or a part; on no day before it was finalized."""
    known_shape(invoice_id, "in_")

    async def work(command_id: str) -> Response[Any]:
        async def make() -> RecordOffStripePayment:
            return RecordOffStripePayment(
                command_id=command_id,
                effective_at=within(data.received_on, services.now()),
                stripe_invoice_id=invoice_id,
                payment_id=services.id_of("osp", command_id),
                amount_minor=data.amount_minor,
                reference=data.reference,
                received_on=data.received_on,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        await services.positions.wait(done.position)
        story = await services.point_reads.ask(INVOICE_BY_ID, invoice_id)
        assert story is not None, "as something was recorded of it"
        facts = await services.store.read_stream(stream_of(invoice_id))
        shown = invoice_detail_of(story, facts, to_admin=True)
        return Response(shown, status_code=200, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


HANDLERS = (record_payment,)
