"""A licence bought by card, and an invoice of one paid by card, by who manages the organisation."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, CardDeclined, StripeUnavailable, answer
from api.http.promises import responses
from api.licences.bodies import LicenceInvoiceToPay, LicenceToBuy
from api.licences.managing import Call
from api.licences.paying import Make, to_pay, to_purchase
from api.licences.resources import LicenceInvoiceStanding, LicenceStanding, invoice_standing, standing_of
from api.payments import declines
from api.payments.answers import PaymentDeclined, declined, next_action_of
from api.payments.resources import Payment, Story, payment_of
from api.payments.resources import fold as fold_payment
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.errors import NotFound
from ledger.licences.commands import LicenceCommand
from ledger.licences.decider import LICENCE
from ledger.licences.events import LicenceCardPaymentReserved
from ledger.licences.refusals import (
    InvalidLicence,
    LicenceExists,
    LicenceInvoiceNotOpen,
    LicenceNotChargeable,
    LicencePaymentInProgress,
    LicencePriceChanged,
)
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.organisations.refusals import OrganisationIsClosed, OrganisationRoleMissing
from ledger.payments.stream import stream_of as payment_stream

TAGS = ["licences"]
_REFUSALS = (
    NotFound,
    LicencePaymentInProgress,
    LicencePriceChanged,
    LicenceNotChargeable,
    StripeUnavailable,
)


class LicencePaymentEnded(ApiError):
    """What was asked for with this key ended before its payment was begun."""

    code: ClassVar[str] = "licence_payment_ended"
    remedy: ClassVar[str] = "Nothing was charged: send it again, with a new key."
    passing: ClassVar[bool] = False


class LicencePaid(msgspec.Struct, frozen=True, kw_only=True):
    """`licence` and `invoice` are null for a licence that is bought until it is paid, and `payment` until it
    is begun. `reveal` is where the key is shown to who manages the organisation, by POST, once the licence is
    activated: no answer but that one has it.
    """

    licence: LicenceStanding | None
    invoice: LicenceInvoiceStanding | None
    payment: Payment | None
    activate: str | None
    """Where it is made to work, by POST; null when it was."""
    reveal: str | None
    """Where its key is shown, by POST: 403 `licence_not_live` before it is activated."""


class LicencePaymentDeclined(PaymentDeclined, kw_only=True):
    """The card was not charged. `payment` is the attempt, which stays on record; with a new key it can be
    paid again.
    """


_ANSWERS = {
    202: ResponseSpec(
        LicencePaid,
        description="Not decided yet: the payment is `processing`, `requires_action` (see `next_action`) or "
        "`unknown`, or what follows from it is under way",
        generate_examples=False,
    )
}


@post(
    "/api/enterprise/licenses/purchase",
    operation_id="purchaseLicence",
    summary="Buy a licence by card",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is paid and issued, and can be activated",
    responses=responses(
        InvalidLicence,
        LicenceExists,
        OrganisationIsClosed,
        OrganisationRoleMissing,
        LicencePaymentEnded,
        *_REFUSALS,
        bodies={CardDeclined: LicencePaymentDeclined},
    )
    | _ANSWERS,
)
async def purchase_licence(
    data: JSONBody[LicenceToBuy],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicencePaid]:
    """Of a tier of the catalogue, by an owner or a manager of the organisation. One at a time: while it is
    202 do not buy again, the same request tells how it stands. Its term begins when it is paid.
    """
    make = await to_purchase(services, request, data.wanted, card=data.payment_method)
    return await _paid(services, request, (idempotency_key, data), make)


@post(
    "/api/enterprise/licenses/{licence_id:str}/invoices/{invoice_id:str}/pay",
    operation_id="payLicenceInvoice",
    summary="Pay an invoice of a licence by card",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is paid",
    responses=responses(
        InvalidLicence,
        LicenceInvoiceNotOpen,
        LicencePaymentEnded,
        *_REFUSALS,
        bodies={CardDeclined: LicencePaymentDeclined},
    )
    | _ANSWERS,
)
async def pay_invoice(
    licence_id: FromPath[str],
    invoice_id: FromPath[str],
    data: JSONBody[LicenceInvoiceToPay],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicencePaid]:
    """All that is open of it, whatever it is for: a term, an upgrade, use beyond a limit. What is charged
    though it was paid meanwhile in another way is owed to the organisation (`owed_minor`).
    """
    make = await to_pay(
        services, request, licence_id, invoice_id, data.expected_minor, card=data.payment_method
    )
    return await _paid(services, request, (idempotency_key, data), make)


async def _paid(
    services: Services,
    request: Call,
    asked: tuple[str, Any],
    make: Make,
) -> Response[Any]:
    """`asked` is the Idempotency-Key and the body."""

    async def work(command_id: str) -> Response[Any]:
        async def once() -> LicenceCommand:
            return await make(command_id)

        done = await services.submitter.submit_once(command_id, once, origin_of(request))
        return await _answer(services, request, done)

    return await services.idempotency.run(request, asked[0], asked[1], work)


async def _answer(services: Services, request: Call, done: Submitted) -> Response[Any]:
    """By what both streams have now, wherever the steps between them were cut: there the worker goes on."""
    reserved = done.recorded[0].event
    assert isinstance(reserved, LicenceCardPaymentReserved)
    licence: Licence = await services.store.state(LICENCE, stream_of(reserved.licence_id))
    card = licence.cards[reserved.payment_id]
    facts = await services.store.read_stream(payment_stream(reserved.payment_id))
    if not facts:
        if card.as_of:
            raise LicencePaymentEnded("This ended before its payment was begun. Nothing was charged.")
        return Unkept(_shown(services, licence, reserved, None), status_code=202, headers=done.headers)
    story, headers = fold_payment(facts), done.seen(max(done.position, facts[-1].position)).headers
    payment = await _payment(services, request, story, done)
    if (code := story.payment.failure_code) in declines.OF_AMOUNT:
        raise LicenceNotChargeable(f"What is to pay {declines.OF_AMOUNT[code]}.")
    if story.payment.status in {"failed", "canceled"}:
        why = msgspec.structs.asdict(declined(request, story.payment, payment))
        return answer(LicencePaymentDeclined(**why), headers)
    shown = _shown(services, licence, reserved, payment)
    if not (story.payment.captured_minor and card.as_of):
        return Unkept(shown, status_code=202, headers=headers)
    location = {"Location": f"/api/enterprise/licenses/{licence.licence_id}"}
    return Response(shown, status_code=201, headers={**headers, **location})


async def _payment(services: Services, request: Call, story: Story, done: Submitted) -> Payment:
    action = await next_action_of(services.gateway, story.payment, done.delivered)
    return payment_of(story.payment, to_admin=is_admin(request), next_action=action)


def _shown(
    services: Services, licence: Licence, reserved: LicenceCardPaymentReserved, payment: Payment | None
) -> LicencePaid:
    invoice_id = reserved.invoice_id or next(iter(licence.invoices), "")
    invoice = licence.invoices.get(invoice_id)
    there = f"/api/enterprise/licenses/{licence.licence_id}" if licence.licence_id else None
    return LicencePaid(
        licence=standing_of(licence, services.now()) if there else None,
        invoice=invoice_standing(invoice_id, invoice, licence.currency) if invoice else None,
        payment=payment,
        activate=f"{there}/activate" if there and not licence.activated else None,
        reveal=f"{there}/reveal" if there else None,
    )


HANDLERS = (purchase_licence, pay_invoice)
