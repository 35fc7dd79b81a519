"""What is paid by card: a licence that is bought, or an invoice of one. One payment at a time holds either.

The payment's money is the organisation's credit until it pays an invoice here, so that any order of what is
told of it ends alike: each piece of news says how much of the charge is kept, and the difference goes where
it belongs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

from msgspec.structs import replace

from ledger import money
from ledger.errors import NotFound
from ledger.licences.checks import check_end, check_ids, check_offer, invoice_of, whole
from ledger.licences.commands import (
    ExpireLicencePayment,
    FollowLicencePayment,
    PayLicenceInvoice,
    PurchaseLicence,
)
from ledger.licences.events import (
    LicenceCardPaymentEnding,
    LicenceCardPaymentReleased,
    LicenceCardPaymentReserved,
    LicenceCardPaymentTold,
    LicenceEvent,
    LicenceInvoiceReopened,
)
from ledger.licences.granting import issued
from ledger.licences.invoice import Invoice
from ledger.licences.invoicing import overtaken, paid, share
from ledger.licences.refusals import (
    InvalidLicence,
    LicenceExists,
    LicenceInvoiceNotOpen,
    LicenceNotChargeable,
    LicencePaymentInProgress,
    LicencePriceChanged,
)
from ledger.licences.state import CardPayment, Licence, Quote, evolve
from ledger.licences.terms import INVOICE, first_term

_Events = tuple[LicenceEvent, ...]
HELD_FOR = timedelta(minutes=30)
"""As long as somebody may take to confirm a payment with their bank."""


def purchase(command: PurchaseLicence, licence: Licence) -> _Events:
    """Of a tier that has a price. The first term begins when it is paid."""
    check_ids(command.licence_id, command.org_id, command.payment_id, command.user_id)
    check_offer(command.grant, command.months, command.billing)
    if licence.licence_id:
        raise LicenceExists("This licence was bought meanwhile: look at it before another one is bought.")
    _check_free(licence, licence.purchase)
    grant, months = command.grant, command.months
    net = grant.price_minor(months)
    if not net or command.billing.kind != INVOICE:
        raise InvalidLicence("This tier has no price: an administrator issues it.")
    check_end(first_term(1, whole(command.effective_at), months), command.effective_at)
    amount = net + command.billing.tax_minor(net, grant.currency)
    _check_amount(amount, command.expected_minor, grant.currency)
    reserved = LicenceCardPaymentReserved(
        licence_id=command.licence_id,
        org_id=command.org_id,
        payment_id=command.payment_id,
        user_id=command.user_id,
        amount_minor=amount,
        currency=grant.currency,
        description=f"Licence {grant.tier}, {months} months",
        payment_method_id=command.payment_method_id,
        stripe_customer_id=command.stripe_customer_id,
        expires_at=_held_until(command),
        page=command.page,
        grant=grant,
        months=months,
        billing=command.billing,
    )
    return (reserved,)


def pay_invoice(command: PayLicenceInvoice, licence: Licence) -> _Events:
    """All that is open of it, whatever became of the licence."""
    check_ids(command.payment_id, command.user_id)
    invoice = invoice_of(licence, command.invoice_id)
    _check_free(licence, invoice.paying)
    if not invoice.open_minor:
        raise LicenceInvoiceNotOpen("Nothing is open of this invoice.")
    _check_amount(invoice.open_minor, command.expected_minor, licence.currency)
    reserved = LicenceCardPaymentReserved(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        payment_id=command.payment_id,
        user_id=command.user_id,
        amount_minor=invoice.open_minor,
        currency=licence.currency,
        description=f"Licence invoice {invoice.number}",
        payment_method_id=command.payment_method_id,
        stripe_customer_id=command.stripe_customer_id,
        expires_at=_held_until(command),
        page=command.page,
        invoice_id=command.invoice_id,
    )
    return (reserved,)


def _held_until(command: PurchaseLicence | PayLicenceInvoice) -> datetime:
    return command.page.expires_at if command.page else command.effective_at + HELD_FOR


def _check_free(licence: Licence, payment_id: str) -> None:
    card = licence.cards.get(payment_id)
    if card is None:
        return
    raise LicencePaymentInProgress(
        f"The time of payment {payment_id} is over, and it is being canceled: wait for its bank's answer."
        if card.ending
        else f"Payment {payment_id} is under way: finish it, on its page if it has one (GET "
        f"/api/checkout/{payment_id} has the address), or cancel it (POST "
        f"/api/payments/{payment_id}/cancel). It holds this until "
        f"{card.reserved.expires_at:%Y-%m-%dT%H:%M:%SZ}."
    )


def _check_amount(amount_minor: int, expected_minor: int | None, currency: str) -> None:
    written = money.format_minor(amount_minor, currency)
    if expected_minor is not None and expected_minor != amount_minor:
        raise LicencePriceChanged(
            f"{written} is to pay: send {amount_minor} as `expected_minor` to pay that."
        )
    if fault := money.charge_fault(amount_minor, currency):
        raise LicenceNotChargeable(f"What is to pay {fault}; it is {written}.")


def expire(command: ExpireLicencePayment, licence: Licence) -> _Events:
    card = licence.cards.get(command.payment_id)
    if card is None or card.ending or command.effective_at < card.reserved.expires_at:
        return ()
    return _ending(licence, command.payment_id) if _holds(licence, card) else ()


def _holds(licence: Licence, card: CardPayment) -> bool:
    """It is waited for."""
    of, payment_id = card.reserved.invoice_id, card.reserved.payment_id
    invoice = licence.invoices.get(of)
    return payment_id in {invoice.paying if invoice else "", "" if of else licence.purchase}


def _ending(licence: Licence, payment_id: str) -> _Events:
    licence_id = licence.cards[payment_id].reserved.licence_id
    return (LicenceCardPaymentEnding(licence_id=licence_id, payment_id=payment_id),)


def follow(command: FollowLicencePayment, licence: Licence) -> _Events:
    """Recorded in whatever order it comes; each piece of news is one fact at least."""
    card = licence.cards.get(command.payment_id)
    if card is None:
        raise NotFound(
            f"Nothing here was to be paid by payment {command.payment_id}. Its money is the organisation's "
            "credit: send the request again that it was made by, or pay it back."
        )
    if command.as_of <= card.as_of:
        return ()
    if command.standing == "unpaid":
        released = LicenceCardPaymentReleased(
            licence_id=command.licence_id,
            payment_id=command.payment_id,
            reason=command.reason,
            as_of=command.as_of,
        )
        return (released,)
    if command.kept_minor < card.kept_minor:
        return _taken_back(command, licence, card)
    return _came(command, licence, card)


def _came(command: FollowLicencePayment, licence: Licence, card: CardPayment) -> _Events:
    """It issues what it is to buy, then pays the invoice; what is left is owed to the organisation."""
    buys = not licence.licence_id and not card.reserved.invoice_id and command.kept_minor
    facts = _bought(command, licence, card) if buys else ()
    licence = reduce(evolve, facts, licence)
    came = command.kept_minor - card.kept_minor
    found = min(came, card.lost_minor)
    invoice_id, invoice = _invoice_of(licence, card)
    settled = min(came - found, invoice.unpaid_minor) if invoice else 0
    if settled:
        pays = paid(
            licence,
            invoice_id,
            command.payment_id,
            settled,
            command.effective_at,
            received_on=command.effective_at.astimezone(UTC).date(),
            by_card=True,
        )
        facts += (*pays, *overtaken(reduce(evolve, pays, licence), invoice_id, command.payment_id))
    return (*facts, _told(command, card, credited_minor=came - found - settled, lost_minor=-found))


def _bought(command: FollowLicencePayment, licence: Licence, card: CardPayment) -> _Events:
    """With the numbers of its reservation. Another purchase that is under way has nothing left to buy."""
    reserved, now = card.reserved, command.effective_at
    assert reserved.grant is not None, "it is of a purchase"
    assert reserved.billing is not None, "it is of a purchase"
    offer = Quote("", 1, reserved.grant, reserved.months, reserved.billing, now)
    about = replace(licence, licence_id=reserved.licence_id, org_id=reserved.org_id)
    other = licence.purchase if licence.purchase not in {"", reserved.payment_id} else ""
    ending = _ending(licence, other) if other and not licence.cards[other].ending else ()
    return (*issued(about, offer, whole(now), now), *ending)


def _invoice_of(licence: Licence, card: CardPayment) -> tuple[str, Invoice | None]:
    """Of a purchase the licence's first one."""
    invoice_id = card.reserved.invoice_id or next(iter(licence.invoices), "")
    return invoice_id, licence.invoices.get(invoice_id)


