"""The chart of accounts, as data: remap a number here and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal["asset", "liability", "income", "expense"]
Side = Literal["debit", "credit"]


class Account(Struct, frozen=True, kw_only=True):
    number: str
    name: str
    kind: Kind
    side: Side
    """Where its balance normally stands; a contra account stands on the other side than its kind."""


def _account(number: str, name: str, kind: Kind, *, contra: bool = False) -> Account:
    grows_by_debit = (kind in {"asset", "expense"}) != contra
    return Account(number=number, name=name, kind=kind, side="debit" if grows_by_debit else "credit")


BANK = _account("1000", "Bank", "asset")
STRIPE_PENDING = _account("1010", "Stripe pending", "asset")
STRIPE_AVAILABLE = _account("1011", "Stripe available", "asset")
STRIPE_OTHER = _account("1012", "Stripe other balances", "asset")
PAYOUTS_IN_TRANSIT = _account("1015", "Payouts in transit", "asset")
UNEXPLAINED = _account("1090", "Unexplained at Stripe", "asset")
RECEIVABLE = _account("1100", "Receivable", "asset")
DISPUTES_RECEIVABLE = _account("1200", "Disputes receivable", "asset")
INSTRUCTOR_RECEIVABLE = _account("1210", "Instructor receivable", "asset")
CONTRACT_LIABILITY = _account("2000", "Contract liability", "liability")
INSTRUCTOR_PAYABLE = _account("2100", "Instructor payable", "liability")
TAX_PAYABLE = _account("2200", "Tax payable", "liability")
CUSTOMER_CREDIT = _account("2300", "Customer credit", "liability")
COURSES = _account("4000", "Courses", "income")
SUBSCRIPTIONS = _account("4010", "Subscriptions", "income")
LICENCES = _account("4020", "Licences", "income")
MARKETPLACE_COMMISSION = _account("4030", "Marketplace commission", "income")
REFUNDS = _account("4900", "Refunds", "income", contra=True)
DISPUTES = _account("4910", "Disputes", "income", contra=True)
DISCOUNTS = _account("4920", "Discounts given", "income", contra=True)
PROCESSING_FEES = _account("6000", "Processing fees", "expense")
DISPUTE_FEES = _account("6010", "Dispute fees", "expense")
CREDIT_LOSS = _account("6200", "Credit loss", "expense")
FOREIGN_EXCHANGE = _account("7000", "Foreign exchange", "expense")
ROUNDING = _account("7010", "Rounding", "expense")
TOKENS_ISSUED = _account("9000", "Tokens issued", "expense")
TOKENS_OUTSTANDING = _account("9100", "Tokens outstanding", "liability")
TOKENS_REDEEMED = _account("9200", "Tokens redeemed", "income")
TOKENS_EXPIRED = _account("9300", "Tokens expired", "income")

TOK = "TOK"
"""What accounts from 9000 on are in, instead of a currency: whole tokens, which are no money and never added
to it. In upper case, so that it is no currency's code."""

CHART: Mapping[str, Account] = {
    account.number: account
    for account in (
        BANK,
        STRIPE_PENDING,
        STRIPE_AVAILABLE,
        STRIPE_OTHER,
        PAYOUTS_IN_TRANSIT,
        UNEXPLAINED,
        RECEIVABLE,
        DISPUTES_RECEIVABLE,
        INSTRUCTOR_RECEIVABLE,
        CONTRACT_LIABILITY,
        INSTRUCTOR_PAYABLE,
        TAX_PAYABLE,
        CUSTOMER_CREDIT,
        COURSES,
        SUBSCRIPTIONS,
        LICENCES,
        MARKETPLACE_COMMISSION,
        REFUNDS,
        DISPUTES,
        DISCOUNTS,
        PROCESSING_FEES,
        DISPUTE_FEES,
        CREDIT_LOSS,
        FOREIGN_EXCHANGE,
        ROUNDING,
        TOKENS_ISSUED,
        TOKENS_OUTSTANDING,
        TOKENS_REDEEMED,
        TOKENS_EXPIRED,
    )
}
"""By number, in the order of a balance sheet and an income statement."""
