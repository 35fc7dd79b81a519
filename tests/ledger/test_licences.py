"""Licences: quoted, issued, renewed and upgraded by rules that time cannot confuse, each term given once."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE, InvalidCatalogue, load
from ledger.catalogue import check as check_catalogue
from ledger.errors import Forbidden, NotFound
from ledger.licence_tiers import METRICS, OVERAGE_MAX_MINOR, Allowance, Grant, LicenceTier, Limit, grant
from ledger.licences.checks import check_grant
from ledger.licences.commands import (
    AcceptQuote,
    ActivateLicence,
    CreditLicenceInvoice,
    ExpireLicence,
    InvoiceOverage,
    IssueLicence,
    QuoteLicence,
    RecordNotice,
    ReinstateLicence,
    RenewLicence,
    RevokeLicence,
    SuspendLicence,
    UpgradeLicence,
    Usage,
)
from ledger.licences.invoicing import invoiced
from ledger.licences.refusals import (
    AlreadyRenewed,
    InvalidLicence,
    LicenceExists,
    LicenceNotOpen,
    LicenceNotStarted,
    LicencePriceChanged,
    NotAnUpgrade,
    OverageInvoiced,
    QuoteExpired,
    QuoteNotOpen,
)
from ledger.licences.state import Licence, granted_at
from ledger.licences.status import lapses_at, status_at
from ledger.licences.terms import Billing, first_term, proration
from ledger.licences.upgrading import charges, lesser
from ledger.message import Origin
from ledger.permissions import check
from ledger.subscriptions.proration import seg
from ledger.usage.leasing import TAKEN_MAX
from tests.ledger.licence_examples import (
    DAY,
    GIVEN,
    NET_30,
    NEW_YEAR,
    PROFESSIONAL,
    STARTER,
    TAXED,
    Life,
    command,
    day,
)

EXPIRY = day("2027-01-01")
LAPSE = EXPIRY + 7 * DAY


def active(**issued: Any) -> Life:
    life = Life(**{"months": 12, **issued})
    life.do(ActivateLicence, issued.get("starts_at", NEW_YEAR))
    return life


# Quoted and issued


def test_a_quote_is_taken_up_with_its_numbers_until_its_time() -> None:
    life = Life()
    life.do(QuoteLicence, grant=replace(STARTER, year_minor=80_000), valid_until=NEW_YEAR + 10 * DAY)
    assert life.status(NEW_YEAR) == "quoted"
    issued, invoice = life.do(AcceptQuote, NEW_YEAR + 10 * DAY - timedelta(seconds=1))
    assert (issued.quote_id, issued.grant.year_minor, invoice.net_minor) == ("quo_1", 80_000, 80_000)
    assert issued.term.starts_at == NEW_YEAR + 10 * DAY - timedelta(seconds=1)
    assert invoice.due_at == issued.term.starts_at + 30 * DAY


def test_a_quote_is_refused_when_its_time_is_over_and_says_so() -> None:
    life = Life()
    life.do(QuoteLicence, valid_until=NEW_YEAR + DAY)
    with pytest.raises(QuoteExpired, match="2026-01-02T00:00:00Z"):
        life.do(AcceptQuote, NEW_YEAR + DAY)


def test_a_quote_is_accepted_once_and_a_later_one_takes_its_place() -> None:
    life = Life()
    life.do(QuoteLicence)
    life.do(QuoteLicence, quote_id="quo_2", grant=PROFESSIONAL)
    with pytest.raises(QuoteNotOpen, match="no open quote 'quo_1': the one that is open is quo_2"):
        life.do(AcceptQuote)
    life.do(AcceptQuote, quote_id="quo_2")
    with pytest.raises(QuoteNotOpen, match="no open quote 'quo_2': none is open"):
        life.do(AcceptQuote, quote_id="quo_2")
    assert [one.grant.tier for one in life.licence.terms] == ["professional"]


def test_a_licence_begins_now_or_later_and_is_activated_from_then_on() -> None:
    life = Life(months=12, starts_at=NEW_YEAR + 10 * DAY)
    assert life.status(NEW_YEAR) == "created"
    with pytest.raises(LicenceNotStarted, match="2026-01-11"):
        life.do(ActivateLicence, NEW_YEAR + 9 * DAY)
    life.do(ActivateLicence, NEW_YEAR + 10 * DAY)
    assert life.status(NEW_YEAR + 10 * DAY) == "active"
    assert life.do(ActivateLicence, NEW_YEAR + 11 * DAY) == [], "once is enough"
    with pytest.raises(InvalidLicence, match="starts_at"):
        Life(months=12, starts_at=NEW_YEAR - DAY)
    with pytest.raises(InvalidLicence, match="starts_at"):
        Life(months=12, starts_at=NEW_YEAR + 800 * DAY)


def test_a_licence_that_is_given_is_not_invoiced() -> None:
    life = active(billing=GIVEN)
    assert (life.written(), life.licence.terms[0].grant.year_minor) == ([], 0)
    assert life.status(NEW_YEAR) == "active"


def test_a_licence_is_issued_once() -> None:
    life = active()
    with pytest.raises(LicenceExists):
        life.do(IssueLicence)
    with pytest.raises(NotFound):
        life.do(QuoteLicence, org_id="org_other")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"months": 0}, "months"),
        ({"months": 121}, "months"),
        ({"grant": replace(STARTER, currency="USD")}, "ISO 4217"),
        ({"grant": replace(STARTER, year_minor=-1)}, "year_minor"),
        ({"grant": replace(STARTER, seats=0)}, "seats"),
        ({"grant": replace(STARTER, tier="Big One")}, "tier"),
        ({"grant": replace(STARTER, features=("a", "a"))}, "features"),
        ({"grant": replace(STARTER, allowances=(Allowance(metric="api_calls", soft=True),))}, "limit"),
        (
            {"grant": replace(STARTER, allowances=(Allowance(metric="a", limit=1, overage_minor=1),))},
            "hard limit",
        ),
        ({"billing": Billing(kind="invoice", net_days=31)}, "14, 30, 60"),
        ({"billing": Billing(kind="card")}, "billing"),
        ({"billing": Billing(tax_bp=1)}, "given"),
        ({"org_id": ""}, "id"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused_with_what_to_do(changes: Any, named: str) -> None:
    with pytest.raises(InvalidLicence, match=named):
        Life(**{"months": 12, **changes})


# Suspended, revoked and over


def test_time_goes_on_while_a_licence_is_suspended() -> None:
    life = active()
    life.do(SuspendLicence, day("2026-06-01"), reason="Not paid")
    assert life.status(day("2026-06-02")) == "suspended"
    with pytest.raises(LicenceNotOpen):
        life.do(SuspendLicence, day("2026-06-03"), reason="Again")
    life.do(ReinstateLicence, day("2026-07-01"), reason="Paid")
    assert life.status(day("2026-07-01")) == "active"
    with pytest.raises(LicenceNotOpen):
        life.do(ReinstateLicence, day("2026-07-02"), reason="Again")
    assert life.status(LAPSE) == "expired"


def test_what_is_revoked_stays_so() -> None:
    life = active()
    life.do(RevokeLicence, day("2026-06-01"))
    assert life.status(day("2026-06-01")) == "revoked"
    later = day("2026-06-02")
    for kind in (RevokeLicence, ActivateLicence, RenewLicence, UpgradeLicence, QuoteLicence):
        with pytest.raises(LicenceNotOpen, match="revoked"):
            life.do(kind, later, **({"valid_until": later + DAY} if kind is QuoteLicence else {}))
    assert life.notices(EXPIRY) == []
    assert life.do(ExpireLicence, LAPSE) == []


@pytest.mark.parametrize("kind", [SuspendLicence, ReinstateLicence, RevokeLicence])
def test_a_reason_must_be_seen(kind: Any) -> None:
    with pytest.raises(InvalidLicence, match="reason"):
        active().do(kind, reason="\u200b")


def test_grace_and_lapse_are_judged_when_they_are_read() -> None:
    life = active()
    last = timedelta(seconds=1)
    assert [life.status(at) for at in (EXPIRY - last, EXPIRY, LAPSE - last, LAPSE)] == [
        "active",
        "grace",
        "grace",
        "expired",
    ]
    assert life.do(ExpireLicence, LAPSE - last) == [], "not before its time, whoever asks"
    (expired,) = life.do(ExpireLicence, LAPSE + DAY)
    assert (expired.ended_at, expired.lapsed_at) == (EXPIRY, LAPSE)
    assert life.do(ExpireLicence, LAPSE + 2 * DAY) == []


def test_nothing_is_done_with_a_licence_that_is_not_there_or_only_quoted() -> None:
    with pytest.raises(NotFound):
        Life().do(ActivateLicence)
    life = Life()
    life.do(QuoteLicence)
    with pytest.raises(LicenceNotOpen, match="accept the quote"):
        life.do(ActivateLicence)


# Renewed


def test_renewing_early_loses_nothing() -> None:
    """CASES 1: until 31 December, renewed for a year on 6 November: until 31 December of the next year."""
    life = active(starts_at=day("2026-12-31"), months=12)
    assert life.licence.terms[0].term.ends_at == day("2027-12-31")
    renewed, invoice = life.do(RenewLicence, day("2027-11-06"))
    assert (renewed.term.starts_at, renewed.term.ends_at) == (day("2027-12-31"), day("2028-12-31"))
    assert (invoice.period_start, invoice.period_end) == (renewed.term.starts_at, renewed.term.ends_at)


def test_a_licence_renewed_three_hours_late_has_no_gap_and_one_term() -> None:
    """CASES 3."""
    life = active()
    late = EXPIRY + timedelta(hours=3)
    assert life.status(late) == "grace"
    (renewed, _) = life.do(RenewLicence, late)
    assert (renewed.term.starts_at, renewed.backdated) == (EXPIRY, False)
    assert [life.status(at) for at in (EXPIRY - DAY, late, day("2027-12-31"))] == ["active"] * 3
    with pytest.raises(AlreadyRenewed, match="Term 2 is the last one"):
        life.do(RenewLicence, late)


def test_a_term_that_does_not_come_next_is_refused_with_the_one_that_does() -> None:
    life = active()
    with pytest.raises(InvalidLicence, match="`term` must be 2, which comes next; it was 3"):
        life.do(RenewLicence, term=3)


def test_what_has_lapsed_is_renewed_from_now_unless_it_is_asked_to_be_backdated() -> None:
    life, other = active(), active()
    (renewed, _) = life.do(RenewLicence, LAPSE + timedelta(hours=1))
    assert (renewed.term.starts_at, renewed.backdated) == (LAPSE + timedelta(hours=1), False)
    (renewed, _) = other.do(RenewLicence, LAPSE, backdate=True)
    assert (renewed.term.starts_at, renewed.term.ends_at, renewed.backdated) == (
        EXPIRY,
        day("2028-01-01"),
        True,
    )
    assert life.status(LAPSE + DAY) == other.status(LAPSE + DAY) == "active"


def test_a_term_that_would_be_over_already_is_not_given() -> None:
    with pytest.raises(LicenceNotOpen, match="over since 2027-02-01"):
        active().do(RenewLicence, day("2027-06-01"), months=1, backdate=True)


def test_a_renewal_under_way_bridges_the_grace() -> None:
    life = active()
    life.do(QuoteLicence, EXPIRY + DAY, quote_id="quo_2", valid_until=EXPIRY + 30 * DAY)
    assert lapses_at(life.licence) == EXPIRY + 30 * DAY
    assert life.status(EXPIRY + 29 * DAY) == "grace"
    (renewed, _) = life.do(AcceptQuote, EXPIRY + 29 * DAY, quote_id="quo_2")
    assert (renewed.term.starts_at, renewed.term.number) == (EXPIRY, 2)


def test_a_quote_brings_nothing_back_that_has_lapsed() -> None:
    life = active()
    life.do(QuoteLicence, LAPSE, quote_id="quo_2", valid_until=LAPSE + 30 * DAY)
    assert life.status(LAPSE + DAY) == "expired"
    (renewed, _) = life.do(AcceptQuote, LAPSE + 2 * DAY, quote_id="quo_2")
    assert renewed.term.starts_at == LAPSE + 2 * DAY


def test_a_smaller_tier_begins_with_the_next_term() -> None:
    life = active(grant=PROFESSIONAL)
    life.do(RenewLicence, day("2026-12-01"))
    tiers = [granted_at(life.licence, at) for at in (EXPIRY - DAY, EXPIRY)]
    assert [one.grant.tier for one in tiers if one] == ["professional", "starter"]


def test_the_last_day_of_february_comes_back() -> None:
    life = active(starts_at=day("2026-02-28"), months=24)
    for term, months in ((2, 1), (3, 1), (4, 11)):
        life.do(RenewLicence, day("2026-03-01"), term=term, months=months)
    ends = [one.term.ends_at.date().isoformat() for one in life.licence.terms]
    assert ends == ["2028-02-28", "2028-03-28", "2028-04-28", "2029-03-28"]
    leap = Life()
    leap.do(IssueLicence, day("2028-02-29"))
    for term in (2, 3, 4):
        leap.do(RenewLicence, day("2028-03-01"), term=term)
    assert leap.licence.terms[-1].term.ends_at == day("2032-02-29")


def test_a_licence_keeps_its_currency_and_ends_in_sight() -> None:
    with pytest.raises(InvalidLicence, match="USD"):
        active().do(RenewLicence, grant=replace(STARTER, currency="eur"))
    life = active(months=120)
    life.do(RenewLicence, months=120)
    with pytest.raises(InvalidLicence, match="ends at most"):
        life.do(RenewLicence, months=12, term=3)


@for_all(
    st.lists(st.tuples(st.integers(-400, 60), st.integers(1, 14), st.booleans()), min_size=1, max_size=6)
)
def test_terms_touch_or_leave_a_gap_and_never_overlap(renewals: list[tuple[int, int, bool]]) -> None:
    life = active()
    now = NEW_YEAR
    for number, (offset, months, backdate) in enumerate(renewals, 2):
        last = life.licence.terms[-1].term
        now = max(now, last.ends_at + offset * DAY)
        lapsed = status_at(life.licence, now) == "expired"
        try:
            life.do(RenewLicence, now, term=number, months=months, backdate=backdate)
        except LicenceNotOpen:
            return
        term = life.licence.terms[-1].term
        assert term.starts_at == (now if lapsed and not backdate else last.ends_at)
        assert term.ends_at > term.starts_at


# Upgraded


def test_an_upgrade_costs_the_difference_for_what_is_left_to_the_second() -> None:
    life = active()
    now = day("2026-07-02T12:00")
    (preview,) = charges(life.licence, PROFESSIONAL, now)
    upgraded, invoice = life.do(UpgradeLicence, now)
    expected = seg(490_000, now, NEW_YEAR, EXPIRY) - seg(99_000, now, NEW_YEAR, EXPIRY)
    assert expected == 195_500
    assert preview.net_minor == invoice.net_minor == expected
    assert (invoice.kind, invoice.period_start, invoice.period_end) == ("upgrade", now, EXPIRY)
    assert (upgraded.from_tier, life.licence.terms[0].grant) == ("starter", PROFESSIONAL)


def test_an_upgrade_costs_at_most_what_is_expected_with_its_tax_and_of_all_terms() -> None:
    life = active()
    life.do(RenewLicence, billing=TAXED)
    most = 2 * 391_000 * 12 // 10
    with pytest.raises(LicencePriceChanged, match=r"9384\.00 USD is to pay, with tax: send 938400 as"):
        life.do(UpgradeLicence, billing=TAXED, expected_minor=most - 1)
    assert len(life.do(UpgradeLicence, billing=TAXED, expected_minor=most)) == 3
    assert len(active().do(UpgradeLicence, day("2026-03-01"), expected_minor=391_000)) == 2
    assert len(active().do(UpgradeLicence, billing=GIVEN, expected_minor=1)) == 1


def test_an_upgrade_at_the_first_moment_costs_the_whole_difference_and_at_the_last_one_nothing() -> None:
    first, last = active(), active()
    assert first.do(UpgradeLicence)[1].net_minor == 391_000
    assert len(last.do(UpgradeLicence, EXPIRY - timedelta(milliseconds=1))) == 1
    with pytest.raises(LicenceNotOpen, match="renew with the new tier"):
        active().do(UpgradeLicence, EXPIRY)


def test_an_upgrade_holds_for_a_term_that_is_renewed_already() -> None:
    life = active()
    life.do(RenewLicence, day("2026-12-01"))
    now = day("2026-12-02")
    upgraded, rest, whole = life.do(UpgradeLicence, now)
    assert (upgraded.terms, whole.net_minor, whole.period_start) == ((1, 2), 391_000, EXPIRY)
    assert rest.net_minor < whole.net_minor
    assert len({one.number for one in life.written()}) == len(life.written()) == 4
    assert len({one.invoice_id for one in life.written()}) == 4


def test_an_upgrade_leaves_a_smaller_tier_alone_that_was_chosen_for_the_next_term() -> None:
    life = active(grant=PROFESSIONAL)
    life.do(RenewLicence, day("2026-12-01"))
    (upgraded, _) = life.do(
        UpgradeLicence,
        day("2026-12-02"),
        grant=replace(PROFESSIONAL, tier="custom", seats=900, year_minor=990_000),
    )
    assert upgraded.terms == (1,)
    assert life.licence.terms[1].grant.tier == "starter"


CUSTOM = replace(STARTER, tier="custom", year_minor=100_000)
MORE = replace(CUSTOM, seats=150, year_minor=150_000)


@pytest.mark.parametrize(
    "agreed",
    [
        replace(CUSTOM, seats=500, year_minor=5_000_000),
        replace(MORE, seats=151),
        replace(CUSTOM, year_minor=150_001),
        replace(CUSTOM, grace_days=8),
        replace(CUSTOM, features=("api_access", "white_label")),
        replace(MORE, year_minor=120_000),
    ],
    ids=["a larger contract", "a seat", "the price", "a day of grace", "a feature", "the same for less"],
)
@pytest.mark.parametrize("billing", [NET_30, GIVEN], ids=["invoiced", "given"])
def test_an_upgrade_leaves_a_later_term_as_it_was_agreed_where_it_would_lose_by_it(
    agreed: Grant, billing: Billing
) -> None:
    life = active(grant=CUSTOM)
    life.do(RenewLicence, day("2026-12-01"), grant=agreed)
    life.do(UpgradeLicence, day("2026-12-02"), grant=MORE, billing=billing)
    first, later = (one.grant for one in life.licence.terms)
    assert first.seats == 150
    assert not lesser(agreed, later)
    assert later.year_minor == agreed.year_minor
    assert all(one.term == 1 for one in life.written() if one.kind == "upgrade")


def test_no_invoice_is_of_less_than_nothing() -> None:
    less: dict[str, Any] = {"kind": "upgrade", "term": 1, "net_minor": -1, "currency": "usd"}
    with pytest.raises(InvalidLicence, match=r"-0\.01 USD: write a credit note"):
        invoiced(active().licence, billing=NET_30, period=(NEW_YEAR, EXPIRY), at=NEW_YEAR, **less)


def test_a_gift_leaves_each_term_at_the_price_that_was_paid_for_it() -> None:
    """A month to try, the year after it bought, more given meanwhile, and then more bought."""
    life = active(months=1, billing=GIVEN)
    year_ends = day("2027-02-01")
    life.do(RenewLicence, day("2026-01-05"))
    given = life.do(UpgradeLicence, day("2026-01-06"), billing=GIVEN)
    assert [one.terms for one in given] == [(1,), (2,)]
    assert [one.grant.tier for one in life.licence.terms] == ["professional"] * 2
    assert [one.grant.year_minor for one in life.licence.terms] == [0, 99_000]
    more = replace(PROFESSIONAL, tier="enterprise", seats=None, year_minor=1_990_000)
    upgraded, rest, year = life.do(UpgradeLicence, day("2026-01-07"), grant=more)
    assert upgraded.terms == (1, 2)
    assert (year.net_minor, year.period_end) == (1_990_000 - 99_000, year_ends)
    assert 0 < rest.net_minor < 1_990_000 // 12


def test_a_gift_has_no_price_of_its_own() -> None:
    life = active(grant=CUSTOM)
    (upgraded,) = life.do(UpgradeLicence, grant=replace(MORE, year_minor=0), billing=GIVEN)
    assert (upgraded.grant.seats, upgraded.grant.year_minor) == (150, 100_000)


def test_an_upgrade_takes_nothing_away() -> None:
    life = active(grant=PROFESSIONAL)
    with pytest.raises(
        NotAnUpgrade,
        match=r"^This would .*: the feature white_label, the limit of courses_created.*seats.*the price",
    ):
        life.do(UpgradeLicence, grant=STARTER)
    with pytest.raises(NotAnUpgrade, match="all of this already"):
        life.do(UpgradeLicence)
    with pytest.raises(NotAnUpgrade, match="seats"):
        active(grant=replace(STARTER, seats=None)).do(UpgradeLicence)
    hard = tuple(replace(one, soft=False, overage_minor=0) for one in PROFESSIONAL.allowances)
    with pytest.raises(NotAnUpgrade, match="the limit of api_calls"):
        active().do(UpgradeLicence, grant=replace(PROFESSIONAL, allowances=hard))


def test_an_upgrade_that_is_given_is_counted_by_the_old_price_later() -> None:
    life = active()
    assert len(life.do(UpgradeLicence, billing=GIVEN)) == 1
    assert life.licence.terms[0].grant.year_minor == 99_000
    more = replace(PROFESSIONAL, tier="enterprise", seats=None, year_minor=1_990_000)
    assert life.do(UpgradeLicence, grant=more)[1].net_minor == 1_990_000 - 99_000


# Notices


def test_notices_belong_to_a_term_and_each_comes_once() -> None:
    """CASES 2."""
    life = active()
    days = [day("2026-12-01") + index * DAY for index in range(29)]
    assert life.notices(*days) == [30, 7]
    life.do(RenewLicence, days[-1])
    assert life.notices(day("2026-12-31"), EXPIRY, EXPIRY + DAY) == []
    next_december = [day("2027-12-01") + index * DAY for index in range(40)]
    assert life.notices(*next_december) == [30, 7, 1, 0]


def test_after_an_outage_the_one_notice_comes_that_is_due() -> None:
    life = active()
    assert life.notices(EXPIRY - timedelta(hours=5), EXPIRY - timedelta(hours=4)) == [1]
    assert active().notices(EXPIRY + 3 * DAY) == [0]


def test_a_short_term_has_no_notice_from_before_it_began() -> None:
    life = active(months=1)
    assert life.notices(NEW_YEAR, NEW_YEAR + timedelta(hours=23)) == []
    assert life.notices(*(NEW_YEAR + index * DAY for index in range(32))) == [30, 7, 1, 0]
    assert active(starts_at=day("2026-02-01"), months=1).notices(day("2026-02-01")) == []


# Overage


def used(calls: int) -> tuple[Usage, ...]:
    return (Usage(metric="api_calls", used=calls), Usage(metric="courses_created", used=50))


def test_what_is_beyond_a_soft_limit_is_invoiced_once_a_month() -> None:
    life = active()
    months = {"month": day("2026-01-01").date()}
    with pytest.raises(InvalidLicence, match="over"):
        life.do(InvoiceOverage, day("2026-01-31T23:59"), usage=used(11_001), **months)
    (invoice,) = life.do(InvoiceOverage, day("2026-02-01"), usage=used(11_001), **months)
    assert (invoice.kind, invoice.net_minor, invoice.period_end) == ("overage", 200, day("2026-02-01"))
    assert [(one.metric, one.used, one.limit) for one in invoice.overage] == [("api_calls", 11_001, 10_000)]
    with pytest.raises(OverageInvoiced):
        life.do(InvoiceOverage, day("2026-02-02"), usage=used(11_001), **months)
    assert (
        life.do(InvoiceOverage, day("2026-03-01"), usage=used(10_000), month=day("2026-02-01").date()) == []
    )


def calls_of(limit: int | None, **changes: Any) -> Grant:
    allowance = Allowance(metric="api_calls", limit=limit, soft=limit is not None, **changes)
    return replace(STARTER, tier="custom", allowances=(allowance,))


def overage_of(life: Life, calls: int, month: str) -> int:
    """What a month's calls cost, invoiced long after it."""
    first = day(f"{month}-01").date()
    invoices = life.do(InvoiceOverage, day("2027-06-01"), usage=used(calls), month=first)
    return sum(one.net_minor for one in invoices)


