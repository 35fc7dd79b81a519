"""The entries of a licence's invoices. Pure.

Party of 1100 and 2300 is the organisation, of 2000 the licence. A fact is never refused here, so one leg of
each entry is derived from the others.
"""

from __future__ import annotations

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.chart import Account
from ledger.entries import Entries, Posting, party_legs
from ledger.licences.events import (
    LicenceCardPaymentTold,
    LicenceCredited,
    LicenceCreditPaidOut,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceInvoiceReopened,
    LicenceRecognised,
    LicenceWrittenOff,
)
from ledger.message import Event


def postings(event: Event) -> tuple[Posting, ...]:  # noqa: PLR0911 - one entry for each kind of fact
    match event:
        case LicenceInvoiced():
            return party_legs(
                event.currency,
                (chart.RECEIVABLE, event.net_minor + event.tax_minor, event.org_id),
                (chart.CONTRACT_LIABILITY, -event.net_minor, event.licence_id),
                (chart.TAX_PAYABLE, -event.tax_minor, ""),
            )
        case LicenceInvoicePaid():
            return _paid(event)
        case LicenceRecognised(total_minor=total):
            return party_legs(
                event.currency,
                (chart.CONTRACT_LIABILITY, total, event.licence_id),
                (chart.LICENCES, -total, ""),
            )
        case LicenceCredited():
            return _credited(event)
        case LicenceCreditPaidOut(amount_minor=amount):
            return party_legs(
                event.currency, (chart.CUSTOMER_CREDIT, amount, event.org_id), (chart.BANK, -amount, "")
            )
        case LicenceWrittenOff():
            return _written_off(event)
        case LicenceInvoiceReopened(amount_minor=amount):
            return _between(event, (chart.RECEIVABLE, amount, event.org_id))
        case LicenceCardPaymentTold(lost_minor=lost):
            return _between(event, (chart.DISPUTES, lost, ""))
        case _:
            return ()


def _between(
    event: LicenceInvoiceReopened | LicenceCardPaymentTold, other: tuple[Account, int, str]
) -> tuple[Posting, ...]:
    """Out of the organisation's credit, where the payment has put the money or from where it took it back."""
    return party_legs(event.currency, other, (chart.CUSTOMER_CREDIT, -other[1], event.org_id))


def _paid(event: LicenceInvoicePaid) -> tuple[Posting, ...]:
    back = event.loss_minor + event.tax_minor + event.deferred_minor
    return party_legs(
        event.currency,
        (chart.CUSTOMER_CREDIT, event.amount_minor, event.org_id)
        if event.by_card
        else (chart.BANK, event.amount_minor, ""),
        (chart.RECEIVABLE, back - event.amount_minor, event.org_id),
        (chart.CREDIT_LOSS, -event.loss_minor, ""),
        (chart.TAX_PAYABLE, -event.tax_minor, ""),
        (chart.CONTRACT_LIABILITY, -event.deferred_minor, event.licence_id),
    )


def _credited(event: LicenceCredited) -> tuple[Posting, ...]:
    total = event.deferred_minor + event.recognised_minor + event.tax_minor
    return party_legs(
        event.currency,
        (chart.CONTRACT_LIABILITY, event.deferred_minor, event.licence_id),
        (chart.REFUNDS, event.recognised_minor, ""),
        (chart.TAX_PAYABLE, event.tax_minor, ""),
        (chart.RECEIVABLE, -event.receivable_minor, event.org_id),
        (chart.CUSTOMER_CREDIT, event.receivable_minor - total, event.org_id),
    )


def _written_off(event: LicenceWrittenOff) -> tuple[Posting, ...]:
    total = event.deferred_minor + event.loss_minor + event.tax_minor
    return party_legs(
        event.currency,
        (chart.CONTRACT_LIABILITY, event.deferred_minor, event.licence_id),
        (chart.CREDIT_LOSS, event.loss_minor, ""),
        (chart.TAX_PAYABLE, event.tax_minor, ""),
        (chart.RECEIVABLE, -total, event.org_id),
    )


def balance_transaction(event: Event) -> BalanceTransaction | None:  # noqa: ARG001 - Stripe moves none of it
    return None


def source(event: Event) -> str:
    """The invoice, so that what is open of each is read from the books themselves."""
    match event:
        case (
            LicenceInvoiced()
            | LicenceInvoicePaid()
            | LicenceInvoiceReopened()
            | LicenceCredited()
            | LicenceWrittenOff()
        ):
            return event.invoice_id
        case LicenceCardPaymentTold():
            return event.payment_id
        case _:
            return ""


ENTRIES = Entries(
    descriptions={
        LicenceInvoiced: "Licence invoiced",
        LicenceInvoicePaid: "Licence invoice paid",
        LicenceInvoiceReopened: "Licence invoice open again: the card payment was taken back",
        LicenceCardPaymentTold: "Card payment of a licence lost after it was paid out",
        LicenceRecognised: "Licence revenue",
        LicenceCredited: "Credit note of a licence",
        LicenceCreditPaidOut: "Credit of a licence paid out by bank transfer",
        LicenceWrittenOff: "Licence invoice written off",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
