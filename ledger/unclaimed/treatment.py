"""What a movement means by Stripe's own words for it, and so where it is posted.

https://docs.stripe.com/reports/reporting-categories
https://docs.stripe.com/reports/balance-transaction-types
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.chart import Account

PAYMENTS = "payments"
"""The balance that is charged to and paid out of; others hold what is reserved, or paid in for refunds."""

_BY_CATEGORY: Mapping[str, Account] = {
    "topup": chart.BANK,
    "topup_reversal": chart.BANK,
    "fee": chart.PROCESSING_FEES,
    "network_cost": chart.PROCESSING_FEES,
    "tax": chart.PROCESSING_FEES,
}
"""What is known by its reporting category alone. Taxes are those that Stripe puts on its own fees."""

_DISPUTES = ("du_", "dp_")
"""How ids of disputes begin. What is taken for answering one, and given back when it is won, names it."""

_HELD_WITHIN = frozenset(
    {
        "payment_network_reserve_hold",
        "payment_network_reserve_release",
        "payout_minimum_balance_hold",
        "payout_minimum_balance_release",
        "reserve_transaction",
        "reserved_funds",
    }
)
"""Types that take from the payments balance what Stripe holds, without a movement of another balance."""

BETWEEN_BALANCES = frozenset({"reserve_hold", "reserve_release"})
"""Types of which there are two movements, one of each balance: against 1090 they add up to nothing, and to an
entry between the balances. https://docs.stripe.com/changelog/clover/2026-01-28/monitor-reserve-activity-on-balance-transactions"""

EXPLAINABLE: tuple[Account, ...] = (
    chart.BANK,
    chart.STRIPE_OTHER,
    chart.PAYOUTS_IN_TRANSIT,
    chart.TAX_PAYABLE,
    chart.COURSES,
    chart.SUBSCRIPTIONS,
    chart.LICENCES,
    chart.MARKETPLACE_COMMISSION,
    chart.REFUNDS,
    chart.DISPUTES,
    chart.DISCOUNTS,
    chart.PROCESSING_FEES,
    chart.DISPUTE_FEES,
    chart.CREDIT_LOSS,
    chart.FOREIGN_EXCHANGE,
)
"""Where finance may post what it explains. Not where each amount is somebody's, such as 2100: facts about
them alone say what they are owed."""

_OWN_WORDS = frozenset({"fee", "network_cost", "tax", "risk_reserved_funds", "connect_reserved_funds"})


def against(kind: str, reporting_category: str, source_id: str = "") -> Account:
    if reporting_category == "fee" and source_id.startswith(_DISPUTES):
        return chart.DISPUTE_FEES
    if kind in _HELD_WITHIN or reporting_category == "connect_reserved_funds":
        return chart.STRIPE_OTHER
    return _BY_CATEGORY.get(reporting_category, chart.UNEXPLAINED)


def cash(entry: BalanceTransaction, balance_type: str) -> Account:
    """What goes out is taken from what is available at once, as everywhere in the books."""
    if balance_type != PAYMENTS:
        return chart.STRIPE_OTHER
    waits = entry.net_minor > 0 and entry.available_at > entry.created_at
    return chart.STRIPE_PENDING if waits else chart.STRIPE_AVAILABLE


def is_worded_by_stripe(reporting_category: str) -> bool:
    """Whether its description is Stripe's own, and so names nobody."""
    return reporting_category in _OWN_WORDS
