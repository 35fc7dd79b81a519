"""What people write says something when some of it can be seen."""

from __future__ import annotations

import pytest

from ledger.visible import is_visible


@pytest.mark.parametrize("text", ["a", " ok ", "\u200bΩ", "数", "👍", "…", "7", "e\u0301"])
def test_what_can_be_seen_says_something(text: str) -> None:
    assert is_visible(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\u200b",
        "\ufeff",
        "\u2060\u00a0",
        "\u00ad",
        "\u202e",
        "\u3164",
        "\u2800",
        "\u0301",
        "\ue000",
    ],
)
def test_what_cannot_be_seen_says_nothing(text: str) -> None:
    assert not is_visible(text)
