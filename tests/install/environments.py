"""Environments as a newcomer makes them: from a copy of the sources, by the Makefile or from the wheel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from tests.service import ROOT

NEWEST = "9999.0"
RUNTIME_LOCK = "requirements.txt"
DEVELOPMENT_LOCK = "requirements-dev.txt"
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+))?", re.MULTILINE
)
_NOT_SOURCES = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
TIMEOUT_S = 540


def copy_of_sources(folder: Path) -> Path:
    shutil.copytree(ROOT, folder, ignore=_NOT_SOURCES)
    return folder


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Standard output; fails with all that was printed."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LIBERATION_", "PYTHON"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **(env or {})},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pins(*locks: str) -> dict[str, str]:
    """What the locks name for this Python and system: canonical names and versions."""
    return {
        canonicalize_name(found["name"]): found["version"]
        for lock in locks
        for found in _PIN.finditer((ROOT / lock).read_text(encoding="utf-8"))
        if not found["marker"] or Marker(found["marker"].strip()).evaluate()
    }


def installed(python: Path) -> dict[str, str]:
    """Without pip, which came with the environment, and this project."""
    listed = json.loads(run(python, "-m", "pip", "list", "--format=json", cwd=python.parent))
    found = {canonicalize_name(each["name"]): each["version"] for each in listed}
    return {name: version for name, version in found.items() if name not in {"pip", "liberation"}}


def offer_newer_releases(folder: Path, names: Iterable[str]) -> Mapping[str, str]:
    """An empty wheel of a far newer version for each name; answers with the environment that offers them, and
    compiles nothing, as nothing of it is run.
    """
    folder.mkdir()
    for name in names:
        _write_wheel(folder, name.replace("-", "_"))
    offered = " ".join(filter(None, (str(folder), os.environ.get("PIP_FIND_LINKS"))))
    return {"PIP_FIND_LINKS": offered, "PIP_NO_COMPILE": "1"}


def _write_wheel(folder: Path, name: str) -> None:
    info = f"{name}-{NEWEST}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{NEWEST}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {NEWEST}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
