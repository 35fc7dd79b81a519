"""Invoices, their receipts, and giving back."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from api.http.body import AmountMinor, IdempotencyKey, Text, WhoseParameter, known_shape
from api.http.document import MEDIA_TYPES
from api.http.owner import is_admin, owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, NotAcceptable, Problem, answer, problem
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.invoices.reads import INVOICE_BY_ID
from api.invoices.receipt import receipt_of
from api.invoices.resources import (
    CreditNote,
    Invoice,
    InvoiceDetail,
    InvoiceStory,
    credit_note_of,
    invoice_detail_of,
    invoice_of,
)
from api.lettering import LettersMissing
from api.organisations.branding import brand_for
from api.reads import newest_first, select
from api.receipts import answering as receipts
from api.receipts.answering import NoReceipt
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.billing import Call
from ledger.errors import NotFound
from ledger.invoices.commands import RequestCredit
from ledger.invoices.events import CreditRequested
from ledger.invoices.refusals import (
    AlreadyCredited,
    CreditExceedsRemainder,
    InvalidCredit,
    InvoiceDisputed,
    InvoiceNotSettled,
)
from ledger.invoices.state import InvoiceStatus
from ledger.invoices.stream import stream_of
from projections.invoices.credit_notes import CreditNoteRow
from projections.invoices.invoice import INVOICES

TAGS = ["invoices"]


_OF_USER = """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s
        AND position < %(before)s
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(receivable)s::boolean IS NULL OR (receivable_minor > 0) = %(receivable)s::boolean)
    ORDER BY position DESC
    LIMIT %(limit)s
"""
_OF_ALL = _OF_USER.replace("user_id = %(user_id)s", "true")
_LIST, _LIST_OF_ALL = select(_OF_USER, INVOICES), select(_OF_ALL, INVOICES)


Receivable = Annotated[
    bool | None,
    QueryParameter(
        description="Whether something is open of what was paid outside Stripe, which finance is to find."
    ),
]


@get(
    "/api/invoices",
    operation_id="listInvoices",
    summary="List invoices",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_invoices(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[InvoiceStatus | None] = None,
    user_id: WhoseParameter = None,
    receivable: Receivable = None,
) -> Read[Page[Invoice]]:
    """The caller's, newest first; an admin's are everybody's, or one user's."""
    everybody = is_admin(request) and user_id is None
    filters = {"user_id": owner_of(request, user_id), "status": status, "receivable": receivable}
    query = _LIST_OF_ALL if everybody else _LIST
    shown = partial(invoice_of, to_admin=is_admin(request))
    return await newest_first(services.reads, query, INVOICES, filters, shown, cursor=cursor, limit=limit)


async def _story(services: Services, request: Call, invoice_id: str) -> InvoiceStory:
    """Somebody else's looks like one that does not exist."""
    known_shape(invoice_id, "in_")
    found = await find(lambda: services.point_reads.ask(INVOICE_BY_ID, invoice_id), services.positions)
    if found is None or not (is_admin(request) or found.invoice.user_id == request.user.id):
        raise NotFound(f"There is no invoice {invoice_id}.")
    return found


