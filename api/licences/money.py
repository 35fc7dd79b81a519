"""The money of a licence's invoices, as finance records it: paid, given back, paid out, written off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.licences.bodies import (
    LicenceCreditTransfer,
    LicenceReason,
    NewLicenceCredit,
    NewLicencePayment,
)
from api.licences.deciding import decided
from api.licences.managing import Call, licence_of
from api.licences.resources import LicenceInvoiceStanding, LicenceStanding, invoice_standing
from api.services import Services
from ledger.errors import NotFound
from ledger.licences.commands import (
    CreditLicenceInvoice,
    LicenceCommand,
    RecordCreditPaidOut,
    RecordLicencePayment,
    WriteOffLicenceInvoice,
)
from ledger.licences.refusals import AmountExceedsOpen, InvalidLicence, LicenceInvoiceNotOpen
from ledger.licences.state import Licence

TAGS = ["licences"]
_LAST_INSTANT = timedelta(microseconds=1)


@post(
    "/api/enterprise/licenses/{licence_id:str}/invoices/{invoice_id:str}/payments",
    operation_id="recordLicencePayment",
    summary="Record a bank transfer for an invoice",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is in the books on the day that it came",
    responses=responses(NotFound, InvalidLicence, LicenceInvoiceNotOpen, AmountExceedsOpen),
)
async def record_payment(
    licence_id: FromPath[str],
    invoice_id: FromPath[str],
    data: JSONBody[NewLicencePayment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceInvoiceStanding]:
    """All of what is open, or a part. Also of what was written off, which it brings back."""

    def command(command_id: str) -> LicenceCommand:
        return RecordLicencePayment(
            command_id=command_id,
            effective_at=within(data.received_on, services.now()),
            licence_id=licence_id,
            invoice_id=invoice_id,
            payment_id=services.id_of("lpy", command_id),
            amount_minor=data.amount_minor,
            reference=data.reference,
            received_on=data.received_on,
        )

    return await _of_invoice(services, request, (licence_id, invoice_id), (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/invoices/{invoice_id:str}/credit",
    operation_id="creditLicenceInvoice",
    summary="Give back of an invoice",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="There is a credit note of it",
    responses=responses(NotFound, InvalidLicence, LicenceInvoiceNotOpen, AmountExceedsOpen),
)
async def credit_invoice(
    licence_id: FromPath[str],
    invoice_id: FromPath[str],
    data: JSONBody[NewLicenceCredit],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceInvoiceStanding]:
    """What is not earned first. It lowers what is open; what is beyond that is owed to the organisation. The
    licence goes on as it is.
    """

    def command(command_id: str) -> LicenceCommand:
        return CreditLicenceInvoice(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            invoice_id=invoice_id,
            credit_id=services.id_of("lcn", command_id),
            net_minor=data.net_minor,
            reason=data.reason,
        )

    return await _of_invoice(services, request, (licence_id, invoice_id), (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/invoices/{invoice_id:str}/write-off",
    operation_id="writeOffLicenceInvoice",
    summary="Write off what nobody pays",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="Nothing is open of it",
    responses=responses(NotFound, InvalidLicence, LicenceInvoiceNotOpen),
)
async def write_off_invoice(
    licence_id: FromPath[str],
    invoice_id: FromPath[str],
    data: JSONBody[LicenceReason],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceInvoiceStanding]:
    """All that is open. The licence goes on as it is: suspend or revoke it where it should not."""

    def command(command_id: str) -> LicenceCommand:
        return WriteOffLicenceInvoice(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            invoice_id=invoice_id,
            reason=data.reason,
        )

    return await _of_invoice(services, request, (licence_id, invoice_id), (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/credit-transfers",
    operation_id="recordLicenceCreditTransfer",
    summary="Record that a credit was paid out",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="So much less is owed to the organisation",
    responses=responses(NotFound, InvalidLicence, AmountExceedsOpen),
)
async def record_transfer(
    licence_id: FromPath[str],
    data: JSONBody[LicenceCreditTransfer],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """By bank transfer, of what credit notes owe (`owed_minor`)."""
    await licence_of(services, request, licence_id)

    async def command(command_id: str) -> LicenceCommand:
        return RecordCreditPaidOut(
            command_id=command_id,
            effective_at=within(data.paid_on, services.now()),
            licence_id=licence_id,
            transfer_id=services.id_of("ltr", command_id),
            amount_minor=data.amount_minor,
            reference=data.reference,
            paid_on=data.paid_on,
        )

    return await decided(services, request, licence_id, (idempotency_key, data), command)


async def _of_invoice(
    services: Services,
    request: Call,
    of: tuple[str, str],
    asked: tuple[str, Any],
    command: Callable[[str], LicenceCommand],
) -> Response[Any]:
    """`of` are the ids of the licence and of the invoice."""
    licence_id, invoice_id = of
    known_shape(invoice_id, "linv_")
    await licence_of(services, request, licence_id)

    async def make(command_id: str) -> LicenceCommand:
        return command(command_id)

    def shown(licence: Licence) -> LicenceInvoiceStanding:
        return invoice_standing(invoice_id, licence.invoices[invoice_id], licence.currency)

    return await decided(services, request, licence_id, asked, make, show=shown)


def within(day: date, now: datetime) -> datetime:
    """In the books it is dated within its day (UTC): at its end, or now where it is today's. A day that is
    yet to come is the rules' to refuse.
    """
    if day >= now.astimezone(UTC).date():
        return now
    return datetime.combine(day + timedelta(days=1), time(), UTC) - _LAST_INSTANT


HANDLERS = (record_payment, credit_invoice, write_off_invoice, record_transfer)
