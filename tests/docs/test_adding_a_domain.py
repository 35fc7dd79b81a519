"""docs/adding-a-domain.md is followed to the letter in a copy of the sources, and what it adds is used."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.service import ROOT, Service, eventually, liberation, running_service

PAGE = ROOT / "docs" / "adding-a-domain.md"
BLOCK = re.compile(r"```(py|sql|diff) (\S+)\n(.*?)```", re.DOTALL)
_NOT_SOURCES = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")


def follow(page: Path, sources: Path) -> list[str]:
    """Writes what the page says; answers with the files that were there and were changed."""
    changed = []
    for kind, name, content in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "diff":
            file = sources / name
            file.write_text(_applied(file.read_text(encoding="utf-8"), content), encoding="utf-8")
            changed.append(name)
        else:
            file = _numbered(sources / name)
            assert not file.exists(), file
            file.parent.mkdir(exist_ok=True)
            file.write_text(content, encoding="utf-8")
    return changed


def _applied(text: str, diff: str) -> str:
    """A line that stays or goes says where; what is added stands behind it."""
    after = 0
    for line in diff.splitlines():
        if line.startswith("+"):
            text = f"{text[:after]}{line[1:]}\n{text[after:]}"
            after += len(line)
            continue
        place = text.index(f"\n{line[1:]}\n", max(0, after - 1)) + 1
        end = place + len(line)
        if line.startswith("-"):
            text, after = text[:place] + text[end:], place
        else:
            after = end
    return text


def _numbered(file: Path) -> Path:
    if not file.name.startswith("NNNN"):
        return file
    last = max(int(each.name[:4]) for each in file.parent.glob("*.sql"))
    return file.with_name(file.name.replace("NNNN", f"{last + 1:04}"))


def held(check: Sequence[str], sources: Path) -> None:
    program = Path(sys.executable).with_name(check[0])
    done = subprocess.run([program, *check[1:]], cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def wishes(service: Service) -> list[str]:
    return [each["course_id"] for each in service.get("/api/wishes", user="usr_1", role="student")["items"]]


def test_a_domain_is_added_by_following_the_page_alone(tmp_path: Path) -> None:
    sources = tmp_path / "clone"
    shutil.copytree(ROOT, sources, ignore=_NOT_SOURCES)
    changed = follow(PAGE, sources)
    assert len(changed) <= 4, "the one place that knows all domains, of rules, tables, callers and routes"
    held(("ruff", "check", "--no-cache", "."), sources)
    held(("lint-imports", "--no-cache"), sources)

    ours = {"PYTHONPATH": str(sources)}
    with running_service(tmp_path / "data", ours) as service:
        for course in ("crs_1", "crs_2", "crs_1", "crs_3"):
            assert service.post("/api/wishes", {"course_id": course}).status_code == 201
        refused = service.post("/api/wishes", {"course_id": "crs_4"})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_wishes")
        assert service.post("/api/wishes", {"course_id": "crs_1"}, role="service").status_code == 403
        eventually(lambda: wishes(service) == ["crs_1", "crs_2", "crs_3"])
        assert 'id="problem-too_many_wishes"' in service.client.get(f"{service.url}/schema").text
        found = liberation("replay", "--check", data_dir=service.data_dir, env=ours)
        assert (found.returncode, "wishes" in found.stdout) == (0, True), found.stderr