def _taken_back(command: FollowLicencePayment, licence: Licence, card: CardPayment) -> _Events:
    """By the cardholder's bank, or in Stripe's dashboard: first from what is owed to the organisation, then
    the invoice is open again as far as it stands; what was paid out meanwhile is lost.
    """
    gone = card.kept_minor - command.kept_minor
    set_off = min(gone, licence.owed_minor)
    invoice_id, invoice = _invoice_of(licence, card)
    reopened = min(gone - set_off, invoice.settled_minor) if invoice else 0
    facts: _Events = ()
    if invoice and reopened:
        tax = share(invoice.owed_tax_minor - invoice.open_tax_minor, reopened, invoice.settled_minor)
        again = LicenceInvoiceReopened(
            licence_id=licence.licence_id,
            org_id=licence.org_id,
            invoice_id=invoice_id,
            payment_id=command.payment_id,
            amount_minor=reopened,
            tax_minor=tax,
            currency=licence.currency,
            at=command.effective_at,
        )
        facts = (again,)
    lost = gone - set_off - reopened
    return (*facts, _told(command, card, credited_minor=-set_off, lost_minor=lost))


def _told(
    command: FollowLicencePayment, card: CardPayment, *, credited_minor: int, lost_minor: int
) -> LicenceCardPaymentTold:
    return LicenceCardPaymentTold(
        licence_id=command.licence_id,
        org_id=card.reserved.org_id,
        payment_id=command.payment_id,
        as_of=command.as_of,
        kept_minor=command.kept_minor,
        currency=card.reserved.currency,
        at=command.effective_at,
        credited_minor=credited_minor,
        lost_minor=lost_minor,
    )