@pytest.mark.parametrize(
    ("first", "calls", "billed"),
    [
        (100_000, 80_001, 0),
        (100_000, 100_001, 1),
        (5_000, 10_001, 1),
        (None, 10**9, 0),
    ],
)
def test_what_was_within_the_limit_when_it_was_used_is_beyond_none_in_the_next_term(
    first: int | None, calls: int, billed: int
) -> None:
    mid = day("2026-01-15")
    life = Life(grant=calls_of(first), starts_at=mid)
    life.do(RenewLicence, day("2026-12-20"), grant=calls_of(10_000, overage_minor=1))
    assert overage_of(life, calls, "2027-01") == billed
    assert overage_of(life, 10_007, "2027-02") == 7, "the month after is by its own limit"


@pytest.mark.parametrize(
    ("renewed", "month", "billed"),
    [
        ("2026-01-31", "2026-02", 7),
        ("2026-02-03", "2026-02", 0),
        ("2026-02-09", "2026-02", 0),
        ("2026-03-10", "2026-03", 7),
    ],
)
def test_a_term_that_is_renewed_in_its_grace_gives_its_limit_until_then(
    renewed: str, month: str, billed: int
) -> None:
    """It ended with January, and its grace on 8 February."""
    life = Life(grant=calls_of(100_000), months=1)
    life.do(RenewLicence, day(renewed), grant=calls_of(10_000, overage_minor=1))
    assert overage_of(life, 10_007, month) == billed


