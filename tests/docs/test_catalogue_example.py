"""The operator's file that the documentation shows is one that the service takes."""

from __future__ import annotations

import re
from pathlib import Path

from ledger.catalogue import load
from tests.service import ROOT


def test_the_catalogue_that_operations_shows_is_taken(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "plans.toml"
    file.write_text(shown, encoding="utf-8")
    catalogue = load(file)
    assert catalogue.price_minor("pro", "month", "eur") == 1_099
    assert catalogue.tiers["pro"].features["upload_courses"].per == "month"
    assert (catalogue.friends.open_requests, catalogue.friends.friends) == (20, 200)
    assert (catalogue.organisations.owned, catalogue.organisations.classes) == (3, 200)
    assert catalogue.tokens.rules["course_published"].expires_after_days == 0
    assert catalogue.tokens.streaks == (7,)
    assert catalogue.tokens.value.of(5) == 3, "2.5 cents"
    assert (catalogue.tokens.velocity.days, catalogue.tokens.velocity.tokens_an_hour) == (14, 1_000)
    assert (catalogue.rewards["mug"].stock, catalogue.rewards["upload_month"].days) == (40, 30)
    assert catalogue.rewards["statistics"].course_id.startswith("crs_")
