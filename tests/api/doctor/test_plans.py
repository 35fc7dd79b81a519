"""Whether what is for sale can be sold."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from api.doctor import plans
from api.settings import Settings
from ledger.catalogue import DEFAULT_CATALOGUE


def test_plans_that_can_be_used_are_named(tmp_path: Path) -> None:
    file = tmp_path / "plans.json"
    file.write_bytes(msgspec.json.encode(DEFAULT_CATALOGUE))
    assert plans.examine(Settings()).level == "ok"
    found = plans.examine(Settings(catalogue=str(file)))
    assert (found.level, DEFAULT_CATALOGUE.version in found.said) == ("ok", True)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), ("{", "not as it must be"), ("{}", "version")]
)
def test_plans_that_cannot_be_used_are_wrong_and_say_why(
    tmp_path: Path, content: str | None, why: str
) -> None:
    file = tmp_path / "plans.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    found = plans.examine(Settings(catalogue=str(file)))
    assert found.level == "wrong"
    assert why in found.said
    assert str(file) in found.said
    assert found.todo