def test_no_overage_is_more_than_a_table_can_hold() -> None:
    life = Life(grant=calls_of(0, overage_minor=OVERAGE_MAX_MINOR), billing=replace(NET_30, tax_bp=10_000))
    (invoice,) = life.do(InvoiceOverage, day("2026-02-01"), usage=used(TAKEN_MAX), month=NEW_YEAR.date())
    assert (invoice.net_minor, invoice.overage[0].amount_minor) == (OVERAGE_MAX_MINOR, OVERAGE_MAX_MINOR)
    assert len(METRICS) * (invoice.net_minor + invoice.tax_minor) < 2**63


def test_overage_is_taxed_as_what_was_invoiced_last_and_comes_after_the_end_too() -> None:
    life = active(billing=GIVEN)
    life.do(UpgradeLicence, billing=replace(NET_30, net_days=14, tax_bp=1_900))
    life.do(RevokeLicence, day("2026-01-20"))
    (invoice,) = life.do(
        InvoiceOverage, day("2026-02-01"), usage=used(102_000), month=day("2026-01-01").date()
    )
    assert (invoice.net_minor, invoice.tax_minor, invoice.due_at) == (200, 38, day("2026-02-15"))
    with pytest.raises(InvalidLicence, match="not begun"):
        life.do(InvoiceOverage, day("2026-02-01"), usage=used(102_000), month=day("2025-12-01").date())


