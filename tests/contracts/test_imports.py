"""The contracts on imports hold, and a planted violation breaks the one that it should."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from api import app
from tests.service import ROOT

PLANTED = {
    "ledger/money.py": ("from projections import live", "Data flows one way"),
    "ledger/features.py": ("import psycopg", "Rules are pure"),
    "projections/audit.py": ("from ledger.payments import decider", "Projections see facts"),
    "projections/journal.py": ("import eventsourcing.utils", "Only the store"),
    "api/http/problems.py": ("from api.payments import routes", "No circles"),
    "api/sandbox/transaction.py": ("from api.sandbox import state", "No circles"),
    "projections/engine/runner.py": ("from projections import registry", "No circles"),
    "api/invoices/resources.py": ("from api.payments import refunds", "Routes of one domain"),
    "api/payments/refunds.py": ("from ledger import effects", "Routes build no effect"),
    "api/books/revenue.py": ("from api.operations import me", "Routes of one domain"),
}


def broken(folder: Path) -> set[str]:
    """The names of the contracts that do not hold."""
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in told.stdout, told.stdout + told.stderr
    return set(re.findall(r"^(.*) BROKEN", told.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for package in ("ledger", "projections", "api"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_import_breaks_its_contract(name: str, sources: Path) -> None:
    line, contract = PLANTED[name]
    file = sources / name
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}\n{line}\n", encoding="utf-8")
    try:
        assert any(each.startswith(contract) for each in broken(sources))
    finally:
        file.write_text(before, encoding="utf-8")


def test_every_module_with_routes_is_in_the_contract() -> None:
    """By its name, where a domain has one module of them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = [
        each
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["name"].startswith("Routes of one domain")
    ]
    known = {id(handler) for handler in app.HANDLERS}
    modules = {
        name
        for name, module in list(sys.modules.items())
        if name.startswith("api.")
        and module is not app
        and {*map(id, getattr(module, "HANDLERS", ()))} & known
    }
    assert {each for each in modules if not each.endswith(".routes")} == set(contract["modules"][1:])
