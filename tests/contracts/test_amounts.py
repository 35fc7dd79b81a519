"""How amounts are written: by one function, as how many decimals a currency has is known in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("api", "ledger", "projections")
    for path in (ROOT / folder).rglob("*.py")
)
BY_HAND = re.compile(
    r"(minor|amount|price|cents|total)\w*[\"'\])]*\s*/{1,2}\s*10+\b|(minor|amount|price|cents|total)[^{}]*:[,.]*\.?2f"
)
"""Such as `price_minor / 100` and `{amount:.2f}`: 9.80 of 980 yen."""


def test_no_amount_is_written_but_by_format_minor() -> None:
    found = [
        f"{path}:{number}"
        for path in SOURCES
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if BY_HAND.search(line)
    ]
    assert found == [], "use ledger.money.format_minor"


@pytest.mark.parametrize(
    "line", ["f\"{price['unit_amount'] / 100:.2f}\"", "amount_minor // 100", "f'{total:,.2f}'", "cents/1000"]
)
def test_what_is_written_by_hand_is_found(line: str) -> None:
    assert BY_HAND.search(line)
