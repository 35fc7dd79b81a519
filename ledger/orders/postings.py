"""The entries of an order. Pure.

Party of 1100 and 2300 is the organisation, of 2000 the order, of 2100 the instructor. What is sold and not
shared out is in 2000. A fact is never refused here, so that one leg of each entry is derived from the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.entries import Entries, Posting, legs, party_legs
from ledger.message import Event
from ledger.orders.events import (
    OrderCreditPaidOut,
    OrderItemCredited,
    OrderPaid,
    OrderPlaced,
    OrderWrittenOff,
)
from ledger.orders.terms import LineChange
from ledger.split import by_user


def postings(event: Event) -> tuple[Posting, ...]:
    match event:
        case OrderPlaced():
            return party_legs(
                event.currency,
                (chart.RECEIVABLE, event.net_minor + event.tax_minor, event.org_id),
                (chart.CONTRACT_LIABILITY, -event.net_minor, event.order_id),
                (chart.TAX_PAYABLE, -event.tax_minor, ""),
            )
        case OrderPaid():
            cash = legs(event.currency, (chart.BANK, event.amount_minor))
            return _moved(event, cash, -event.amount_minor)
        case OrderItemCredited() | OrderWrittenOff():
            owed = event.net_minor + event.tax_minor - event.receivable_minor
            credit = party_legs(event.currency, (chart.CUSTOMER_CREDIT, -owed, event.org_id))
            return _moved(event, credit, -event.receivable_minor)
        case OrderCreditPaidOut(amount_minor=amount):
            return party_legs(
                event.currency, (chart.CUSTOMER_CREDIT, amount, event.org_id), (chart.BANK, -amount, "")
            )
        case _:
            return ()


def _moved(
    event: OrderPaid | OrderItemCredited | OrderWrittenOff, cash: tuple[Posting, ...], receivable_minor: int
) -> tuple[Posting, ...]:
    others = (
        *cash,
        *party_legs(event.currency, (chart.RECEIVABLE, receivable_minor, event.org_id)),
        *legs(event.currency, (chart.TAX_PAYABLE, -sum(one.tax_minor for one in event.changes))),
        *_shared(event.currency, event.changes),
    )
    left = -sum(leg.amount_minor for leg in others)
    return *others, *party_legs(event.currency, (chart.CONTRACT_LIABILITY, left, event.order_id))


def _shared(currency: str, changes: Sequence[LineChange]) -> tuple[Posting, ...]:
    """What comes back of a commission is given back of revenue, as with a refund."""
    instructors: Counter[str] = Counter()
    for change in changes:
        instructors.update(by_user(change.split))
    platform = [change.split.platform_minor for change in changes if change.split is not None]
    return (
        *party_legs(
            currency,
            *(
                (chart.INSTRUCTOR_PAYABLE, -amount, user_id)
                for user_id, amount in sorted(instructors.items())
            ),
        ),
        *legs(
            currency,
            (chart.MARKETPLACE_COMMISSION, -sum(one for one in platform if one > 0)),
            (chart.REFUNDS, -sum(one for one in platform if one < 0)),
        ),
    )


def balance_transaction(event: Event) -> BalanceTransaction | None:  # noqa: ARG001 - Stripe moves none of it
    return None


def source(event: Event) -> str:
    """The invoice, so that what is open of each is read from the books themselves."""
    match event:
        case OrderPlaced() | OrderPaid() | OrderItemCredited() | OrderWrittenOff():
            return event.invoice_id
        case _:
            return ""


ENTRIES = Entries(
    descriptions={
        OrderPlaced: "Courses invoiced to an organisation",
        OrderPaid: "Courses of an organisation paid by bank transfer",
        OrderItemCredited: "Credit note of a course of an organisation",
        OrderCreditPaidOut: "Credit of an order paid out by bank transfer",
        OrderWrittenOff: "Order of an organisation written off",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
