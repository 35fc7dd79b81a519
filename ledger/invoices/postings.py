"""The entries of an invoice: what is sold, given back and earned. Pure.

Party of 2000 is the subscription, of 1100 and 2300 the user. A fact is never refused here, so one leg of each
entry is derived from the others.
"""

from __future__ import annotations

from msgspec.structs import replace

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.entries import Entries, Posting, party_legs, transfer
from ledger.invoices.events import (
    CreditReversed,
    CreditSettled,
    CreditUndone,
    InvoiceCredited,
    InvoiceDisputeFundsReinstated,
    InvoiceDisputeFundsWithdrawn,
    InvoiceDisputeLost,
    InvoiceDisputeWon,
    InvoiceFundsAvailable,
    InvoicePartSettled,
    InvoiceRecognised,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    OffStripePaymentRecorded,
    PartRefunded,
    ServiceEnded,
    UnusedTimeOvergiven,
)
from ledger.message import Event
from ledger.payments import postings as payments


def postings(event: Event) -> tuple[Posting, ...]:  # noqa: C901, PLR0911 - one entry for each kind of fact
    match event:
        case InvoiceSettled():
            return _sold(event)
        case InvoiceSettledWithoutCharge():
            return _sold_without_charge(event)
        case InvoicePartSettled():
            return _brought(event)
        case OffStripePaymentRecorded():
            return party_legs(
                event.currency,
                (chart.BANK, event.amount_minor, ""),
                (chart.RECEIVABLE, -event.amount_minor, event.user_id),
            )
        case InvoiceFundsAvailable():
            return transfer(event.currency, event.net_minor, chart.STRIPE_AVAILABLE, chart.STRIPE_PENDING)
        case InvoiceCredited():
            return _credited(event)
        case CreditUndone():
            return tuple(replace(leg, amount_minor=-leg.amount_minor) for leg in _credited(event))
        case CreditSettled() | PartRefunded():
            return _given_back(event, event.booked_minor)
        case CreditReversed():
            return _given_back(event, -event.booked_minor)
        case UnusedTimeOvergiven(given_back_minor=given):
            return party_legs(
                event.currency,
                (chart.REFUNDS, given, ""),
                (chart.CONTRACT_LIABILITY, -given, event.subscription_id),
            )
        case InvoiceRecognised(total_minor=total) | ServiceEnded(remaining_minor=total):
            return party_legs(
                event.currency,
                (chart.CONTRACT_LIABILITY, total, event.subscription_id),
                (chart.SUBSCRIPTIONS, -total, ""),
            )
        case _:
            return payments.dispute_postings(event)


def _brought(event: InvoicePartSettled) -> tuple[Posting, ...]:
    entry = event.balance_transaction
    return party_legs(
        entry.currency,
        (chart.STRIPE_PENDING, entry.net_minor, ""),
        (chart.PROCESSING_FEES, entry.amount_minor - entry.net_minor, ""),
        (chart.CUSTOMER_CREDIT, -entry.amount_minor, event.user_id),
    )


def _sold(event: InvoiceSettled) -> tuple[Posting, ...]:
    """What was charged beyond the lines and their tax is owed to the customer; what was not was theirs."""
    entry, deferred = event.balance_transaction, sum(one.amount_minor for one in event.lines)
    theirs = deferred + event.tax_minor - event.off_stripe_minor - entry.amount_minor
    return party_legs(
        entry.currency,
        (chart.STRIPE_PENDING, entry.net_minor, ""),
        (chart.PROCESSING_FEES, entry.amount_minor - entry.net_minor, ""),
        (chart.CONTRACT_LIABILITY, -deferred, event.subscription_id),
        (chart.TAX_PAYABLE, -event.tax_minor, ""),
        (chart.CUSTOMER_CREDIT, theirs, event.user_id),
        (chart.RECEIVABLE, event.off_stripe_minor, event.user_id),
    )


def _sold_without_charge(event: InvoiceSettledWithoutCharge) -> tuple[Posting, ...]:
    deferred = sum(one.amount_minor for one in event.lines)
    return party_legs(
        event.currency,
        (chart.CUSTOMER_CREDIT, deferred + event.tax_minor - event.off_stripe_minor, event.user_id),
        (chart.RECEIVABLE, event.off_stripe_minor, event.user_id),
        (chart.CONTRACT_LIABILITY, -deferred, event.subscription_id),
        (chart.TAX_PAYABLE, -event.tax_minor, ""),
    )


def _credited(event: InvoiceCredited | CreditUndone) -> tuple[Posting, ...]:
    owed = event.deferred_minor + event.recognised_minor + event.tax_minor
    return party_legs(
        event.currency,
        (chart.CONTRACT_LIABILITY, event.deferred_minor, event.subscription_id),
        (chart.REFUNDS, event.recognised_minor, ""),
        (chart.TAX_PAYABLE, event.tax_minor, ""),
        (chart.CUSTOMER_CREDIT, -owed, event.user_id),
    )


def _given_back(event: CreditSettled | CreditReversed | PartRefunded, owed_minor: int) -> tuple[Posting, ...]:
    """What was owed to the customer left Stripe's balance, or came back; the rest is exchange."""
    entry = event.balance_transaction
    return party_legs(
        entry.currency,
        (chart.STRIPE_AVAILABLE, entry.net_minor, ""),
        (chart.PROCESSING_FEES, entry.amount_minor - entry.net_minor, ""),
        (chart.CUSTOMER_CREDIT, owed_minor, event.user_id),
        (chart.FOREIGN_EXCHANGE, -entry.amount_minor - owed_minor, ""),
    )


def balance_transaction(event: Event) -> BalanceTransaction | None:
    match event:
        case InvoiceSettled() | InvoicePartSettled() | CreditSettled() | CreditReversed() | PartRefunded():
            return event.balance_transaction
        case _:
            return payments.balance_transaction(event)


def source(event: Event) -> str:
    match event:
        case InvoiceFundsAvailable():
            return event.balance_transaction_id
        case InvoiceCredited():
            return event.stripe_credit_note_id
        case OffStripePaymentRecorded():
            return event.payment_id
        case _:
            return payments.source(event)


ENTRIES = Entries(
    descriptions={
        InvoicePartSettled: "Charge for a part of an invoice, the customer's until it is paid",
        PartRefunded: "Refund of a part of an invoice that is not paid",
        InvoiceSettled: "Invoice settled by Stripe",
        InvoiceSettledWithoutCharge: "Invoice settled without a charge",
        OffStripePaymentRecorded: "Payment outside Stripe found in the bank",
        InvoiceFundsAvailable: "Funds available at Stripe",
        InvoiceCredited: "Credit note",
        CreditSettled: "Refund of a credit note",
        CreditUndone: "Credit note undone, as its refund failed",
        CreditReversed: "Refund of a credit note that failed, given back by Stripe",
        UnusedTimeOvergiven: "Unused time given back that was not paid any more",
        InvoiceRecognised: "Revenue of a day",
        ServiceEnded: "Service ended early: the rest is earned",
        InvoiceDisputeFundsWithdrawn: "Dispute: funds withdrawn",
        InvoiceDisputeFundsReinstated: "Dispute: funds reinstated",
        InvoiceDisputeLost: "Dispute lost",
        InvoiceDisputeWon: "Dispute won",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
