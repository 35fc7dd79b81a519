"""Catalogue, feature access, proration, recognition and dunning: pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger import money
from ledger.catalogue import DEFAULT_CATALOGUE, TIERS, InvalidCatalogue, check, load
from ledger.features import GRACE, access, effective_tier
from ledger.invoices.dunning import RETRIES, Cancel, Retry, Step, Unpaid, Wait, dunning
from ledger.invoices.recognition import apportion, earned, end_of
from ledger.rewards import Value
from ledger.subscriptions.proration import boundaries, boundary, preview, seg
from tests.ledger.subscription_examples import DAY, END, START

PRICES = st.integers(0, 10**8)
MOMENTS = st.integers(-100, 28 * 86400 + 100).map(lambda seconds: START + timedelta(seconds=seconds))


@for_all(PRICES, MOMENTS)
def test_a_segment_is_part_of_the_price(price: int, at: datetime) -> None:
    assert 0 <= seg(price, at, START, END) <= price
    assert (seg(price, START, START, END), seg(price, END, START, END)) == (price, 0)
    assert seg(price, at, START, START) == 0


@for_all(PRICES, PRICES, MOMENTS)
def test_a_change_undone_at_once_costs_nothing(old: int, new: int, at: datetime) -> None:
    there, back = (
        preview(
            price_minor=one,
            interval="month",
            new_price_minor=other,
            new_interval="month",
            period_start=START,
            period_end=END,
            at=at,
            currency="usd",
        )
        for one, other in ((old, new), (new, old))
    )
    assert there.charge_minor + back.charge_minor == 0
    assert there.period_end == END


@for_all(st.sampled_from(("kwd", "ugx", "jpy")), st.integers(1, 10**6), MOMENTS)
def test_what_a_change_charges_is_what_the_currency_can_be_charged_in(
    currency: str, price: int, at: datetime
) -> None:
    step = money.step_minor(currency)
    found = preview(
        price_minor=price * step,
        interval="month",
        new_price_minor=10 * price * step,
        new_interval="month",
        period_start=START,
        period_end=END,
        at=at,
        currency=currency,
    )
    assert (found.unused_minor % step, found.used_anew_minor % step) == (0, 0)
    exact = seg(price * step, at, START, END)
    assert abs(found.unused_minor - exact) <= step // 2


def test_another_interval_begins_a_period_of_its_own() -> None:
    at = START + 14 * DAY
    year = preview(
        price_minor=999,
        interval="month",
        new_price_minor=9990,
        new_interval="year",
        period_start=START,
        period_end=END,
        at=at,
        currency="usd",
    )
    assert (year.unused_minor, year.charge_minor) == (500, 9490)
    assert (year.period_start, year.period_end) == (at, at.replace(year=2027))


def test_the_anchors_day_comes_back_after_a_shorter_month() -> None:
    days = [boundary(START, "month", count).strftime("%m-%d") for count in range(5)]
    assert days == ["01-31", "02-28", "03-31", "04-30", "05-31"]
    leap = datetime(2028, 2, 29, tzinfo=UTC)
    assert [boundary(leap, "year", count).day for count in range(5)] == [29, 28, 28, 28, 29]
    assert boundaries(START, "month", START, START + 100 * DAY) == [
        boundary(START, "month", count) for count in (1, 2, 3)
    ]


@for_all(st.integers(-(10**8), 10**8), st.lists(MOMENTS))
def test_what_is_earned_adds_up_for_every_partition(amount: int, moments: list[datetime]) -> None:
    so_far = 0
    for at in [*sorted(moments), END]:
        now = earned(amount, START, END, at)
        assert abs(so_far) <= abs(now) <= abs(amount)
        so_far = now
    assert so_far == amount


@for_all(st.lists(st.integers(-1000, 10**6), min_size=1), st.data())
def test_shares_add_up_and_none_exceeds_its_amount(amounts: list[int], data: st.DataObject) -> None:
    total = sum(amounts)
    if total <= 0:
        with pytest.raises(ValueError, match="cannot be apportioned"):
            apportion(amounts, 1)
        return
    part = data.draw(st.integers(0, total))
    shares = apportion(amounts, part)
    assert sum(shares) == part
    assert all(
        abs(share) <= abs(amount) and share * amount >= 0
        for share, amount in zip(shares, amounts, strict=True)
    )
    assert list(apportion(amounts, total)) == amounts


def test_a_day_ends_at_midnight_utc() -> None:
    assert end_of(START.date()) == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tier", "status", "days_past_due", "key", "expected"),
    [
        ("free", "", 0, "view_courses", (True, "granted", 5, "free")),
        ("pro", "active", 0, "view_courses", (True, "granted", None, "pro")),
        ("pro", "trialing", 0, "upload_courses", (True, "granted", 5, "pro")),
        ("pro", "active", 0, "sso_integration", (False, "not_in_tier", None, "pro")),
        ("pro", "past_due", 6, "certificates", (True, "grace", None, "pro")),
        ("pro", "past_due", 7, "certificates", (False, "payment_overdue", None, "free")),
        ("pro", "past_due", 7, "view_courses", (True, "granted", 5, "free")),
        ("pro", "unpaid", 30, "certificates", (False, "payment_overdue", None, "free")),
        ("pro", "paused", 0, "certificates", (False, "not_live", None, "free")),
        ("enterprise", "canceled", 0, "api_access", (False, "not_live", None, "free")),
        ("pro", "incomplete", 0, "certificates", (False, "not_live", None, "free")),
        ("pro", "active", 0, "time_travel", (False, "unknown_feature", None, "free")),
        ("gold", "active", 0, "view_courses", (True, "granted", 5, "free")),
    ],
)
def test_access_follows_from_plan_status_and_time(
    tier: str, status: str, days_past_due: int, key: str, expected: tuple[object, ...]
) -> None:
    found = access(tier, status, START + days_past_due * DAY, START, DEFAULT_CATALOGUE, key)
    assert (found.allowed, found.reason, found.limit, found.tier) == expected


def test_grace_ends_to_the_second() -> None:
    assert effective_tier("pro", "past_due", START + GRACE - timedelta(seconds=1), START) == "pro"
    assert effective_tier("pro", "past_due", START + GRACE, START) == "free"


def test_a_higher_tier_has_all_that_a_lower_one_has() -> None:
    tiers = [DEFAULT_CATALOGUE.tiers[name] for name in TIERS]
    assert tiers[0].features.keys() <= tiers[1].features.keys() <= tiers[2].features.keys()
    assert DEFAULT_CATALOGUE.price_minor("pro", "year", "usd") == 9990
    assert DEFAULT_CATALOGUE.price_minor("pro", "week", "usd") is None
    assert DEFAULT_CATALOGUE.price_minor("free", "month", "usd") is None
    assert DEFAULT_CATALOGUE.price_minor("gold", "month", "usd") is None
    check(DEFAULT_CATALOGUE)


def test_an_operators_file_is_read_as_json_or_toml(tmp_path: Path) -> None:
    written = tmp_path / "catalogue.json"
    written.write_bytes(msgspec.json.encode(DEFAULT_CATALOGUE))
    assert load(written) == DEFAULT_CATALOGUE
    toml = tmp_path / "catalogue.toml"
    toml.write_text(
        'version = "mine"\n'
        + "".join(
            f"[tiers.{name}]\ntoken_cap = 1\ninstructor_share_bp = 1\n"
            f"[tiers.{name}.features.view_courses]\nlimit = 3\n"
            + ("" if name == "free" else f"[tiers.{name}.prices.eur]\nmonth = 500\n")
            for name in TIERS
        )
    )
    assert load(toml).price_minor("pro", "month", "eur") == 500


def test_a_file_writes_currencies_in_either_case(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_bytes(broken("tiers.pro.prices", {"USD": {"month": 999}, "eUr": {"month": 899}}))
    assert load(file).tiers["pro"].prices == {"usd": {"month": 999}, "eur": {"month": 899}}


def broken(where: str, value: Any) -> bytes:
    tree = msgspec.to_builtins(DEFAULT_CATALOGUE)
    *path, last = where.split(".")
    at = tree
    for name in path:
        at = at[name]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return msgspec.json.encode(tree)


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        ("version", "", "version"),
        ("tiers.pro.token_cap", -1, r"`\$\.tiers\.pro\.token_cap`"),
        ("tiers.enterprise.features", None, r"required field `features` - at `\$\.tiers\.enterprise`"),
        (
            "tiers.pro.features.certificates",
            {"limit": -1},
            r"`\$\.tiers\.pro\.features\.certificates\.limit`",
        ),
        ("tiers.pro.features.view_courses", 5, r"`\$\.tiers\.pro\.features\.view_courses`"),
        ("tiers.enterprise.prices.usd.year", "9", r"`\$\.tiers\.enterprise\.prices\.usd\.year`"),
        ("tiers.pro.prices.usd.week", 9, r"'week' - at `key` in `\$\.tiers\.pro\.prices\.usd`"),
        ("tiers", [], r"`\$\.tiers`"),
        ("tiers.pro.discount", 1, "discount"),
        ("tiers.pro", None, "exactly free, pro, enterprise"),
        ("tiers.pro.prices", {}, r"tiers\.pro\.prices. must have a price"),
        ("tiers.free.prices", {"usd": {"month": 1}}, "must be left out"),
        ("tiers.pro.prices.usd", {}, "a month or a year"),
        ("tiers.pro.prices.dollars", {"month": 999}, "no ISO 4217 code"),
        ("tiers.pro.prices.USD", {"month": 999}, "a currency twice"),
        ("tiers.pro.prices.kwd", {"month": 1234}, "multiple of 0.010 KWD"),
        ("tiers.pro.prices.usd.month", 49, r"usd\.month. must be at least 0.50 USD"),
        ("tiers.pro.prices.usd.month", 10**9, "at most"),
        (
            "tokens.value",
            {"minor": 1, "currency": "tok"},
            r"tokens\.value\.currency`: 'tok' is no ISO 4217 code",
        ),
        ("tokens.value", {"minor": 1, "tokens": 0}, r"`\$\.tokens\.value\.tokens`"),
        ("tokens.velocity", {"days": 0}, r"`\$\.tokens\.velocity\.days`"),
        ("tokens.velocity", {"tokens_a_week": 1}, "tokens_a_week"),
    ],
)
def test_a_catalogue_that_is_wrong_says_where(where: str, value: object, told: str, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_bytes(broken(where, value))
    with pytest.raises(InvalidCatalogue, match=told) as refused:
        load(file)
    assert str(file) in refused.value.detail


def test_a_catalogue_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalogue, match="cannot be read"):
        load(tmp_path / "none.json")
    (tmp_path / "odd.toml").write_text("= 1")
    with pytest.raises(InvalidCatalogue, match="not as it must be"):
        load(tmp_path / "odd.toml")


@pytest.mark.parametrize(
    ("attempted", "hard", "card", "now", "expected"),
    [
        (0, "", None, 0, Retry(START + 2 * DAY)),
        (2, "", None, 3, Retry(START + 7 * DAY)),
        (3, "", None, 3, Retry(START + 7 * DAY)),
        (2, "", None, 15, Retry(START + 7 * DAY)),
        (14, "", None, 15, Retry(START + 21 * DAY)),
        (21, "", None, 21, Unpaid()),
        (0, "hard", None, 20, Wait()),
        (0, "hard", None, 21, Unpaid()),
        (0, "hard", 5, 5, Retry(START + 5 * DAY)),
        (6, "hard", 5, 6, Wait()),
        (21, "", 30, 30, Retry(START + 30 * DAY)),
        (21, "", 30, 51, Cancel()),
        (0, "", None, 51, Cancel()),
    ],
)
def test_dunning_follows_from_the_failures_the_card_and_the_time(
    attempted: int,
    hard: str,
    card: int | None,
    now: int,
    expected: Step,
) -> None:
    step = dunning(
        RETRIES,
        failed_at=START,
        attempted_at=START + attempted * DAY,
        hard_decline=bool(hard),
        card_changed_at=None if card is None else START + card * DAY,
        now=START + now * DAY,
    )
    assert step == expected


@pytest.mark.parametrize(
    ("tokens", "minor"), [(0, 0), (1, 0), (2, 1), (-2, -1), (3, 1), (5, 2), (10**15 + 1, 3 * 10**14)]
)
def test_the_value_of_tokens_is_rounded_once_with_halves_away_from_zero(tokens: int, minor: int) -> None:
    assert Value(minor=3, tokens=10).of(tokens) == minor
    assert Value().of(tokens) == 0
