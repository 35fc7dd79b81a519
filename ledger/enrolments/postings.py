"""The entry of a course that is had for nothing as the platform bears all of its price: there is no balance
transaction, and its instructors are owed their part. What is paid is in the entries of its payment.
"""

from __future__ import annotations

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.enrolments.events import EnrolmentActivated
from ledger.entries import Entries, Posting, legs, party_legs
from ledger.message import Event


def postings(event: Event) -> tuple[Posting, ...]:
    if not isinstance(event, EnrolmentActivated) or event.split is None:
        return ()
    split = event.split
    owed = (
        *party_legs(
            split.currency,
            *((chart.INSTRUCTOR_PAYABLE, -one.amount_minor, one.user_id) for one in split.instructors),
        ),
        *legs(
            split.currency,
            (chart.TAX_PAYABLE, -split.tax_minor),
            (chart.MARKETPLACE_COMMISSION, -split.platform_minor),
        ),
    )
    borne = -sum(leg.amount_minor for leg in owed)
    return *owed, *legs(split.currency, (chart.DISCOUNTS, borne))


def balance_transaction(_event: Event) -> BalanceTransaction | None:
    return None


def source(_event: Event) -> str:
    return ""


ENTRIES = Entries(
    descriptions={EnrolmentActivated: "Course given for nothing, borne by the platform"},
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
