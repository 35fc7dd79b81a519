"""Amounts and times as people write them, in their language and zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from api.email.letter import Money, Value
from ledger.money import EXPONENTS

_LOCALES: Final = {"en": "en_GB", "de": "de_DE"}


def line(text: str) -> str:
    """On one line, without what controls a terminal or ends a header."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())


def amount(money: Money, language: str) -> str:
    """Such as `USD 9.99`, `JPY 1500`: a sign such as $ is that of many currencies."""
    digits = EXPONENTS[money.currency.lower()]
    number = Decimal(money.amount_minor).scaleb(-digits)
    shown = format_decimal(number, format="0." + "0" * digits if digits else "0", locale=_LOCALES[language])
    return f"{money.currency.upper()} {shown}"


def day(at: datetime, language: str, time_zone: str) -> str:
    """Such as `3 March 2026`: by the reader's clock."""
    return format_date(at.astimezone(ZoneInfo(time_zone)).date(), format="long", locale=_LOCALES[language])


def written(language: str, time_zone: str) -> Callable[[Value], str | int]:
    """As templates have it: text on one line, numbers and truth as they are."""

    def write(value: Value) -> str | int:
        match value:
            case Money():
                return amount(value, language)
            case datetime():
                return day(value, language, time_zone)
            case str():
                return line(value)
            case None:
                return ""
            case _:
                return value

    return write
