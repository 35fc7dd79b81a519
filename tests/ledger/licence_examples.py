"""Builders for tests of licences: commands with what a test is not about filled in, a clock, and books."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from ledger.entries import Posting
from ledger.invoices.recognition import end_of
from ledger.licence_tiers import Allowance, Grant
from ledger.licences.commands import (
    AcceptQuote,
    CloseLicenceDay,
    CreditLicenceInvoice,
    ExpireLicence,
    IssueLicence,
    LicenceCommand,
    QuoteLicence,
    RecordCreditPaidOut,
    RecordLicencePayment,
    RecordNotice,
    ReinstateLicence,
    RenewLicence,
    RevokeLicence,
    SuspendLicence,
    UpgradeLicence,
    WriteOffLicenceInvoice,
)
from ledger.licences.decider import decide
from ledger.licences.events import LicenceEvent, LicenceInvoiced, LicenceNoticeDue
from ledger.licences.invoice import Invoice
from ledger.licences.postings import postings
from ledger.licences.state import Licence, evolve
from ledger.licences.status import Status, status_at
from ledger.licences.terms import Billing

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LICENCE, ORG = "lic_0123456789abcdef", "org_acme"
NET_30 = Billing(kind="invoice", net_days=30)
TAXED = Billing(kind="invoice", net_days=30, tax_bp=2000)
GIVEN = Billing()
STARTER = Grant(
    tier="starter",
    currency="usd",
    year_minor=99_000,
    grace_days=7,
    seats=100,
    features=("api_access",),
    allowances=(
        Allowance(metric="courses_created", limit=10),
        Allowance(metric="api_calls", limit=10_000, soft=True, overage_minor=100, per=1_000),
    ),
)
PROFESSIONAL = Grant(
    tier="professional",
    currency="usd",
    year_minor=490_000,
    grace_days=14,
    seats=500,
    features=("api_access", "white_label"),
    allowances=(
        Allowance(metric="courses_created", limit=100),
        Allowance(metric="api_calls", limit=100_000, soft=True, overage_minor=100, per=1_000),
    ),
)
_DEFAULTS: dict[type[LicenceCommand], dict[str, Any]] = {
    QuoteLicence: {
        "org_id": ORG,
        "quote_id": "quo_1",
        "grant": STARTER,
        "months": 12,
        "billing": NET_30,
        "valid_until": NEW_YEAR + 30 * DAY,
    },
    AcceptQuote: {"quote_id": "quo_1"},
    IssueLicence: {"org_id": ORG, "grant": STARTER, "months": 12, "billing": NET_30},
    RenewLicence: {"term": 2, "grant": STARTER, "months": 12, "billing": NET_30},
    UpgradeLicence: {"grant": PROFESSIONAL, "billing": NET_30},
    SuspendLicence: {"reason": "Unpaid"},
    ReinstateLicence: {"reason": "Paid"},
    RevokeLicence: {"reason": "They closed", "credit": True},
    ExpireLicence: {"term": 1},
    RecordLicencePayment: {"payment_id": "lpy_1", "reference": "SEPA 17"},
    CreditLicenceInvoice: {"credit_id": "lcn_1", "reason": "Agreed"},
    RecordCreditPaidOut: {"transfer_id": "ltr_1", "reference": "SEPA 18"},
    WriteOffLicenceInvoice: {"reason": "Bankrupt"},
}


def day(text: str) -> datetime:
    """Midnight, such as of `2026-03-01`; or a time of that day, `2026-03-01T12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def command(kind: type[LicenceCommand], at: datetime = NEW_YEAR, **changes: Any) -> Any:
    fields = {"command_id": "cmd", "effective_at": at, "licence_id": LICENCE, **_DEFAULTS.get(kind, {})}
    if kind is RecordLicencePayment:
        fields["received_on"] = at.date()
    if kind is RecordCreditPaidOut:
        fields["paid_on"] = at.date()
    return kind(**{**fields, **changes})


class Life:
    """One licence on a clock, with its books."""

    def __init__(self, **issued: Any) -> None:
        self.licence = Licence()
        self.facts: list[LicenceEvent] = []
        self.entries: list[tuple[datetime, tuple[Posting, ...]]] = []
        self.closed = NEW_YEAR.date() - DAY
        if issued:
            self.do(IssueLicence, **issued)

    def do(self, kind: type[LicenceCommand], at: datetime = NEW_YEAR, **changes: Any) -> list[Any]:
        """The facts that came of it; refusals as they are."""
        facts = decide(command(kind, at, **changes), self.licence)
        self.licence = reduce(evolve, facts, self.licence)
        self.facts += facts
        self.entries += ((at, postings(fact)) for fact in facts)
        return list(facts)

    def close_until(self, last: date) -> None:
        """As the worker does: each day once, its revenue dated within it."""
        while self.closed < last:
            self.closed += DAY
            self.do(CloseLicenceDay, end_of(self.closed) - timedelta(microseconds=1), day=self.closed)

    def status(self, at: datetime) -> Status | None:
        return status_at(self.licence, at)

    def invoice(self, number: int = 1) -> Invoice:
        return list(self.licence.invoices.values())[number - 1]

    def invoice_id(self, number: int = 1) -> str:
        return list(self.licence.invoices)[number - 1]

    def written(self) -> list[LicenceInvoiced]:
        return [fact for fact in self.facts if isinstance(fact, LicenceInvoiced)]

    def pay(self, amount_minor: int, at: datetime = NEW_YEAR, number: int = 1) -> list[Any]:
        return self.do(
            RecordLicencePayment, at, invoice_id=self.invoice_id(number), amount_minor=amount_minor
        )

    def notices(self, *at: datetime) -> list[int]:
        """Days that the notices say which a worker finds due at these times."""
        facts = [fact for one in at for fact in self.do(RecordNotice, one)]
        return [fact.days for fact in facts if isinstance(fact, LicenceNoticeDue)]

    def balance(self, account: str, before: datetime | None = None) -> int:
        return self.balances(before)[account]

    def balances(self, before: datetime | None = None) -> Counter[str]:
        """A debit is positive."""
        sums: Counter[str] = Counter()
        for at, legs in self.entries:
            if before is None or at < before:
                for leg in legs:
                    sums[leg.account] += leg.amount_minor
        return sums
