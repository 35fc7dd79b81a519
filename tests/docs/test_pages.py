"""The documentation is run: its shell lines against a service, its Python as it stands."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from tests.docs.runner import run_page, shell
from tests.flows import market, paid
from tests.service import ROOT, Service, eventually, running_service

DOCS = ROOT / "docs"
README = "README.md"
BUYING, SELLING, PAYING, REWARDS, LICENCES, WEBHOOKS = (
    f"docs/guides/{name}.md"
    for name in (
        "buying-a-course",
        "selling-a-course",
        "paying-instructors",
        "rewards",
        "licences",
        "webhooks",
    )
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
needs_curl = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="curl and bash are not installed"
)


@contextmanager
def _service_for(page: str, data: Path) -> Iterator[Service]:
    """With what the page finds where `make run` has made a history."""
    if page not in {README, SELLING, PAYING}:
        with running_service(data) as service:
            if page in {BUYING, REWARDS}:
                market.course(service, lessons=3 if page == REWARDS else 1)
            if page == REWARDS:
                _others_have_earned(service)
            yield service
        return
    with paid.running_with_a_sale(data) as service:
        if page == README:
            paid.pay(service)
        if page == PAYING:
            paid.can_be_paid(service)
        yield service


def _others_have_earned(service: Service) -> None:
    """More than whoever follows the page ever will, as in the history of `make run`."""
    body = {"user_id": "usr_eve", "amount": 1000, "reason": "Answers in the forum"}
    asked = service.post("/api/tokens/award", body, user="usr_boss", role="admin", key="eve")
    confirm = f"/api/tokens/awards/{asked.json()['request_id']}/confirm"
    confirmed = service.post(confirm, {}, user="usr_root", role="admin", key="eve")
    assert confirmed.status_code == 201, confirmed.text


@needs_curl
@pytest.mark.parametrize(
    ("page", "blocks"),
    [
        (README, 9),
        ("docs/api.md", 35),
        (BUYING, 10),
        (SELLING, 13),
        (PAYING, 6),
        (REWARDS, 19),
        (LICENCES, 16),
        (WEBHOOKS, 3),
    ],
)
def test_a_page_prints_what_it_says(page: str, blocks: int, tmp_path: Path) -> None:
    with _service_for(page, tmp_path / "data") as service:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LIBERATION_DATA_DIR": str(service.data_dir),
            "URL": service.url,
            "S": f"{service.sandbox_url}/_sandbox",
            "STUDENT": service.credential("usr_1001" if page == README else "usr_ada", "student"),
            "INSTRUCTOR": service.credential(market.AUTHOR, "instructor"),
            "ADMIN": service.credential("usr_boss", "admin"),
        }
        with shell(environment, tmp_path) as bash:
            assert run_page(ROOT / page, bash, lambda: eventually(service.settled)) >= blocks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_asks_for_no_program_that_a_newcomer_may_lack(page: Path) -> None:
    """`curl --json` came with 7.82, and jq with nothing."""
    shown = re.findall(r"```(?:shell|bash|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in "\n".join(shown).replace("\\\n", " ").splitlines():
        assert not re.search(r"\bjq\b|\bcurl\b.*--json", line), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    if page == DOCS / "adding-a-domain.md":
        pytest.skip("its files come to be while it is followed")
    named = re.findall(
        r"(?<![\w./<])(?:api|docs|ledger|projections|tests)/[\w./*-]+", page.read_text(encoding="utf-8")
    )
    for name in named:
        assert "NNNN" in name or list(ROOT.glob(name.rstrip("./"))), f"{page.name} names {name}"


def test_contributing_says_how_to_begin_and_how_to_go_on() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for word in ("make check", "make test", "make lock", "Python 3.11 or newer"):
        assert word in page
    assert re.findall("^## (.+)", page, re.MULTILINE)[:6] == [
        "The map",
        "Tests alone",
        "What `make check` holds",
        "A new kind of fact",
        "A new kind of command",
        "A new domain",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_runs(page: Path) -> None:
    for example in Document.parse(str(page), PythonCodeBlockParser()).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
