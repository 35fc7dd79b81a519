"""The same packages on any later day, whatever has been released since."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.install.environments import (
    DEVELOPMENT_LOCK,
    RUNTIME_LOCK,
    copy_of_sources,
    installed,
    offer_newer_releases,
    pins,
    run,
)

pytestmark = [
    pytest.mark.index,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


def test_an_install_from_the_lock_takes_no_newer_release(tmp_path: Path) -> None:
    sources = copy_of_sources(tmp_path / "clone")
    later = offer_newer_releases(tmp_path / "released-since", set(pins(RUNTIME_LOCK)))
    run("make", ".venv/.installed", cwd=sources, env=later)
    python = sources / ".venv" / "bin" / "python"
    assert installed(python) == pins(RUNTIME_LOCK), "make run needs what runs, and nothing else"


def test_both_locks_are_installed_alike(tmp_path: Path) -> None:
    sources = copy_of_sources(tmp_path / "clone")
    lines = run("make", "--dry-run", ".venv/.developing", cwd=sources).splitlines()
    running, developing = (
        [line.replace(lock, "LOCK") for line in lines if line.endswith(f" {lock}")]
        for lock in (RUNTIME_LOCK, DEVELOPMENT_LOCK)
    )
    assert len(running) == 1
    assert developing == running


def test_what_runs_asks_for_no_development_tools(tmp_path: Path) -> None:
    sources = copy_of_sources(tmp_path / "clone")
    running = run("make", "--dry-run", "run", cwd=sources)
    assert "liberation demo" in running
    assert f" {RUNTIME_LOCK}\n" in running
    assert DEVELOPMENT_LOCK not in running
    assert f" {DEVELOPMENT_LOCK}\n" in run("make", "--dry-run", "test", cwd=sources)


def test_both_locks_come_from_one_resolution() -> None:
    running, developing = pins(RUNTIME_LOCK), pins(DEVELOPMENT_LOCK)
    both = running.keys() & developing.keys()
    assert both
    assert {name: running[name] for name in both} == {name: developing[name] for name in both}
