"""Amounts are integers in the minor unit that Stripe's API takes; no float ever touches them.

Exponents come from ISO 4217; where Stripe's minor unit differs, Stripe's wins, since it is the one
that moves money. https://docs.stripe.com/currencies#special-cases
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from iso4217 import Currency

_STRIPE_EXPONENTS = {
    "mga": 0,  # ISO 4217 says 2 (a fifth, in truth); at Stripe it is a zero-decimal currency
    "isk": 2,  # zero-decimal since 2023, but still passed with two decimals
    "ugx": 2,  # the same
}
EXPONENTS: Mapping[str, int] = {
    code: _STRIPE_EXPONENTS.get(code, currency.exponent)
    for code, currency in ((currency.code.lower(), currency) for currency in Currency)
    if currency.exponent is not None
}
"""Lower-case ISO 4217 code to the digits after the point; metals, funds and test codes have none."""

_STEPS = {
    "isk": 100,  # "you can't charge fractions of ISK"
    "ugx": 100,
    **{code: 10 for code, exponent in EXPONENTS.items() if exponent == 3},  # noqa: PLR2004 - the last of three digits must be 0
}
_SMALLEST = {
    **dict.fromkeys(("aud", "brl", "cad", "chf", "eur", "inr", "jpy", "nzd", "sgd", "usd"), 50),
    **dict.fromkeys(("aed", "myr", "pln", "ron"), 200),
    **dict.fromkeys(("nok", "sek"), 300),
    **dict.fromkeys(("mxn", "thb"), 1000),
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
}
"""In minor units, so 50 yen. Where an account settles in another currency Stripe holds a charge to that one's
minimum at the day's rate, so what passes here can still be too small: Stripe has the last word.

https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
"""
_LARGEST = {"idr": 999_999_999_999}
_LARGEST_ELSEWHERE = 99_999_999


def is_currency(code: str) -> bool:
    """Whether `code` is a lower-case ISO 4217 code of money that has a minor unit."""
    return code in EXPONENTS


def step_minor(currency: str) -> int:
    """What an amount to charge or to refund must be divisible by at Stripe: 1, 10 or 100."""
    return _STEPS.get(currency, 1)


def movable_minor(amount_minor: int, currency: str) -> int:
    """As much of it as Stripe moves, whose amounts are whole steps."""
    return amount_minor - amount_minor % step_minor(currency)


def smallest_minor(currency: str) -> int:
    """The least that Stripe charges; one step where it names no minimum. Refunds have none."""
    return _SMALLEST.get(currency, step_minor(currency))


def largest_minor(currency: str) -> int:
    """The most that Stripe takes in one charge: eight digits, twelve for rupiah.

    https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
    """
    return _LARGEST.get(currency, _LARGEST_ELSEWHERE)


def charge_fault(amount_minor: int, currency: str) -> str:
    """Why Stripe does not charge this amount, as the end of a sentence; empty when it does."""
    smallest, largest = smallest_minor(currency), largest_minor(currency)
    if amount_minor < smallest:
        return f"must be at least {format_minor(smallest, currency)}, Stripe's minimum for a charge"
    if amount_minor > largest:
        return f"must be at most {format_minor(largest, currency)}, Stripe's maximum for a charge"
    return step_fault(amount_minor, currency)


def step_fault(amount_minor: int, currency: str) -> str:
    """Why Stripe moves no such amount, whichever way; empty when it does."""
    step = step_minor(currency)
    if amount_minor < step:
        return f"must be at least {format_minor(step, currency)}"
    if amount_minor % step:
        return f"must be a multiple of {format_minor(step, currency)}, as Stripe takes no finer one"
    return ""


def format_minor(amount_minor: int, currency: str) -> str:
    """Such as `-1234.50 USD`; raises `ValueError` for a currency without a minor unit."""
    digits = _exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**digits)
    number = f"{whole}.{fraction:0{digits}d}" if digits else f"{whole}"
    return f"{sign}{number} {currency.upper()}"


_WRITTEN = re.compile(r"(?P<sign>-?)(?P<whole>\d+)(?:\.(?P<fraction>\d+))? (?P<code>[A-Za-z]{3})", re.ASCII)


def parse(text: str) -> tuple[int, str]:
    """The inverse of `format_minor`: minor units and lower-case code.

    Raises `ValueError` for anything that would have to be guessed or rounded.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is no amount; write it like 12.50 USD")
    currency = written["code"].lower()
    digits = _exponent(currency)
    fraction = written["fraction"] or ""
    if len(fraction) > digits:
        raise ValueError(f"{text!r} has more than the {digits} decimals of {currency.upper()}")
    amount = int(written["whole"] + fraction.ljust(digits, "0"))
    return (-amount if written["sign"] else amount), currency


def round_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero; exact for any size."""
    if denominator <= 0:
        raise ValueError(f"cannot divide by {denominator}; the denominator must be positive")
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def round_to_step(numerator: int, denominator: int, currency: str) -> int:
    """`numerator / denominator` minor units to the nearest that Stripe moves, halves away from zero."""
    step = step_minor(currency)
    return round_half_up(numerator, denominator * step) * step


def split(amount_minor: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Parts in proportion to `weights` that add up to `amount_minor`, by largest remainder.

    Keys are stable ids: a tie goes to the smaller one, so the order of the mapping never matters.
    A negative amount splits as its positive twin does, so that a reversal mirrors what it reverses.
    """
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError("weights must not be negative, and one at least must be positive")
    if amount_minor < 0:
        return {key: -part for key, part in split(-amount_minor, weights).items()}
    parts = {key: amount_minor * weight // total for key, weight in weights.items()}
    left = amount_minor - sum(parts.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount_minor * weights[key] % total), key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts


def _exponent(currency: str) -> int:
    try:
        return EXPONENTS[currency.lower()]
    except KeyError:
        raise ValueError(f"{currency!r} is no ISO 4217 currency with a minor unit") from None
