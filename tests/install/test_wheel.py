"""The wheel works by itself: in an empty environment, on the oldest Python and the newest that is there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.install.environments import RUNTIME_LOCK, copy_of_sources, run
from tests.service import ROOT

pytestmark = pytest.mark.index
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def interpreter(version: str) -> Path | None:
    """One that starts: a version manager may have a name on the path that leads to none."""
    manager = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = shutil.which(f"python{version}")
    candidates = [*([Path(named)] if named else []), *manager.glob(f"versions/{version}.*/bin/python")]
    return next(filter(_starts, candidates), None)


def _starts(python: Path) -> bool:
    return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = copy_of_sources(tmp_path_factory.mktemp("wheel") / "clone")
    built = sources.parent / "dist"
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", built, ".", cwd=sources)  # fmt: skip
    (made,) = built.iterdir()
    return made


def test_it_says_that_it_is_typed_and_brings_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"{package}/py.typed" for package in ("ledger", "projections", "api")} <= set(names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {
        "ledger",
        "projections",
        "api",
        "liberation",
    }


@pytest.mark.parametrize("versions", [PYTHONS[:1], PYTHONS[:0:-1]], ids=["oldest", "newest"])
def test_it_serves_and_verifies(versions: tuple[str, ...], wheel: Path, tmp_path: Path) -> None:
    python = next(filter(None, map(interpreter, versions)), None)
    if python is None:
        pytest.skip(f"none of Python {', '.join(versions)} is installed")
    home = tmp_path / "home"
    run(python, "-m", "venv", "--without-pip", home, cwd=tmp_path)
    pip = (sys.executable, "-m", "pip", "--python", home / "bin" / "python")
    install = (*pip, "install", "--quiet", "--no-deps", "--no-compile")  # most of it is never imported
    run(*install, "--require-hashes", "-r", ROOT / RUNTIME_LOCK, cwd=home)
    run(*install, wheel, cwd=home)
    run(*pip, "check", cwd=home)

    program = home / "bin" / "liberation"
    assert run(program, "--version", cwd=home).startswith("liberation ")
    with demo(program, home) as url:
        answer = httpx.get(f"{url}/api/plans", trust_env=False)
        assert answer.status_code == 200
        assert "chain intact" in run(program, "verify", cwd=home)


@contextmanager
def demo(program: Path, folder: Path) -> Iterator[str]:
    """Its URL, once it says that it is ready."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LIBERATION_", "PYTHON"))
    }
    with subprocess.Popen(
        [program, "demo", "--scale", "0.02"],
        cwd=folder,
        env={**kept, "LIBERATION_PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        try:
            yield next(line.split()[1] for line in lines if line.strip().startswith("API "))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 0
