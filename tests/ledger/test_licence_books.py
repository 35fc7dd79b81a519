"""The money of licences: what is invoiced is earned, given back or written off, and the books say each."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import NotFound, Refused
from ledger.invoices.recognition import earned, end_of
from ledger.licence_tiers import Grant
from ledger.licences.commands import (
    AcceptQuote,
    ActivateLicence,
    CloseLicenceDay,
    CreditLicenceInvoice,
    InvoiceOverage,
    QuoteLicence,
    RecordCreditPaidOut,
    RecordLicencePayment,
    RenewLicence,
    RevokeLicence,
    UpgradeLicence,
    Usage,
    WriteOffLicenceInvoice,
)
from ledger.licences.events import (
    LicenceCredited,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceRecognised,
    LicenceWrittenOff,
)
from ledger.licences.refusals import AmountExceedsOpen, InvalidLicence, LicenceInvoiceNotOpen
from ledger.licences.state import Granted
from ledger.licences.terms import Billing
from ledger.licences.upgrading import lesser
from tests.ledger.licence_examples import (
    DAY,
    GIVEN,
    NET_30,
    NEW_YEAR,
    PROFESSIONAL,
    STARTER,
    TAXED,
    Life,
    day,
)

HALF = day("2026-07-02T12:00")
EXPIRY = day("2027-01-01")
NET, TAX, GROSS = 99_000, 19_800, 118_800
LAST_DAY = date(2026, 12, 31)


def taxed() -> Life:
    return Life(months=12, billing=TAXED)


def test_an_invoice_is_a_receivable_and_is_earned_day_by_day() -> None:
    life = taxed()
    assert life.balances() == {"1100": GROSS, "2000": -NET, "2200": -TAX}
    life.close_until(date(2026, 1, 1))
    assert life.balance("4020") == -271
    life.close_until(LAST_DAY)
    assert (life.balance("4020"), life.balance("2000")) == (-NET, 0)


def test_each_day_is_recognised_once_and_a_day_that_was_left_out_is_made_up_for() -> None:
    life = taxed()
    close = {"day": date(2026, 1, 10)}
    with pytest.raises(InvalidLicence, match="over at 2026-01-11"):
        life.do(CloseLicenceDay, day("2026-01-10T23:00"), **close)
    (told,) = life.do(CloseLicenceDay, day("2026-01-11"), **close)
    assert told.total_minor == earned(NET, NEW_YEAR, EXPIRY, day("2026-01-11"))
    assert life.do(CloseLicenceDay, day("2026-01-12"), **close) == []
    assert life.do(CloseLicenceDay, day("2026-01-12"), day=date(2026, 1, 5)) == []


def test_money_pays_in_parts_and_never_more_than_is_open() -> None:
    life = taxed()
    life.pay(40_000)
    with pytest.raises(AmountExceedsOpen, match=r"788\.00 USD"):
        life.pay(78_801)
    life.pay(78_800)
    assert (life.balance("1000"), life.balance("1100")) == (GROSS, 0)
    with pytest.raises(LicenceInvoiceNotOpen):
        life.pay(1)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"reference": " "}, "reference"),
        ({"received_on": date(2026, 1, 2)}, "after today"),
        ({"received_on": date(2025, 12, 31)}, "before 2026-01-01"),
        ({"payment_id": ""}, "id"),
    ],
)
def test_a_payment_that_cannot_be_meant_is_refused(changes: dict[str, Any], named: str) -> None:
    life = taxed()
    fields = {"invoice_id": life.invoice_id(), "amount_minor": 1, **changes}
    with pytest.raises(InvalidLicence, match=named):
        life.do(RecordLicencePayment, **fields)


def test_money_is_for_an_invoice_of_the_licence() -> None:
    with pytest.raises(NotFound, match="no invoice"):
        taxed().do(RecordLicencePayment, invoice_id="linv_none", amount_minor=1)


def test_an_early_end_gives_back_what_is_not_earned_with_its_tax() -> None:
    life = taxed()
    life.pay(GROSS)
    life.do(RevokeLicence, HALF, credit=True)
    assert life.balances() == {
        "1000": GROSS,
        "1100": 0,
        "2000": 0,
        "2200": -TAX // 2,
        "2300": -GROSS // 2,
        "4020": -NET // 2,
    }
    assert life.licence.owed_minor == GROSS // 2
    with pytest.raises(AmountExceedsOpen, match=r"594\.00 USD"):
        life.do(RecordCreditPaidOut, HALF, amount_minor=GROSS // 2 + 1)
    with pytest.raises(InvalidLicence, match="before 2026-07-02"):
        life.do(RecordCreditPaidOut, HALF, amount_minor=1, paid_on=date(2026, 7, 1))
    life.do(RecordCreditPaidOut, HALF, amount_minor=GROSS // 2)
    assert (life.balance("2300"), life.balance("1000")) == (0, GROSS // 2)


def test_what_is_owed_is_not_paid_out_at_a_date_before_so_much_was_owed() -> None:
    life = taxed()
    life.pay(GROSS)
    for at in (day("2026-01-10"), day("2026-01-20")):
        life.do(CreditLicenceInvoice, at, invoice_id=life.invoice_id(), net_minor=5_000)
    with pytest.raises(InvalidLicence, match="before 2026-01-20, when so much came to be owed"):
        life.do(RecordCreditPaidOut, day("2026-01-11"), amount_minor=12_000)
    life.do(RecordCreditPaidOut, day("2026-01-20"), amount_minor=12_000)
    assert life.balance("2300") == 0


def test_money_for_what_was_written_off_is_not_dated_before_that() -> None:
    life = taxed()
    life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())
    with pytest.raises(InvalidLicence, match="before 2026-07-02"):
        life.pay(1, HALF - DAY)
    life.pay(1, HALF)


def test_a_credit_makes_less_what_is_open_before_anything_is_owed() -> None:
    life = taxed()
    life.do(RevokeLicence, HALF, credit=True)
    assert (life.balance("2300"), life.balance("1100")) == (0, GROSS // 2)
    other = taxed()
    other.pay(100_000)
    other.do(RevokeLicence, HALF, credit=True)
    assert (other.balance("2300"), other.balance("1100")) == (18_800 - GROSS // 2, 0)


def test_a_term_that_has_not_begun_is_given_back_whole() -> None:
    life = taxed()
    life.do(RenewLicence, HALF, billing=TAXED)
    life.do(RevokeLicence, HALF, credit=True)
    assert (life.balance("2000"), life.balance("1100")) == (0, GROSS // 2)
    assert life.invoice(2).open_minor == 0


def test_an_end_without_credit_earns_at_once_what_is_paid_for() -> None:
    life = taxed()
    life.pay(GROSS)
    life.do(RevokeLicence, HALF, credit=False)
    assert (life.balance("2000"), life.balance("4020")) == (0, -NET)
    told = [fact for fact in life.facts if isinstance(fact, LicenceRecognised)]
    assert [one.ended for one in told] == [False, True]


def test_an_end_without_credit_leaves_what_is_open_to_time_or_to_a_write_off() -> None:
    life = taxed()
    life.do(RevokeLicence, HALF, credit=False)
    assert life.balance("2000") == -NET // 2
    life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())
    assert life.balances() == {"1100": 0, "2000": 0, "2200": 0, "4020": -NET // 2, "6200": NET // 2}


def test_a_credit_takes_what_is_not_earned_first_and_what_is_earned_where_it_is_asked() -> None:
    life = taxed()
    give = {"invoice_id": life.invoice_id()}
    life.do(CreditLicenceInvoice, HALF, net_minor=9_500, **give)
    assert (life.balance("2000"), life.balance("4900")) == (-40_000, 0)
    life.do(CreditLicenceInvoice, HALF, net_minor=50_000, credit_id="lcn_2", **give)
    assert (life.balance("2000"), life.balance("4900"), life.balance("2200")) == (0, 10_000, -7_900)
    with pytest.raises(AmountExceedsOpen, match=r"395\.00 USD"):
        life.do(CreditLicenceInvoice, HALF, net_minor=39_501, **give)
    with pytest.raises(LicenceInvoiceNotOpen, match="net_minor"):
        life.do(CreditLicenceInvoice, HALF, **give)
    (note,) = life.do(CreditLicenceInvoice, HALF, net_minor=39_500, **give)
    assert note.number.endswith("-0001-C3")
    assert not any(life.balances()[account] for account in ("1100", "2000", "2200", "2300"))
    with pytest.raises(LicenceInvoiceNotOpen, match="All of this invoice"):
        life.do(CreditLicenceInvoice, HALF, net_minor=1, **give)


def test_after_a_credit_the_rest_is_earned_evenly_to_the_end() -> None:
    life = taxed()
    life.do(CreditLicenceInvoice, HALF, net_minor=9_500, invoice_id=life.invoice_id())
    life.closed = HALF.date() - DAY
    life.close_until(HALF.date())
    assert life.balance("4020") == -49_500 - earned(40_000, HALF, EXPIRY, end_of(HALF.date()))
    life.close_until(LAST_DAY)
    assert (life.balance("4020"), life.balance("2000")) == (9_500 - NET, 0)


def test_what_is_never_paid_is_lost_as_far_as_it_is_earned() -> None:
    life = taxed()
    life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())
    assert life.balances() == {"1100": 0, "2000": 0, "2200": 0, "4020": -NET // 2, "6200": NET // 2}
    with pytest.raises(LicenceInvoiceNotOpen):
        life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())


def test_a_write_off_leaves_what_was_paid_to_be_earned() -> None:
    life = taxed()
    life.pay(GROSS * 2 // 3)
    life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())
    assert (life.balance("2000"), life.balance("6200")) == (-16_500, 0)
    life.close_until(LAST_DAY)
    assert (life.balance("4020"), life.balance("2000")) == (-66_000, 0)


def test_money_that_comes_after_a_write_off_brings_the_loss_back_first() -> None:
    life = taxed()
    life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())
    life.pay(GROSS // 2, HALF + DAY)
    assert (life.balance("6200"), life.balance("2200"), life.balance("2000")) == (0, -TAX // 2, 0)
    life.pay(GROSS // 2, HALF + 2 * DAY)
    assert (life.balance("2200"), life.balance("2000")) == (-TAX, -49_500)
    with pytest.raises(LicenceInvoiceNotOpen):
        life.pay(1, HALF + 3 * DAY)
    life.closed = HALF.date() + 2 * DAY
    life.close_until(LAST_DAY)
    assert (life.balance("4020"), life.balance("2000"), life.balance("1100")) == (-NET, 0, 0)


def test_money_that_comes_after_the_term_is_earned_when_the_day_closes() -> None:
    life = taxed()
    life.do(WriteOffLicenceInvoice, HALF, invoice_id=life.invoice_id())
    life.pay(GROSS, EXPIRY + 40 * DAY)
    life.closed = EXPIRY.date() + 39 * DAY
    life.close_until(EXPIRY.date() + 40 * DAY)
    assert (life.balance("4020"), life.balance("2000")) == (-NET, 0)


def test_a_payment_that_is_recorded_late_takes_back_nothing_that_is_told() -> None:
    """Of another invoice, whose days were closed meanwhile."""
    life = taxed()
    life.do(UpgradeLicence, day("2026-01-10"), billing=TAXED)
    life.do(WriteOffLicenceInvoice, day("2026-01-20"), invoice_id=life.invoice_id(2))
    life.closed = date(2026, 1, 19)
    life.close_until(date(2026, 3, 31))
    before = life.balance("4020")
    (paid,) = life.pay(life.invoice(2).written_off_minor, day("2026-02-10"), number=2)
    assert (paid.at, life.balance("4020")) == (day("2026-04-01"), before)
    life.close_until(LAST_DAY)
    assert life.balance("2000") == 0


# A life


def months(first: datetime, count: int) -> list[tuple[datetime, datetime]]:
    starts = [
        first.replace(year=first.year + index // 12, month=index % 12 + 1) for index in range(count + 1)
    ]
    return list(pairwise(starts))


def calls(life: Life, at: datetime, month: str, used: int) -> None:
    usage = (Usage(metric="api_calls", used=used),)
    life.do(InvoiceOverage, at, usage=usage, month=date.fromisoformat(f"{month}-01"))


def test_a_life_on_a_clock_ends_with_nothing_deferred_and_ties_each_month() -> None:
    """Quoted, activated, paid late, upgraded, used to its limit and beyond, renewed early, written off, paid
    after all, lapsed.
    """
    life = Life()
    life.do(QuoteLicence, billing=TAXED)
    steps: list[tuple[datetime, Any]] = [
        (day("2026-01-05T09:00"), lambda at: life.do(AcceptQuote, at)),
        (day("2026-01-06"), lambda at: life.do(ActivateLicence, at)),
        (day("2026-03-10"), lambda at: life.pay(GROSS, at)),  # late
        (day("2026-05-15T10:30"), lambda at: life.do(UpgradeLicence, at, billing=TAXED)),
        (day("2026-07-04"), lambda at: calls(life, at, "2026-06", 100_000)),
        (day("2026-08-04"), lambda at: calls(life, at, "2026-07", 101_001)),
        (day("2026-09-01"), lambda at: life.pay(240, at, number=3)),
        (day("2026-11-06"), lambda at: life.do(RenewLicence, at, grant=PROFESSIONAL, billing=TAXED)),
        (day("2026-12-01"), lambda at: life.pay(100_000, at, number=2)),
        (day("2027-06-01"), lambda at: life.do(WriteOffLicenceInvoice, at, invoice_id=life.invoice_id(4))),
        (day("2027-06-02"), lambda at: life.do(WriteOffLicenceInvoice, at, invoice_id=life.invoice_id(2))),
        (day("2027-08-03"), lambda at: life.pay(50_000, at, number=4)),
    ]
    for at, step in steps:
        life.close_until(at.date() - DAY)
        step(at)
    life.close_until(date(2028, 2, 1))
    assert life.status(day("2028-02-01")) == "expired"
    assert all(sum(leg.amount_minor for leg in legs) == 0 for _, legs in life.entries)
    assert life.licence.deferred_minor == life.balance("2000") == life.balance("1100") == 0
    assert_months_tie(life, months(NEW_YEAR, 26))


def assert_months_tie(life: Life, spans: list[tuple[datetime, datetime]]) -> None:
    """Opening + invoiced - credited - written off - recognised = closing."""
    dated = [(at, fact) for (at, _), fact in zip(life.entries, life.facts, strict=True)]
    for start, end in spans:
        moved = 0
        for at, fact in dated:
            if not start <= at < end:
                continue
            match fact:
                case LicenceInvoiced(net_minor=net):
                    moved += net
                case LicenceCredited(deferred_minor=part) | LicenceWrittenOff(deferred_minor=part):
                    moved -= part
                case LicenceRecognised(total_minor=total):
                    moved -= total
                case LicenceInvoicePaid(deferred_minor=back):
                    moved += back
        assert -life.balance("2000", start) + moved == -life.balance("2000", end)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """What is done, how many days after the last step, and how much of what could be, in thousandths."""
    kinds = ["pay", "pay", "credit", "write off", "renew", "upgrade", "revoke", "pay out", "close"]
    step = st.tuples(st.sampled_from(kinds), st.integers(0, 200), st.integers(0, 1000))
    return draw(st.lists(step, max_size=12))


def take(life: Life, kind: str, at: datetime, part: int) -> None:
    number = part % len(life.licence.invoices) + 1
    one, chosen = life.invoice(number), {"invoice_id": life.invoice_id(number)}
    match kind:
        case "pay":
            life.pay((one.open_minor + one.written_off_minor) * part // 1000, at, number)
        case "credit":
            net = one.sold_minor * part // 1000 if part % 3 else None
            life.do(CreditLicenceInvoice, at, net_minor=net, **chosen)
        case "write off":
            life.do(WriteOffLicenceInvoice, at, **chosen)
        case "renew":
            term = len(life.licence.terms) + 1
            grant = life.licence.terms[-1].grant
            life.do(
                RenewLicence, at, term=term, grant=grant, billing=life.licence.billing, months=part % 13 + 1
            )
        case "upgrade":
            life.do(UpgradeLicence, at, billing=life.licence.billing)
        case "revoke":
            life.do(RevokeLicence, at, credit=part % 2 == 0)
        case "pay out":
            life.do(RecordCreditPaidOut, at, amount_minor=life.licence.owed_minor * part // 1000)
        case _:
            pass


def assert_books_are_right(life: Life) -> None:
    invoices = life.licence.invoices.values()
    assert all(sum(leg.amount_minor for leg in legs) == 0 for _, legs in life.entries)
    assert life.balance("1100") == sum(one.open_minor for one in invoices)
    assert -life.balance("2000") == life.licence.deferred_minor
    assert -life.balance("2200") == sum(one.owed_tax_minor for one in invoices)
    assert -life.balance("2300") == life.licence.owed_minor >= 0
    assert life.balance("6200") == sum(one.lost_minor for one in invoices)
    for one in invoices:
        assert 0 <= one.deferral.left_minor <= one.sold_minor <= one.net_minor
        assert 0 <= one.owed_tax_minor <= one.tax_minor
        assert min(one.open_net_minor, one.open_tax_minor) >= 0
        assert one.open_net_minor <= one.sold_minor
        assert one.open_tax_minor <= one.owed_tax_minor
        assert min(one.lost_minor, one.lost_deferred_minor, one.lost_tax_minor) >= 0


@for_all(steps(), st.integers(1, 200_000), st.sampled_from([0, 1, 700, 2_000, 10_000]))
def test_whatever_happens_the_books_are_those_of_the_licence(
    history: list[tuple[str, int, int]], price: int, tax_bp: int
) -> None:
    grant = replace(STARTER, year_minor=price)
    life = Life(months=3, grant=grant, billing=replace(NET_30, tax_bp=tax_bp))
    if not life.licence.invoices:
        return
    at = NEW_YEAR + timedelta(hours=5)
    for kind, days, part in history:
        at += days * DAY
        if part % 2:
            life.do(CloseLicenceDay, at, day=at.date() - DAY)
        try:
            take(life, kind, at, part)
        except Refused:
            continue
        assert_books_are_right(life)
    last = max(one.deferral.until for one in life.licence.invoices.values())
    end = max(last, at) + DAY
    life.do(CloseLicenceDay, end, day=end.date() - DAY)
    assert_books_are_right(life)
    assert life.balance("2000") == 0
    recognised = -life.balance("4020")
    sold = sum(one.sold_minor for one in life.licence.invoices.values())
    assert recognised == sold + life.balance("4900") + life.balance("6200")


# Upgrades of a licence with terms ahead


class Offer(NamedTuple):
    """The next step of a life: a term ahead, or an upgrade of what there is."""

    kind: type[RenewLicence | UpgradeLicence]
    grant: Grant
    billing: Billing


def custom(seats: int, price: int) -> Grant:
    return replace(STARTER, tier="custom", seats=seats, year_minor=price)


CUSTOM = st.builds(custom, st.sampled_from([1, 10, 100]), st.sampled_from([0, 1_000, 5_001]))
BILLING = st.sampled_from([NET_30, GIVEN])
OFFERS = st.builds(Offer, st.sampled_from([RenewLicence, UpgradeLicence]), CUSTOM, BILLING)


def assert_terms_only_grow(life: Life, before: tuple[Granted, ...]) -> None:
    for old, new in zip(before, life.licence.terms, strict=False):
        assert not lesser(old.grant, new.grant)


def assert_no_term_costs_more_than_its_price(life: Life) -> None:
    """But for less than one unit of its currency of each upgrade, which is rounded."""
    for term, grant in ((one.term, one.grant) for one in life.licence.terms):
        costs = [one.net_minor for one in life.written() if one.term == term.number]
        assert sum(costs) <= grant.price_minor(term.months) + len(costs)


@for_all(CUSTOM, BILLING, st.lists(OFFERS, min_size=2, max_size=6))
def test_whatever_is_agreed_for_later_an_upgrade_takes_none_of_it_and_nothing_is_sold_twice(
    first: Grant, billing: Billing, offers: list[Offer]
) -> None:
    life = Life(months=12, grant=first, billing=billing)
    at = NEW_YEAR
    for kind, grant, billed in offers:
        at += 20 * DAY
        before = life.licence.terms
        term = {"term": len(before) + 1} if kind is RenewLicence else {}
        with suppress(Refused):
            life.do(kind, at, grant=grant, billing=billed, **term)
        assert_terms_only_grow(life, before)
        if billed == GIVEN:
            assert all(
                old.grant.year_minor == new.grant.year_minor
                for old, new in zip(before, life.licence.terms, strict=False)
            )
        assert_no_term_costs_more_than_its_price(life)
        assert_books_are_right(life)
