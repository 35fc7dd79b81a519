"""The receipt of a payment: what was paid for, and what was given back since."""

from __future__ import annotations

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.body import known_shape
from api.http.document import MEDIA_TYPES
from api.http.owner import is_admin
from api.http.positions import find
from api.http.problems import NotAcceptable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC
from api.lettering import LettersMissing
from api.licences.managing import Call, may_manage
from api.payments.reads import PAYMENT_BY_ID, PaymentRows
from api.receipts import answering as receipts
from api.receipts.answering import NoReceipt
from api.receipts.payment import receipt_of
from api.services import Services
from ledger.errors import NotFound
from ledger.payments.decider import PAYMENT
from ledger.payments.sale import LICENCE
from ledger.payments.stream import stream_of
from projections.payments.payment import PaymentRow


@get(
    "/api/payments/{payment_id:str}/receipt",
    operation_id="getPaymentReceipt",
    summary="The receipt of a payment",
    tags=["payments"],
    media_type=receipts.OFFERED[0],
    opt={MEDIA_TYPES: receipts.OFFERED},
    responses=responses(NotFound, NotAcceptable, NoReceipt, LettersMissing)
    | NOT_MODIFIED_SPEC
    | receipts.AS_JSON,
)
async def get_payment_receipt(
    payment_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[bytes]:
    """As PDF, as a page with `Accept: text/html`, or as JSON, once its money is captured. With what was given
    back since, and the brand of the payer's organisation; its number never changes. That of a payment for a
    licence is also for whoever manages its organisation.
    """
    receipts.wanted(request)
    known = known_shape(payment_id, "pay_")

    async def charged() -> PaymentRows | None:
        found = await services.point_reads.ask(PAYMENT_BY_ID, known)
        return found if found and found.story.payment.captured_at else None

    # the answer that told of its charge may be a moment ahead of the tables
    found = await find(charged, services.positions) or await services.point_reads.ask(PAYMENT_BY_ID, known)
    if found is None or not await _may_see(services, request, found.story.payment):
        raise NotFound(f"There is no payment {payment_id}.")
    return await receipts.answer(request, await receipt_of(services, found.story), services.settings)


async def _may_see(services: Services, request: Call, row: PaymentRow) -> bool:
    """Who paid, and administrators; of what paid for a licence, whoever manages its organisation now."""
    if is_admin(request) or row.user_id == request.user.id:
        return True
    if row.purpose != LICENCE:
        return False
    payment = await services.store.state(PAYMENT, stream_of(row.payment_id))
    return await may_manage(services, request, payment.org_id)


HANDLERS = (get_payment_receipt,)
