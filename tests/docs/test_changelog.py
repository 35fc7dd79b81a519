"""The changelog has the version that the package says it is of."""

from __future__ import annotations

import re
import tomllib

from tests.service import ROOT

HEADING = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$", re.MULTILINE)


def test_the_package_is_of_the_newest_release() -> None:
    released = HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == released[0][0]
    assert [day for _, day in released] == sorted((day for _, day in released), reverse=True)
