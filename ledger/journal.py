"""Each fact about money as one balanced entry. Pure; what is not in a balance transaction is not posted."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ledger import chart
from ledger.chart import Account
from ledger.invoices.events import (
    CreditReversed,
    CreditSettled,
    InvoiceCredited,
    InvoiceDisputeFundsReinstated,
    InvoiceDisputeFundsWithdrawn,
    InvoiceDisputeLost,
    InvoiceDisputeWon,
    InvoiceFundsAvailable,
    InvoiceRecognised,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    ServiceEnded,
)
from ledger.message import Event, Recorded
from ledger.payments.events import (
    BalanceTransaction,
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentFundsAvailable,
    PaymentSettled,
    RefundReversed,
    RefundSettled,
)
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid


class Posting(Struct, frozen=True, gc=False):
    """One leg of an entry: `amount_minor` is positive for a debit, negative for a credit, never zero."""

    account: str
    """Its number in the chart."""
    currency: str
    amount_minor: int
    party: str = ""
    """Whose sub-ledger it is in: a user's id, or nobody's."""


class Treatment(Struct, frozen=True):
    """Which accounts a payment's purpose moves."""

    income: Account
    refunds: Account
    disputes: Account


TREATMENTS: Mapping[str, Treatment] = {
    "plain": Treatment(income=chart.COURSES, refunds=chart.REFUNDS, disputes=chart.DISPUTES),
}
"""By purpose. One that is not here comes from a newer version's history, since commands with it are
refused: it is posted as plain, so that cash stays right and a rebuild under the newer version corrects
the income account."""


def postings(recorded: Recorded) -> tuple[Posting, ...]:  # noqa: PLR0911 - one entry for each kind of fact
    """The entry of a fact: empty when it moves no money, else legs that add up to zero per currency."""
    match recorded.event:
        case PaymentSettled() as event:
            income = _treatment(event.purpose).income
            return _moved(event.balance_transaction, chart.STRIPE_PENDING, income, chart.PROCESSING_FEES)
        case PaymentFundsAvailable() | InvoiceFundsAvailable() as event:
            return _transfer(event.currency, event.net_minor, chart.STRIPE_AVAILABLE, chart.STRIPE_PENDING)
        case RefundSettled() | RefundReversed() as event:
            refunds = _treatment(event.purpose).refunds
            return _moved(event.balance_transaction, chart.STRIPE_AVAILABLE, refunds, chart.PROCESSING_FEES)
        case DisputeFundsWithdrawn() | DisputeFundsReinstated() as event:
            entry = event.balance_transaction
            return _moved(entry, chart.STRIPE_AVAILABLE, chart.DISPUTES_RECEIVABLE, chart.DISPUTE_FEES)
        case DisputeLost() as event:
            lost = _treatment(event.purpose).disputes
            return _transfer(event.currency, event.withdrawn_minor, lost, chart.DISPUTES_RECEIVABLE)
        case DisputeWon() as event:
            return _won(event)
        case PayoutInitiated() as event:
            entry = event.balance_transaction
            return _moved(entry, chart.STRIPE_AVAILABLE, chart.PAYOUTS_IN_TRANSIT, chart.PROCESSING_FEES)
        case PayoutPaid() as event:
            return _transfer(event.currency, event.amount_minor, chart.BANK, chart.PAYOUTS_IN_TRANSIT)
        case PayoutFailed() as event:
            came_from = chart.BANK if event.was_paid else chart.PAYOUTS_IN_TRANSIT
            entry = event.balance_transaction
            return _moved(entry, chart.STRIPE_AVAILABLE, came_from, chart.PROCESSING_FEES)
        case _:
            return _invoice(recorded.event)


def _invoice(event: Event) -> tuple[Posting, ...]:  # noqa: PLR0911 - one entry for each kind of fact
    """Party of 2000 is the subscription, of 2300 the user. A fact is never refused here, so one leg of each
    entry is derived from the others.
    """
    match event:
        case InvoiceSettled():
            return _sold(event)
        case InvoiceSettledWithoutCharge():
            deferred = sum(one.amount_minor for one in event.lines)
            return _parties(
                event.currency,
                (chart.CUSTOMER_CREDIT, deferred + event.tax_minor, event.user_id),
                (chart.CONTRACT_LIABILITY, -deferred, event.subscription_id),
                (chart.TAX_PAYABLE, -event.tax_minor, ""),
            )
        case InvoiceCredited():
            owed = event.deferred_minor + event.recognised_minor + event.tax_minor
            return _parties(
                event.currency,
                (chart.CONTRACT_LIABILITY, event.deferred_minor, event.subscription_id),
                (chart.REFUNDS, event.recognised_minor, ""),
                (chart.TAX_PAYABLE, event.tax_minor, ""),
                (chart.CUSTOMER_CREDIT, -owed, event.user_id),
            )
        case CreditSettled():
            return _given_back(event, event.booked_minor)
        case CreditReversed():
            return _given_back(event, -event.booked_minor)
        case InvoiceRecognised(total_minor=total) | ServiceEnded(remaining_minor=total):
            return _parties(
                event.currency,
                (chart.CONTRACT_LIABILITY, total, event.subscription_id),
                (chart.SUBSCRIPTIONS, -total, ""),
            )
        case _:
            return ()


