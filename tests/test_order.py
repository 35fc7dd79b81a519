"""Each test that is dealt is run once, no process is left with long ones at the end, and quick is quick."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import QUICK, SLOW, TESTS
from tests.order import dealt
from tests.service import ROOT

FILES = st.lists(st.lists(st.integers(), min_size=1, max_size=5), max_size=8)


@given(FILES, st.lists(st.integers(), max_size=30), st.integers(min_value=1, max_value=5))
def test_each_test_is_dealt_once(slow: list[list[int]], quick: list[int], processes: int) -> None:
    given_ = [test for file in slow for test in file] + quick
    assert Counter(dealt(slow, quick, processes)) == Counter(given_)


def test_every_process_begins_with_whole_services_and_ends_with_what_is_quick() -> None:
    slow = [["crash 1", "crash 2"], ["storm"], ["year"], ["restore"]]
    order = list(dealt(slow, [f"rule {number}" for number in range(7)], 3))
    assert [order[:4], order[4:8], order[8:]] == [
        ["crash 1", "crash 2", "restore", "rule 0"],
        ["storm", "rule 1", "rule 2", "rule 3"],
        ["year", "rule 4", "rule 5", "rule 6"],
    ]


def test_make_quick_makes_the_choice_that_leaves_the_slow_ones_unread() -> None:
    [recipe] = re.findall(r"^quick:.*\n\t(.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert f' -m "{QUICK}"' in recipe


def test_what_is_called_slow_is_there() -> None:
    assert [name for name in SLOW if not name.endswith("/") and not (TESTS / f"{name}.py").is_file()] == []
    assert [name for name in SLOW if name.endswith("/") and not (TESTS / name).is_dir()] == []
