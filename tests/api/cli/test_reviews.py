"""`liberation reviews`: what is said, and which of it is shown, from the command line."""

from __future__ import annotations

import asyncio
import json

import pytest

from ledger.enrolments.reviews import rules
from ledger.message import Origin
from ledger.store import Store
from projections.live import runner
from tests.api.cli.conftest import Run
from tests.ledger.enrolment_examples import activate
from tests.ledger.review_examples import REVIEW, post

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
ANN = Origin(actor="usr_ann", roles=frozenset({"student"}))


@pytest.fixture
def reviewed(ledger: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """With a review of Ann's."""
    monkeypatch.setattr(rules, "LEAST_PROGRESS_BP", 0)

    async def say() -> None:
        async with Store.open(ledger) as store:
            await store.handle(activate(), SYSTEM)
            await store.handle(post(2), ANN)

    asyncio.run(say())
    project(ledger)
    return ledger


def project(url: str) -> None:
    with runner(url) as following:
        following.catch_up()


def test_reviews_are_listed_hidden_and_shown(run: Run, reviewed: str) -> None:
    (found,) = json.loads(run("reviews", "list", "--json").stdout)
    assert (found["review_id"], found["rating"], found["text"]) == (REVIEW, 2, "(erased)")
    assert "No review is hidden." in run("reviews", "list", "--hidden").stdout
    done = run("reviews", "hide", REVIEW, "--reason", "An insult.")
    assert (done.exit_code, done.stdout) == (0, f"{REVIEW} is hidden.\n")
    project(reviewed)
    assert "no: An insult." in run("reviews", "list", "--hidden", "--course", "crs_1").stdout
    assert "There is no review." in run("reviews", "list", "--course", "crs_2").stdout
    assert run("reviews", "show", REVIEW).stdout == f"{REVIEW} is not hidden.\n"
    project(reviewed)
    assert "No review is hidden." in run("reviews", "list", "--hidden").stdout


def test_what_cannot_be_decided_is_told_with_exit_code_2(run: Run, reviewed: str) -> None:
    assert run("reviews", "hide", REVIEW).exit_code == 2
    blank = run("reviews", "hide", REVIEW, "--reason", " ")
    assert (blank.exit_code, "`reason`" in blank.stderr) == (2, True)
    unknown = run("reviews", "show", "rvw_nobody")
    assert (unknown.exit_code, "There is no review rvw_nobody" in unknown.stderr) == (2, True)