# Senders


def test_managers_buy_and_give_nothing() -> None:
    manager, admin = (Origin(actor="usr_ann", roles=frozenset({role})) for role in ("enterprise", "admin"))
    check(command(RenewLicence), manager)
    check(command(UpgradeLicence), manager)
    check(command(AcceptQuote), manager)
    for refused in (
        command(RenewLicence, billing=GIVEN),
        command(RenewLicence, backdate=True),
        command(UpgradeLicence, billing=GIVEN),
        command(IssueLicence),
        command(QuoteLicence),
        command(RevokeLicence),
    ):
        check(refused, admin)
        with pytest.raises(Forbidden):
            check(refused, manager)
    with pytest.raises(Forbidden):
        check(command(RecordNotice), admin)


def test_a_licence_that_was_never_quoted_is_nothing() -> None:
    assert status_at(Licence(), NEW_YEAR) is None
    assert NET_30.tax_minor(100, "usd") == 0


# Currencies in steps


def test_what_a_licence_costs_in_dinars_can_be_paid_by_card() -> None:
    kuwait = replace(STARTER, currency="kwd", year_minor=99_010)
    more = replace(PROFESSIONAL, currency="kwd", year_minor=490_070)
    assert [kuwait.price_minor(months) % 10 for months in range(1, 13)] == [0] * 12
    assert TAXED.tax_minor(99_010, "kwd") == 19_800
    for hours in range(0, 200, 7):
        assert proration(kuwait, more, first_term(1, NEW_YEAR, 12), NEW_YEAR + hours * DAY / 24) % 10 == 0


