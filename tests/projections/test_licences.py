"""The tables of licences are what the rules make of the facts, and reports tie to the books."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

import psycopg
import pytest

from ledger.errors import Refused
from ledger.invoices.recognition import end_of
from ledger.licences.commands import (
    ActivateLicence,
    CloseLicenceDay,
    CreditLicenceInvoice,
    ExpireLicence,
    ExpireLicencePayment,
    FollowLicencePayment,
    IssueLicence,
    LicenceCommand,
    PayLicenceInvoice,
    PurchaseLicence,
    QuoteLicence,
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
from ledger.licences.state import Licence, evolve
from ledger.licences.status import lapses_at, notice_due
from ledger.licences.stream import stream_of
from ledger.store import conninfo
from projections.live import check
from projections.queries.licences import (
    LicenceMonth,
    Receivables,
    ageing,
    expiries_due,
    licence_days,
    licence_rollforward,
    notices_due,
)
from projections.queries.revenue import deferred_rollforward
from tests.ledger.licence_examples import DAY, NEW_YEAR, ORG, STARTER, TAXED, command, day
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, select

IDS = tuple(f"lic_{index:032}" for index in range(4))


class Licences:
    """Some of them with one history."""

    def __init__(self) -> None:
        self.history, self.states = History(), dict.fromkeys(IDS, Licence())

    def do(self, licence_id: str, kind: type[LicenceCommand], at: datetime, **changes: Any) -> None:
        asked = command(kind, at, licence_id=licence_id, **changes)
        facts = decide(asked, self.states[licence_id])
        if facts:
            self.history.add(stream_of(licence_id), *facts, effective_at=at)
            self.states[licence_id] = reduce(evolve, facts, self.states[licence_id])

    def close(self, licence_id: str, first: date, last: date) -> None:
        for index in range((last - first).days + 1):
            closed = first + index * DAY
            self.do(licence_id, CloseLicenceDay, end_of(closed) - timedelta(microseconds=1), day=closed)

    def invoice_id(self, licence_id: str, number: int = 1) -> str:
        return list(self.states[licence_id].invoices)[number - 1]

    def store(self, url: str, **options: Any) -> None:
        append(url, self.history.recorded)
        assert catch_up(url, **options).errors == {}


PLAIN = (
    IssueLicence,
    ActivateLicence,
    SuspendLicence,
    ReinstateLicence,
    RenewLicence,
    UpgradeLicence,
    QuoteLicence,
    RecordNotice,
    ExpireLicence,
    RevokeLicence,
    PurchaseLicence,
)
OF_INVOICE = (RecordLicencePayment, PayLicenceInvoice, CreditLicenceInvoice, WriteOffLicenceInvoice)
OF_CARD = (FollowLicencePayment, ExpireLicencePayment)
CARD = {"user_id": "usr_manager", "payment_method_id": "pm_card"}


def by_chance(seed: int, steps: int) -> Licences:
    chance, made = random.Random(seed), Licences()  # noqa: S311  # a test's dice
    now = NEW_YEAR
    for _ in range(steps):
        now += timedelta(hours=chance.randrange(100))
        licence_id, kind = chance.choice(IDS), chance.choice(PLAIN + 2 * OF_INVOICE + 2 * OF_CARD)
        licence = made.states[licence_id]
        if kind in OF_CARD and not licence.cards:
            continue
        if (kind in OF_INVOICE and not licence.invoices) or (kind is RevokeLicence and chance.random() < 0.9):
            continue
        try:
            if licence.licence_id:
                made.do(licence_id, CloseLicenceDay, now, day=now.date() - DAY)
            made.do(licence_id, kind, now, **_by_chance(chance, kind, made.states[licence_id], now))
        except Refused:
            continue
    return made


def _by_chance(  # noqa: PLR0911 - one answer for each kind
    chance: random.Random, kind: type[LicenceCommand], licence: Licence, now: datetime
) -> dict[str, Any]:
    if kind in OF_CARD:
        return _of_card(chance, kind, licence)
    if kind is PurchaseLicence:
        terms = {"org_id": ORG, "grant": STARTER, "months": 3, "billing": TAXED}
        return {"payment_id": f"pay_{chance.getrandbits(60)}", **terms, **CARD}
    if kind in OF_INVOICE:
        invoice_id = chance.choice(list(licence.invoices))
        one = licence.invoices[invoice_id]
        left = one.open_minor + one.written_off_minor
        if kind is PayLicenceInvoice:
            return {"invoice_id": invoice_id, "payment_id": f"pay_{chance.getrandbits(60)}", **CARD}
        amount = {"amount_minor": chance.choice([1, left // 2, left])} if kind is RecordLicencePayment else {}
        return {"invoice_id": invoice_id, **amount}
    if kind is IssueLicence or kind is RenewLicence:
        term = {"term": len(licence.terms) + 1} if kind is RenewLicence else {}
        return {"billing": TAXED, "months": chance.choice([1, 3]), **term}
    if kind is ExpireLicence:
        return {"term": len(licence.terms)}
    if kind is QuoteLicence:
        return {"valid_until": now + 60 * DAY}
    return {"billing": TAXED} if kind is UpgradeLicence else {}


def _of_card(chance: random.Random, kind: type[LicenceCommand], licence: Licence) -> dict[str, Any]:
    payment_id, card = chance.choice(list(licence.cards.items()))
    if kind is ExpireLicencePayment:
        return {"payment_id": payment_id}
    kept = chance.choice([0, card.reserved.amount_minor // 3, card.reserved.amount_minor])
    standing = "paid" if kept or card.kept_minor else "unpaid"
    return {"payment_id": payment_id, "as_of": card.as_of + 1, "standing": standing, "kept_minor": kept}


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_each_row_is_as_the_rules_have_it(database_url: str, seed: int, batch: int) -> None:
    made = by_chance(seed, 300)
    made.store(database_url, batch=batch)
    known = {of: licence for of, licence in made.states.items() if licence.licence_id}
    rows = {row["licence_id"]: row for row in select(database_url, "SELECT * FROM licences")}
    assert set(rows) == set(known) == set(IDS)
    for licence_id, licence in known.items():
        row = rows[licence_id]
        assert (row["lapses_at"], row["owed_minor"]) == (lapses_at(licence), licence.owed_minor)
        assert (row["suspended"], bool(row["activated_at"])) == (licence.suspended, licence.activated)
        assert (row["term"], bool(row["revoked_at"])) == (len(licence.terms), licence.revoked)
        assert bool(row["open_day"]) is any(one.deferral.left_minor for one in licence.invoices.values())
        assert row["quote_id"] == (licence.quote.quote_id if licence.quote else "")
        if row["notice_at"]:
            assert notice_due(licence, row["notice_at"]) is not None
            assert notice_due(licence, row["notice_at"] - timedelta(seconds=1)) is None
    invoices = select(database_url, "SELECT * FROM licence_invoices")
    for row in invoices:
        invoice = known[row["licence_id"]].invoices[row["invoice_id"]]
        assert row["open_minor"] == invoice.open_minor
        assert row["deferred_minor"] == invoice.deferral.left_minor
        assert row["written_off_minor"] == invoice.written_off_minor
        assert row["paid_minor"] == invoice.paid_minor
    assert len(invoices) == sum(len(one.invoices) for one in known.values())
    payments = {row["payment_id"]: row for row in select(database_url, "SELECT * FROM licence_payments")}
    cards = {of: card for licence in made.states.values() for of, card in licence.cards.items()}
    assert {of: row["kept_minor"] for of, row in payments.items()} == {
        of: card.kept_minor for of, card in cards.items()
    }
    told = {of for of, row in payments.items() if row["status"] in {"released", "told"}}
    assert {of for of, card in cards.items() if card.as_of} == told
    assert any(card.kept_minor for card in cards.values())
    assert check(database_url, ["licences"]).differences == ()


def a_year() -> Licences:
    """Of three: one paid, one open and upgraded, one written off."""
    made = Licences()
    paid, open_, lost, _ = IDS
    for licence_id in (paid, open_, lost):
        made.do(licence_id, IssueLicence, NEW_YEAR, billing=TAXED, org_id=f"org_{licence_id[-1]}")
    made.do(
        paid, RecordLicencePayment, day("2026-02-10"), invoice_id=made.invoice_id(paid), amount_minor=118_800
    )
    made.do(open_, UpgradeLicence, day("2026-03-01"), billing=TAXED)
    made.close(lost, date(2026, 1, 1), date(2026, 3, 31))
    made.do(lost, WriteOffLicenceInvoice, day("2026-04-01T09:00"), invoice_id=made.invoice_id(lost))
    made.close(paid, date(2026, 1, 1), date(2026, 4, 30))
    made.close(open_, date(2026, 1, 1), date(2026, 4, 30))
    return made


async def asked(url: str, read: Any, *arguments: Any, **named: Any) -> Any:
    async with await psycopg.AsyncConnection.connect(conninfo(url, role="liberation_auditor")) as conn:
        return await read(conn, *arguments, **named)


BALANCE = """
    SELECT coalesce(sum(amount_minor), 0)::bigint AS minor
    FROM postings
    JOIN entries USING (position)
    WHERE account = '1100' AND effective_at < %(at)s
