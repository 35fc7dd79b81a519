"""`liberation courses`: what waits for a review, and the decision, from the command line."""

from __future__ import annotations

import asyncio
import json

from ledger.courses.decider import COURSE
from ledger.courses.state import Course
from ledger.courses.stream import stream_of
from ledger.message import Origin
from ledger.store import Store
from projections.live import runner
from tests.api.cli.conftest import Run
from tests.ledger.course_examples import COURSE_ID, create, submit

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
ANN = Origin(actor="usr_ann", roles=frozenset({"instructor"}))


async def submitted(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(create(command_id="cmd_create"), SYSTEM)
        await store.handle(submit(command_id="cmd_submit"), ANN)


async def course(url: str) -> Course:
    async with Store.open(url) as store:
        return await store.state(COURSE, stream_of(COURSE_ID))


def project(url: str) -> None:
    with runner(url) as following:
        following.catch_up()


def test_what_waits_is_listed_and_approved(run: Run, ledger: str) -> None:
    assert "No course is in_review." in run("courses", "list").stdout
    asyncio.run(submitted(ledger))
    project(ledger)
    assert COURSE_ID in run("courses", "list").stdout
    (found,) = json.loads(run("courses", "list", "--json").stdout)
    assert (found["course_id"], found["revision"], found["title"]) == (COURSE_ID, 1, "(erased)")
    done = run("courses", "approve", COURSE_ID, "--revision", "1")
    assert (done.exit_code, done.stdout) == (0, f"{COURSE_ID} is approved.\n")
    assert asyncio.run(course(ledger)).status == "approved"


def test_all_that_a_review_looks_at_is_shown(run: Run, ledger: str) -> None:
    asyncio.run(submitted(ledger))
    project(ledger)
    shown = json.loads(run("courses", "show", COURSE_ID).stdout)
    assert (shown["status"], shown["items"][0]["content_ref"]) == ("in_review", "s3://lessons/1.mp4")
    assert shown["parts"] == [{"user_id": "usr_ann", "part_bp": 10_000}]
    unknown = run("courses", "show", "crs_nobody")
    assert (unknown.exit_code, "There is no course crs_nobody" in unknown.stderr) == (2, True)


def test_a_rejection_says_why(run: Run, ledger: str) -> None:
    asyncio.run(submitted(ledger))
    assert run("courses", "reject", COURSE_ID, "--revision", "1").exit_code == 2
    done = run("courses", "reject", COURSE_ID, "--revision", "1", "--reason", "No sound.")
    assert (done.exit_code, done.stdout) == (0, f"{COURSE_ID} is draft.\n")
    assert asyncio.run(course(ledger)).reason == "No sound."


def test_what_cannot_be_approved_is_told_with_exit_code_2(run: Run, ledger: str) -> None:
    asyncio.run(submitted(ledger))
    stale = run("courses", "approve", COURSE_ID, "--revision", "2")
    assert (stale.exit_code, "is at revision 1" in stale.stderr) == (2, True)
    unknown = run("courses", "approve", "crs_nobody", "--revision", "1")
    assert (unknown.exit_code, "There is no course crs_nobody" in unknown.stderr) == (2, True)
