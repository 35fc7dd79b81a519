from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger import money

CURRENCIES = st.sampled_from(sorted(money.EXPONENTS))
AMOUNTS = st.integers(-(10**15), 10**15)
WEIGHTS = st.dictionaries(st.text(max_size=3), st.integers(0, 10**6), min_size=1, max_size=8).filter(
    lambda weights: sum(weights.values()) > 0
)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123450, "usd", "1234.50 USD"),
        (-5, "usd", "-0.05 USD"),
        (500, "jpy", "500 JPY"),
        (5120, "kwd", "5.120 KWD"),
        (500, "isk", "5.00 ISK"),
        (500, "mga", "500 MGA"),
    ],
)
def test_amounts_are_written_with_the_digits_of_their_currency(amount: int, currency: str, text: str) -> None:
    assert money.format_minor(amount, currency) == text
    assert money.parse(text) == (amount, currency)


@for_all(AMOUNTS, CURRENCIES)
def test_what_is_written_reads_back_the_same(amount: int, currency: str) -> None:
    assert money.parse(money.format_minor(amount, currency)) == (amount, currency)


@pytest.mark.parametrize("text", ["12.5 usd", "12 USD"])
def test_fewer_decimals_are_filled_up(text: str) -> None:
    assert money.parse(text)[0] in {1250, 1200}


@pytest.mark.parametrize(
    "text",
    ["12.505 USD", "1.5 JPY", "1,50 EUR", "1e3 USD", "USD 5", "5.00", "5. USD", "\u0665 USD", "1 XAU", ""],
)
def test_what_would_have_to_be_guessed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no amount|more than|no ISO 4217"):
        money.parse(text)


def test_currencies_without_a_minor_unit_are_none() -> None:
    assert not money.is_currency("xau")
    assert not money.is_currency("USD")
    assert money.is_currency("usd")


@pytest.mark.parametrize(("currency", "step"), [("usd", 1), ("jpy", 1), ("kwd", 10), ("ugx", 100)])
def test_stripe_takes_some_currencies_in_steps(currency: str, step: int) -> None:
    assert money.step_minor(currency) == step


@pytest.mark.parametrize(
    ("currency", "smallest", "largest"),
    [
        ("usd", 50, 99_999_999),
        ("gbp", 30, 99_999_999),
        ("jpy", 50, 99_999_999),
        ("dkk", 250, 99_999_999),
        ("idr", 1, 999_999_999_999),
        ("kwd", 10, 99_999_990),
    ],
)
def test_stripe_charges_no_less_and_no_more(currency: str, smallest: int, largest: int) -> None:
    step = money.step_minor(currency)
    assert money.charge_fault(smallest, currency) == money.charge_fault(largest, currency) == ""
    assert "must be at least" in money.charge_fault(smallest - step, currency)
    assert "must be at most" in money.charge_fault(largest + step, currency)


@for_all(CURRENCIES)
def test_what_stripe_charges_at_least_is_a_currency_and_an_amount_of_its_own(currency: str) -> None:
    assert money.charge_fault(money.smallest_minor(currency), currency) == ""


def test_minimums_are_of_currencies_that_there_are() -> None:
    assert money._SMALLEST.keys() <= money.EXPONENTS.keys()


def test_a_refund_has_no_minimum() -> None:
    assert money.step_fault(1, "usd") == money.step_fault(10, "kwd") == ""
    assert money.step_fault(15, "kwd") == "must be a multiple of 0.010 KWD, as Stripe takes no finer one"


@for_all(AMOUNTS, WEIGHTS)
def test_parts_add_up_and_none_is_off_by_a_whole_unit(amount: int, weights: dict[str, int]) -> None:
    parts = money.split(amount, weights)
    assert sum(parts.values()) == amount
    total = sum(weights.values())
    for key, part in parts.items():
        assert abs(part - Fraction(amount * weights[key], total)) < 1


@for_all(AMOUNTS, WEIGHTS)
def test_the_order_of_the_weights_never_matters(amount: int, weights: dict[str, int]) -> None:
    keys = sorted(weights, reverse=True)
    assert money.split(amount, weights) == money.split(amount, {key: weights[key] for key in keys})


@for_all(AMOUNTS, WEIGHTS)
def test_a_reversal_mirrors_what_it_reverses(amount: int, weights: dict[str, int]) -> None:
    assert money.split(-amount, weights) == {key: -part for key, part in money.split(amount, weights).items()}


def test_a_tie_goes_to_the_smaller_id() -> None:
    assert money.split(1, {"b": 1, "a": 1}) == {"a": 1, "b": 0}


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": 2, "b": -1}])
def test_weights_that_share_nothing_are_refused(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weights must"):
        money.split(100, weights)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"), [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (5, 3, 2), (0, 7, 0)]
)
def test_halves_go_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert money.round_half_up(numerator, denominator) == rounded


@for_all(AMOUNTS, st.integers(1, 10**9))
def test_rounding_is_never_off_by_more_than_half(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    rounded = money.round_half_up(numerator, denominator)
    off = abs(rounded - exact)
    assert off < Fraction(1, 2) or (off == Fraction(1, 2) and abs(rounded) > abs(exact))


def test_nothing_is_divided_by_zero() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        money.round_half_up(1, 0)


@for_all(st.integers(-(10**9), 10**9), st.integers(1, 10**4), CURRENCIES)
def test_what_is_rounded_to_the_step_can_be_moved(numerator: int, denominator: int, currency: str) -> None:
    step = money.step_minor(currency)
    rounded = money.round_to_step(numerator, denominator, currency)
    assert rounded % step == 0
    assert 2 * abs(rounded * denominator - numerator) <= step * denominator