def _sold(event: InvoiceSettled) -> tuple[Posting, ...]:
    """What was charged beyond the lines and their tax is owed to the customer; what was not was theirs."""
    entry, deferred = event.balance_transaction, sum(one.amount_minor for one in event.lines)
    return _parties(
        entry.currency,
        (chart.STRIPE_PENDING, entry.net_minor, ""),
        (chart.PROCESSING_FEES, entry.amount_minor - entry.net_minor, ""),
        (chart.CONTRACT_LIABILITY, -deferred, event.subscription_id),
        (chart.TAX_PAYABLE, -event.tax_minor, ""),
        (chart.CUSTOMER_CREDIT, deferred + event.tax_minor - entry.amount_minor, event.user_id),
    )


def _given_back(event: CreditSettled | CreditReversed, owed_minor: int) -> tuple[Posting, ...]:
    """What was owed to the customer left Stripe's balance, or came back; the rest is exchange."""
    entry = event.balance_transaction
    return _parties(
        entry.currency,
        (chart.STRIPE_AVAILABLE, entry.net_minor, ""),
        (chart.PROCESSING_FEES, entry.amount_minor - entry.net_minor, ""),
        (chart.CUSTOMER_CREDIT, owed_minor, event.user_id),
        (chart.FOREIGN_EXCHANGE, -entry.amount_minor - owed_minor, ""),
    )


def _parties(currency: str, *legs: tuple[Account, int, str]) -> tuple[Posting, ...]:
    return tuple(
        Posting(account.number, currency, amount, party) for account, amount, party in legs if amount
    )


def balance_transaction(event: Event) -> BalanceTransaction | None:
    """The one that `event` posts: each of Stripe's is posted by exactly one event."""
    match event:
        case (
            PaymentSettled()
            | RefundSettled()
            | RefundReversed()
            | DisputeFundsWithdrawn()
            | DisputeFundsReinstated()
            | PayoutInitiated()
            | PayoutFailed()
            | InvoiceSettled()
            | CreditSettled()
            | CreditReversed()
        ):
            return event.balance_transaction
        case _:
            return None


def source(event: Event) -> str:
    """The Stripe object behind an entry: its balance transaction, else what changed; empty for no entry."""
    entry = balance_transaction(event)
    if entry is not None:
        return entry.balance_transaction_id
    match event:
        case PaymentFundsAvailable() | InvoiceFundsAvailable():
            return event.balance_transaction_id
        case DisputeLost() | DisputeWon():
            return event.dispute_id
        case PayoutPaid():
            return event.payout_id
        case InvoiceCredited():
            return event.stripe_credit_note_id
        case _:
            return ""


_DESCRIPTIONS: Mapping[type[Event], str] = {
    PaymentSettled: "Payment settled by Stripe",
    PaymentFundsAvailable: "Funds available at Stripe",
    RefundSettled: "Refund",
    RefundReversed: "Refund that failed, given back by Stripe",
    DisputeFundsWithdrawn: "Dispute: funds withdrawn",
    DisputeFundsReinstated: "Dispute: funds reinstated",
    DisputeLost: "Dispute lost",
    DisputeWon: "Dispute won",
    PayoutInitiated: "Payout to the bank",
    PayoutPaid: "Payout arrived at the bank",
    PayoutFailed: "Payout that failed, returned to Stripe",
    InvoiceSettled: "Invoice settled by Stripe",
    InvoiceSettledWithoutCharge: "Invoice settled out of the customer's credit",
    InvoiceFundsAvailable: "Funds available at Stripe",
    InvoiceCredited: "Credit note",
    CreditSettled: "Refund of a credit note",
    CreditReversed: "Refund of a credit note that failed, given back by Stripe",
    InvoiceRecognised: "Revenue of a day",
    ServiceEnded: "Service ended early: the rest is earned",
    InvoiceDisputeFundsWithdrawn: "Dispute: funds withdrawn",
    InvoiceDisputeFundsReinstated: "Dispute: funds reinstated",
    InvoiceDisputeLost: "Dispute lost",
    InvoiceDisputeWon: "Dispute won",
}


def description(event: Event) -> str:
    """What a reader of the journal sees beside an entry; empty for a fact without one."""
    return _DESCRIPTIONS.get(type(event), "")


def _treatment(purpose: str) -> Treatment:
    return TREATMENTS.get(purpose) or TREATMENTS["plain"]


def _won(event: DisputeWon) -> tuple[Posting, ...]:
    """An earlier loss is a receivable again; what the reinstatement missed of it is exchange."""
    recovered, difference = event.recovered_minor, event.difference_minor
    return _entry(
        event.currency,
        (chart.DISPUTES_RECEIVABLE, recovered - difference),
        (_treatment(event.purpose).disputes, -recovered),
        (chart.FOREIGN_EXCHANGE, difference),
    )


def _moved(
    entry: BalanceTransaction, cash: Account, counterpart: Account, fees: Account
) -> tuple[Posting, ...]:
    """Stripe's balance moves by the net, the counterpart by the gross, and the fee is what is between.

    The fee is derived, so that the entry balances even if Stripe's three figures ever did not.
    """
    return _entry(
        entry.currency,
        (cash, entry.net_minor),
        (fees, entry.amount_minor - entry.net_minor),
        (counterpart, -entry.amount_minor),
    )


def _transfer(currency: str, amount_minor: int, to: Account, out_of: Account) -> tuple[Posting, ...]:
    return _entry(currency, (to, amount_minor), (out_of, -amount_minor))


def _entry(currency: str, *legs: tuple[Account, int]) -> tuple[Posting, ...]:
    return tuple(Posting(account.number, currency, amount) for account, amount in legs if amount)