def test_what_is_given_back_of_one_leaves_what_a_card_can_pay() -> None:
    life = active(grant=replace(STARTER, currency="kwd", year_minor=99_010), billing=TAXED)
    back = {"invoice_id": life.invoice_id()}
    with pytest.raises(InvalidLicence, match=r"multiple of 0\.010 KWD"):
        life.do(CreditLicenceInvoice, NEW_YEAR + DAY, net_minor=33_333, **back)
    life.do(CreditLicenceInvoice, NEW_YEAR + DAY, net_minor=33_330, **back)
    assert life.invoice().open_minor == 99_010 + 19_800 - 33_330 - 6_670


# Tiers


def test_the_catalogues_tiers_are_for_sale_with_all_their_numbers() -> None:
    tiers = DEFAULT_CATALOGUE.licence_tiers
    granted = grant(tiers, "starter", "usd", "2026-03")
    assert granted is not None
    assert (granted.year_minor, granted.seats, granted.grace_days) == (99_000, 100, 7)
    calls, courses = granted.allowance("api_calls"), granted.allowance("courses_created")
    assert (calls and calls.limit, courses and courses.limit) == (10_000, 10)
    for one in tiers:
        offered = grant(tiers, one, "usd", "2026-03")
        assert offered is not None
        check_grant(offered)
    assert grant(tiers, "starter", "chf", "2026-03") is None
    assert grant(tiers, "custom", "usd", "2026-03") is None