"""


async def test_what_is_open_is_told_by_age_and_ties_to_the_account(database_url: str) -> None:
    made = a_year()
    made.store(database_url)
    upgrade = made.states[IDS[1]].invoices[made.invoice_id(IDS[1], 2)].open_minor
    at = {
        "2026-01-15": [
            ("org_0", 118_800, 0, 0, 0, 0),
            ("org_1", 118_800, 0, 0, 0, 0),
            ("org_2", 118_800, 0, 0, 0, 0),
        ],
        "2026-02-15": [("org_1", 0, 118_800, 0, 0, 0), ("org_2", 0, 118_800, 0, 0, 0)],
        "2026-03-15": [("org_1", upgrade, 0, 118_800, 0, 0), ("org_2", 0, 0, 118_800, 0, 0)],
        "2026-04-15": [("org_1", 0, upgrade, 0, 118_800, 0)],
        "2026-08-15": [("org_1", 0, 0, 0, 0, upgrade + 118_800)],
    }
    for text, expected in at.items():
        found: list[Receivables] = await asked(database_url, ageing, day(text))
        assert [
            (
                one.org_id,
                one.current_minor,
                one.days_0_30_minor,
                one.days_31_60_minor,
                one.days_61_90_minor,
                one.over_90_minor,
            )
            for one in found
        ] == expected
        assert [{"minor": sum(one.total_minor for one in found)}] == select(
            database_url, BALANCE, at=day(text)
        )


@pytest.mark.parametrize(
    ("days", "column"),
    [
        (29, "current_minor"),
        (30, "days_0_30_minor"),
        (60, "days_0_30_minor"),
        (61, "days_31_60_minor"),
        (90, "days_31_60_minor"),
        (91, "days_61_90_minor"),
        (120, "days_61_90_minor"),
        (121, "over_90_minor"),
    ],
)
async def test_age_is_counted_in_whole_days_from_when_it_was_due(
    database_url: str, days: int, column: str
) -> None:
    made = Licences()
    made.do(IDS[0], IssueLicence, NEW_YEAR, billing=TAXED)
    made.store(database_url)
    (found,) = await asked(database_url, ageing, NEW_YEAR + days * DAY)
    assert getattr(found, column) == found.total_minor == 118_800


async def test_each_month_opens_with_what_the_last_one_closed_with(database_url: str) -> None:
    a_year().store(database_url)
    months = [date(2026, month, 1) for month in range(1, 7)]
    found: list[LicenceMonth] = await asked(database_url, licence_rollforward, months)
    assert [one.month for one in found] == [f"2026-0{month}" for month in range(1, 6)]
    opening = 0
    for one, start, end in zip(found, months, months[1:], strict=False):
        assert one.opening_minor == opening
        left = one.invoiced_minor - one.credited_minor - one.written_off_minor - one.recognised_minor
        assert one.closing_minor == opening + left
        opening = one.closing_minor
        (whole,) = await asked(
            database_url, deferred_rollforward, *(day(each.isoformat()) for each in (start, end))
        )
        assert (whole.closing_minor, whole.other_minor) == (one.closing_minor, 0)
        assert whole.written_off_minor == one.written_off_minor
    assert found[3].written_off_minor > 0
    later = await asked(database_url, licence_rollforward, months[2:])
    assert later == found[2:]


async def test_the_worker_is_told_what_is_due_page_by_page(database_url: str) -> None:
    made = Licences()
    for index, licence_id in enumerate(IDS):
        made.do(licence_id, IssueLicence, NEW_YEAR + index * DAY, billing=TAXED)
    made.do(IDS[3], RevokeLicence, NEW_YEAR + 10 * DAY, credit=True)
    made.store(database_url)
    until = date(2026, 1, 20)
    first = await asked(database_url, licence_days, until, 2)
    rest = await asked(database_url, licence_days, until, 2, after=first[-1])
    assert [(one.licence_id, one.first, one.last) for one in first + rest] == [
        (licence_id, date(2026, 1, 1) + index * DAY, until) for index, licence_id in enumerate(IDS[:3])
    ]
    assert await asked(database_url, licence_days, date(2025, 12, 31), 9) == []
    ends = day("2027-01-01")
    assert await asked(database_url, notices_due, ends - 31 * DAY, 9) == []
    due = await asked(database_url, notices_due, ends - 29 * DAY, 1)
    due += await asked(database_url, notices_due, ends - 29 * DAY, 9, after=due[-1])
    assert [(one.licence_id, one.at) for one in due] == [
        (IDS[0], ends - 30 * DAY),
        (IDS[1], ends - 29 * DAY),
    ]
    over = await asked(database_url, expiries_due, ends + 8 * DAY, 9)
    assert [(one.licence_id, one.term, one.at) for one in over] == [
        (IDS[0], 1, ends + 7 * DAY),
        (IDS[1], 1, ends + 8 * DAY),
    ]


async def test_what_was_done_is_not_due_again(database_url: str) -> None:
    made = Licences()
    made.do(IDS[0], IssueLicence, NEW_YEAR, billing=TAXED)
    made.close(IDS[0], date(2026, 1, 1), date(2026, 1, 20))
    ends = day("2027-01-01")
    made.do(IDS[0], RecordNotice, ends - 20 * DAY)
    made.do(IDS[0], ExpireLicence, ends + 8 * DAY, term=1)
    made.store(database_url)
    (days,) = await asked(database_url, licence_days, date(2026, 1, 31), 9)
    assert days.first == date(2026, 1, 21)
    (notice,) = await asked(database_url, notices_due, ends + 30 * DAY, 9)
    assert notice.at == ends - 7 * DAY
    assert await asked(database_url, expiries_due, ends + 30 * DAY, 9) == []


async def test_a_renewal_that_is_quoted_puts_the_lapse_off(database_url: str) -> None:
    made = Licences()
    made.do(IDS[0], IssueLicence, NEW_YEAR, billing=TAXED)
    ends = day("2027-01-01")
    made.do(IDS[0], QuoteLicence, ends, quote_id="quo_2", valid_until=ends + 20 * DAY)
    made.store(database_url)
    assert await asked(database_url, expiries_due, ends + 19 * DAY, 9) == []
    (due,) = await asked(database_url, expiries_due, ends + 20 * DAY, 9)
    assert due.at == lapses_at(made.states[IDS[0]]) == ends + 20 * DAY