@get(
    "/api/invoices/{invoice_id:str}",
    operation_id="getInvoice",
    summary="One invoice with all that happened to it",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_invoice(
    invoice_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[InvoiceDetail]:
    """With its lines, payments, credit notes and history."""
    story = await _story(services, request, invoice_id)
    facts = await services.store.read_stream(stream_of(invoice_id))
    return Read(invoice_detail_of(story, facts, to_admin=is_admin(request)))


@get(
    "/api/invoices/{invoice_id:str}/receipt",
    operation_id="getReceipt",
    summary="The receipt of a paid invoice",
    tags=TAGS,
    media_type=receipts.OFFERED[0],
    opt={MEDIA_TYPES: receipts.OFFERED},
    responses=responses(NotFound, NotAcceptable, NoReceipt, LettersMissing)
    | NOT_MODIFIED_SPEC
    | receipts.AS_JSON,
)
async def get_receipt(
    invoice_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[bytes]:
    """As PDF, as a page with `Accept: text/html`, or as JSON. With the credit notes that were made since, and
    the brand of the customer's organisation; its number and its lines never change.
    """
    receipts.wanted(request)
    story = await _story(services, request, invoice_id)
    brand = await brand_for(services, story.invoice.user_id)
    return await receipts.answer(request, await receipt_of(services, story, brand), services.settings)


class CreditInvoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount_minor`, with tax, null gives back all that is left. Say why in `note`."""

    amount_minor: AmountMinor | None = None
    reason: Literal["duplicate", "fraudulent", "order_change", "product_unsatisfactory"] = "order_change"
    note: Text


class CreditNotMade(Problem, kw_only=True):
    """Stripe did not make the credit note; it stays on record as failed, and another can be asked for."""

    credit_note: CreditNote


class CreditFailed(ApiError):
    """Stripe did not make the credit note. No money moved; it stays on record as failed."""

    code = "credit_failed"
    remedy = "Read `detail`; ask for another credit when its cause is gone."
    passing = False


REFUSALS = (InvalidCredit, InvoiceNotSettled, InvoiceDisputed, AlreadyCredited, CreditExceedsRemainder)


@post(
    "/api/invoices/{invoice_id:str}/credit",
    operation_id="creditInvoice",
    summary="Give back what was paid",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="The credit note stands, and the money is on its way back to the card",
    responses=responses(NotFound, *REFUSALS, bodies={CreditFailed: CreditNotMade})
    | {
        202: ResponseSpec(
            CreditNote, description="Not made yet: `requested` or `unknown`", generate_examples=False
        ),
    },
)
async def credit_invoice(
    invoice_id: FromPath[str],
    data: JSONBody[CreditInvoice],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CreditNote]:
    """An invoice is never edited: a credit note takes back part of it, or all. What is not earned yet is no
    longer owed, and what was earned is taken from revenue.
    """
    known_shape(invoice_id, "in_")

    async def work(command_id: str) -> Response[Any]:
        return await _give_back(services, request, invoice_id, data, command_id)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _give_back(
    services: Services, request: Call, invoice_id: str, body: CreditInvoice, command_id: str
) -> Response[Any]:
    async def make() -> RequestCredit:
        return RequestCredit(
            command_id=command_id,
            effective_at=services.now(),
            stripe_invoice_id=invoice_id,
            credit_id=services.id_of("cn", command_id),
            amount_minor=body.amount_minor,
            reason=body.reason,
            note=body.note,
        )

    done = await services.submitter.submit_once(command_id, make, origin_of(request), begins=True)
    credit_id = services.id_of("cn", command_id)
    if done.recorded:  # of the first sending, when this is a repeat; else it was taken up from Stripe
        requested = done.recorded[0].event
        assert isinstance(requested, CreditRequested)
        credit_id = requested.credit_id
    # its number is its place among all, which the projection counts
    await services.positions.wait(done.position)
    story = await _story(services, request, invoice_id)
    row = next(row for row in story.credits if row.credit_id == credit_id)
    return _credited(request, row, done)


def _credited(request: Call, row: CreditNoteRow, done: Submitted) -> Response[Any]:
    shown = credit_note_of(row)
    headers = {**done.headers, "Location": f"/api/invoices/{row.stripe_invoice_id}"}
    if row.status == "failed":
        detail = f"Stripe did not make the credit note ({row.failure_code}). No money moved."
        common = problem(CreditFailed.code, detail, request.url.path)
        return answer(CreditNotMade(**msgspec.structs.asdict(common), credit_note=shown), headers)
    return Response(shown, status_code=201 if row.status == "credited" else 202, headers=headers)


HANDLERS = (list_invoices, get_invoice, get_receipt, credit_invoice)
