"""The entries of a payment, its refunds and its disputes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.chart import Account
from ledger.entries import Entries, Posting, legs, moved, party_legs, transfer
from ledger.message import Event
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentFundsAvailable,
    PaymentSettled,
    RefundReversed,
    RefundSettled,
)
from ledger.split import SettledSplit


class Treatment(Struct, frozen=True):
    """Which accounts a payment's purpose moves. Of a sale it is the platform's part that they have."""

    income: Account
    refunds: Account
    disputes: Account


TREATMENTS: Mapping[str, Treatment] = {
    "plain": Treatment(income=chart.COURSES, refunds=chart.REFUNDS, disputes=chart.DISPUTES),
    "course": Treatment(income=chart.MARKETPLACE_COMMISSION, refunds=chart.REFUNDS, disputes=chart.DISPUTES),
    "licence": Treatment(income=chart.LICENCES, refunds=chart.REFUNDS, disputes=chart.DISPUTES),
}
"""By purpose. One that is not here comes from a newer version's history, since commands with it are
refused: it is posted as plain, so that cash stays right and a rebuild under the newer version corrects
the income account."""


def postings(event: Event) -> tuple[Posting, ...]:
    match event:
        case PaymentSettled():
            income = _treatment(event.purpose).income
            return _moved(event.balance_transaction, chart.STRIPE_PENDING, event.split, income)
        case PaymentFundsAvailable():
            return transfer(event.currency, event.net_minor, chart.STRIPE_AVAILABLE, chart.STRIPE_PENDING)
        case RefundSettled() | RefundReversed():
            refunds = _treatment(event.purpose).refunds
            return _moved(event.balance_transaction, chart.STRIPE_AVAILABLE, event.split, refunds)
        case _:
            return dispute_postings(event)


def dispute_postings(event: Event) -> tuple[Posting, ...]:
    """Also those of an invoice's charge: the facts are of the same kind."""
    match event:
        case DisputeFundsWithdrawn() | DisputeFundsReinstated():
            entry = event.balance_transaction
            return moved(entry, chart.STRIPE_AVAILABLE, chart.DISPUTES_RECEIVABLE, chart.DISPUTE_FEES)
        case DisputeLost(currency=currency, withdrawn_minor=withdrawn):
            lost = _whose(event.split, _treatment(event.purpose).disputes, currency, -withdrawn)
            return *lost, *legs(currency, (chart.DISPUTES_RECEIVABLE, -withdrawn))
        case DisputeWon():
            return _won(event)
        case _:
            return ()


def _treatment(purpose: str) -> Treatment:
    return TREATMENTS.get(purpose) or TREATMENTS["plain"]


def _won(event: DisputeWon) -> tuple[Posting, ...]:
    """An earlier loss is a receivable again; what the reinstatement missed of it is exchange."""
    recovered, difference = event.recovered_minor, event.difference_minor
    return (
        *legs(event.currency, (chart.DISPUTES_RECEIVABLE, recovered - difference)),
        *_whose(event.split, _treatment(event.purpose).disputes, event.currency, recovered),
        *legs(event.currency, (chart.FOREIGN_EXCHANGE, difference)),
    )


def _moved(
    entry: BalanceTransaction, cash: Account, split: SettledSplit | None, platform: Account
) -> tuple[Posting, ...]:
    """As `moved`, with the gross given to those whose it is, or taken from them."""
    fee = entry.amount_minor - entry.net_minor
    return (
        *legs(entry.currency, (cash, entry.net_minor), (chart.PROCESSING_FEES, fee)),
        *_whose(split, platform, entry.currency, entry.amount_minor),
    )


def _whose(
    split: SettledSplit | None, platform: Account, currency: str, amount_minor: int
) -> tuple[Posting, ...]:
    """`amount_minor` of `currency` credited to each whose it is, as the fact says; debited where it is below
    zero. What another exchange rate makes of it is exchange.
    """
    if split is None:
        return legs(currency, (platform, -amount_minor))
    parts = (
        *party_legs(
            split.currency,
            *((chart.INSTRUCTOR_PAYABLE, -one.amount_minor, one.user_id) for one in split.instructors),
            (chart.CUSTOMER_CREDIT, -split.credit_minor, split.org_id),
        ),
        *legs(
            split.currency,
            (chart.TAX_PAYABLE, -split.tax_minor),
            (platform, -split.platform_minor),
            (chart.DISCOUNTS, split.discount_minor),
        ),
    )
    if split.currency == currency:
        return *parts, *legs(currency, (chart.FOREIGN_EXCHANGE, split.total_minor - amount_minor))
    exchanged = legs(split.currency, (chart.FOREIGN_EXCHANGE, split.total_minor))
    return *parts, *exchanged, *legs(currency, (chart.FOREIGN_EXCHANGE, -amount_minor))


def balance_transaction(event: Event) -> BalanceTransaction | None:
    match event:
        case (
            PaymentSettled()
            | RefundSettled()
            | RefundReversed()
            | DisputeFundsWithdrawn()
            | DisputeFundsReinstated()
        ):
            return event.balance_transaction
        case _:
            return None


def source(event: Event) -> str:
    match event:
        case PaymentFundsAvailable():
            return event.balance_transaction_id
        case DisputeLost() | DisputeWon():
            return event.dispute_id
        case _:
            return ""


ENTRIES = Entries(
    descriptions={
        PaymentSettled: "Payment settled by Stripe",
        PaymentFundsAvailable: "Funds available at Stripe",
        RefundSettled: "Refund",
        RefundReversed: "Refund that failed, given back by Stripe",
        DisputeFundsWithdrawn: "Dispute: funds withdrawn",
        DisputeFundsReinstated: "Dispute: funds reinstated",
        DisputeLost: "Dispute lost",
        DisputeWon: "Dispute won",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