def test_each_tier_has_all_of_the_one_before_it() -> None:
    tiers = DEFAULT_CATALOGUE.licence_tiers
    offered = [one for name in tiers if (one := grant(tiers, name, "usd", ""))]
    assert [lesser(small, great) for small, great in pairwise(offered)] == [[], []]


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        (LicenceTier(prices={}), "prices"),
        (LicenceTier(prices={"usd": 1}, features=("a_yacht",)), "a_yacht"),
        (LicenceTier(prices={"usd": 1}, features=("api_access", "api_access")), "twice"),
        (LicenceTier(prices={"xyz": 1}), "xyz"),
        (LicenceTier(prices={"usd": 1}, limits={"storage": Limit(overage={"usd": 1})}), "without limit"),
        (LicenceTier(prices={"kwd": 1_005}), r"multiple of 0\.010 KWD"),
        (
            LicenceTier(prices={"kwd": 1_000}, limits={"storage": Limit(limit=1, overage={"kwd": 5})}),
            r"storage\.overage",
        ),
        (
            LicenceTier(prices={"usd": 1}, limits={"storage": Limit(limit=1, overage={"eur": 1})}),
            "currencies",
        ),
    ],
)
def test_a_tier_that_cannot_be_sold_is_named(tier: LicenceTier, words: str) -> None:
    with pytest.raises(InvalidCatalogue, match=f"licence_tiers.odd.*{words}"):
        check_catalogue(replace(DEFAULT_CATALOGUE, licence_tiers={"odd": tier}))


@pytest.mark.parametrize("name", ["custom", "Big One"])
def test_a_tier_has_a_name_of_its_own(name: str) -> None:
    tier = DEFAULT_CATALOGUE.licence_tiers["starter"]
    with pytest.raises(InvalidCatalogue, match="name of a tier"):
        check_catalogue(replace(DEFAULT_CATALOGUE, licence_tiers={name: tier}))


def test_a_file_may_write_currencies_in_either_case_and_has_no_tiers_without_the_section(
    tmp_path: Path,
) -> None:
    raw = msgspec.to_builtins(DEFAULT_CATALOGUE)
    file = tmp_path / "catalogue.json"
    raw["licence_tiers"]["starter"]["prices"] = {"USD": 5}
    file.write_bytes(msgspec.json.encode(raw))
    assert load(file).licence_tiers["starter"].prices == {"usd": 5}
    raw["licence_tiers"]["starter"]["prices"] = {"USD": 5, "usd": 6}
    file.write_bytes(msgspec.json.encode(raw))
    with pytest.raises(InvalidCatalogue, match=r"licence_tiers\.starter\.prices.*twice"):
        load(file)
    del raw["licence_tiers"]
    file.write_bytes(msgspec.json.encode(raw))
    assert load(file).licence_tiers == {}
