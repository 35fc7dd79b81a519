"""How what was charged for an invoice comes into the books: by one charge, by several, or by none. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.balance import BalanceTransaction
from ledger.invoices.commands import CreditSnapshot, InvoiceCharge, RecordInvoiceSnapshot
from ledger.invoices.events import (
    InvoiceEvent,
    InvoicePartSettled,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    LineAmount,
    PartRefunded,
)
from ledger.invoices.recognition import apportion
from ledger.invoices.state import Invoice, evolve
from ledger.money import round_half_up


def settlement(command: RecordInvoiceSnapshot, invoice: Invoice) -> Iterator[InvoiceEvent]:
    """Once it is paid and Stripe has booked all that was charged for it; until then what was charged is the
    customer's, as it is for good of one that is void.
    """
    if invoice.settled:
        return
    charges = charges_of(command)
    new = [one for one in charges if one.charge_id not in invoice.parts]
    if invoice.status != "paid":
        if _is_part(command):
            yield from (
                _part(one, one.balance_transaction, invoice) for one in new if one.balance_transaction
            )
        return
    if command.status != "paid" or any(one.balance_transaction is None for one in charges):
        return
    last = new.pop() if new and not _is_part(command) else None
    for one in new:
        if one.balance_transaction is not None:
            part = _part(one, one.balance_transaction, invoice)
            yield part
            invoice = evolve(invoice, part)
    yield _settled(command, last, invoice)


def charges_of(command: RecordInvoiceSnapshot) -> tuple[InvoiceCharge, ...]:
    newest = command.charged_minor - sum(one.amount_minor for one in command.earlier_charges)
    if newest <= 0:
        return command.earlier_charges
    last = InvoiceCharge(
        charge_id=command.charge_id, amount_minor=newest, balance_transaction=command.balance_transaction
    )
    return *command.earlier_charges, last


def _is_part(command: RecordInvoiceSnapshot) -> bool:
    """What was charged does not pay it. When all that is due was charged Stripe is about to say so."""
    return command.status == "void" or command.charged_minor < command.due_minor


def _part(charge: InvoiceCharge, entry: BalanceTransaction, invoice: Invoice) -> InvoicePartSettled:
    return InvoicePartSettled(
        subscription_id=invoice.subscription_id,
        user_id=invoice.user_id,
        charge_id=charge.charge_id,
        charged_minor=charge.amount_minor,
        balance_transaction=entry,
    )


def _settled(
    command: RecordInvoiceSnapshot, last: InvoiceCharge | None, invoice: Invoice
) -> InvoiceSettled | InvoiceSettledWithoutCharge:
    """At the rate of what was charged: lines, tax, and what is less by the customer's credit and by what was
    paid outside Stripe.
    """
    entry = last.balance_transaction if last else None
    currency = entry.currency if entry else _currency_of_parts(invoice)
    charged, brought = _brought(invoice, currency, last)
    sold = [line.amount_minor for line in invoice.lines.values()]
    elsewhere = command.off_stripe_minor
    by_credit = charged - sum(sold) - invoice.tax_minor + elsewhere
    amounts = (*sold, invoice.tax_minor, by_credit, -elsewhere)
    *booked, tax, _, receivable = apportion(amounts, brought) if charged > 0 else amounts
    lines = tuple(
        LineAmount(line_id=key, amount_minor=amount)
        for key, amount in zip(invoice.lines, booked, strict=True)
    )
    if last is None or entry is None:
        return InvoiceSettledWithoutCharge(
            subscription_id=invoice.subscription_id,
            user_id=invoice.user_id,
            currency=currency,
            lines=lines,
            tax_minor=tax,
            off_stripe_minor=-receivable,
        )
    return InvoiceSettled(
        subscription_id=invoice.subscription_id,
        user_id=invoice.user_id,
        charge_id=last.charge_id,
        balance_transaction=entry,
        lines=lines,
        tax_minor=tax,
        off_stripe_minor=-receivable,
    )


def _currency_of_parts(invoice: Invoice) -> str:
    return next((one.entry.currency for one in invoice.parts.values()), invoice.currency)


def _brought(invoice: Invoice, currency: str, last: InvoiceCharge | None) -> tuple[int, int]:
    """All that was charged and is in `currency` of settlement, in the invoice's and in that."""
    parts = [one for one in invoice.parts.values() if one.entry.currency == currency]
    charged = sum(one.charged_minor for one in parts) + (last.amount_minor if last else 0)
    entry = last.balance_transaction if last else None
    brought = sum(one.entry.amount_minor for one in parts) + (entry.amount_minor if entry else 0)
    return charged, brought


def refund_of_a_part(snapshot: CreditSnapshot, invoice: Invoice) -> Iterator[InvoiceEvent]:
    """What was charged for an invoice that is not paid is the customer's, and goes back without a credit."""
    if invoice.status == "paid" or not len(invoice.parts):
        return
    for entry in (snapshot.balance_transaction, snapshot.failure_balance_transaction):
        if entry is not None and entry.balance_transaction_id not in invoice.posted:
            yield PartRefunded(
                user_id=invoice.user_id,
                stripe_refund_id=snapshot.stripe_refund_id,
                balance_transaction=entry,
                booked_minor=_theirs(snapshot, entry, invoice),
            )


def _theirs(snapshot: CreditSnapshot, entry: BalanceTransaction, invoice: Invoice) -> int:
    """Signed as what goes back: below zero when it came back to us."""
    charged, brought = _brought(invoice, _currency_of_parts(invoice), None)
    if entry.currency == invoice.currency or charged <= 0:
        return -entry.amount_minor
    booked = round_half_up(brought * (snapshot.refunded_minor or snapshot.amount_minor), charged)
    return booked if entry.amount_minor < 0 else -booked
