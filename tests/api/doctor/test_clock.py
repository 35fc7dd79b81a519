from __future__ import annotations

import pytest

from api.clock import ahead_s
from api.doctor.clock import compared


@pytest.mark.parametrize(
    ("ahead", "level", "word"),
    [
        (0.4, "ok", "agrees"),
        (-4.9, "ok", "agrees"),
        (6.0, "worrying", "6 s ahead of Stripe's"),
        (-299.0, "worrying", "299 s behind Stripe's"),
        (301.0, "wrong", "signatures"),
        (-301.0, "wrong", "signatures"),
        (None, "ok", "does not tell"),
    ],
)
def test_what_a_clock_that_differs_means(ahead: float | None, level: str, word: str) -> None:
    found = compared("clock.stripe", "Stripe", ahead)
    assert (found.level, word in found.said) == (level, True), found


def test_a_date_header_is_compared_with_the_middle_of_the_call() -> None:
    epoch = "Thu, 01 Jan 1970 00:01:40 GMT"
    assert ahead_s(epoch, 100.0, 101.0) == 0.0
    assert ahead_s(epoch, 110.0, 111.0) == 10.0
    assert ahead_s("", 1.0, 2.0) is None
    assert ahead_s("yesterday", 1.0, 2.0) is None
