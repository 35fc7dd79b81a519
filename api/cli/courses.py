"""`courses`: what waits for a review, and the decision."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.courses.resources import CourseDetail, OwnCourse
    from ledger.courses.commands import ApproveCourse, RejectCourse
    from ledger.courses.state import Course

LIMIT = 1_000
STATUSES = ("draft", "in_review", "approved", "published", "archived")

revision_option = click.option(
    "--revision", type=click.IntRange(min=1), required=True, help="The one that you looked at."
)


@click.group()
def courses() -> None:
    """Courses that wait for a review: list, show, approve, reject."""


@courses.command("list")
@click.option("--status", type=click.Choice(STATUSES), default="in_review", show_default=True)
@json_option
def list_(status: str, *, as_json: bool) -> None:
    """Show courses of one status, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, status))
    if as_json:
        print_json(found)
        return
    print_table(
        ("course", "#revision", "author", "uploaded", "title"),
        (
            (one.course_id, one.revision, one.author, f"{one.uploaded_at:%Y-%m-%d %H:%M}", one.title)
            for one in found
        ),
        empty=f"No course is {status}.",
    )


@courses.command()
@click.argument("course_id", metavar="COURSE")
def show(course_id: str) -> None:
    """Show all of a course that a review looks at, as JSON. Exit 2 when there is no such."""
    with installation() as here:
        print_json(asyncio.run(_shown(here, course_id)))


@courses.command()
@click.argument("course_id", metavar="COURSE")
@revision_option
def approve(course_id: str, revision: int) -> None:
    """Let its author publish a course. Exit 2 when it is not in review, or not at that revision."""
    from api.clock import SystemClock
    from ledger.courses.commands import ApproveCourse
    from ledger.ids import new_id

    command = ApproveCourse(
        command_id=new_id("cmd"),
        effective_at=SystemClock().now(),
        course_id=course_id,
        revision=revision,
    )
    _decide(command)


@courses.command()
@click.argument("course_id", metavar="COURSE")
@revision_option
@click.option("--reason", required=True, help="Its author reads it; kept for ever, so it must name nobody.")
def reject(course_id: str, revision: int, reason: str) -> None:
    """Make a draft of it again. Exit 2 when it is not in review, or not at that revision."""
    from api.clock import SystemClock
    from ledger.courses.commands import RejectCourse
    from ledger.ids import new_id

    command = RejectCourse(
        command_id=new_id("cmd"),
        effective_at=SystemClock().now(),
        course_id=course_id,
        revision=revision,
        reason=reason,
    )
    _decide(command)


def _decide(command: ApproveCourse | RejectCourse) -> None:
    with installation() as here:
        course = asyncio.run(_handled(here, command))
    click.echo(f"{command.course_id} is {course.status}.")


async def _handled(here: Installation, command: ApproveCourse | RejectCourse) -> Course:
    from ledger.message import Origin
    from ledger.store import Store

    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id="courses")
    async with Store.open(here.url, schema=here.settings.schema) as store:
        course: Course = (await store.handle(command, origin)).state
        return course


async def _shown(here: Installation, course_id: str) -> CourseDetail:
    """As an administrator sees it."""
    from psycopg import AsyncConnection

    from api.courses.resources import detail_of
    from api.courses.search import full
    from ledger.courses.decider import COURSE
    from ledger.courses.stream import stream_of
    from ledger.errors import NotFound
    from ledger.store import Store

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        found = await full(conn, course_id)
    if found is None:
        raise NotFound(f"There is no course {course_id}; `liberation courses list` names them.")
    async with Store.open(here.url, schema=here.settings.schema) as store:
        course = await store.state(COURSE, stream_of(course_id))
    return detail_of(found.row, found.content, found.words, course)


async def _found(here: Installation, status: str) -> list[OwnCourse]:
    from psycopg import AsyncConnection

    from api.courses.resources import own_of
    from api.courses.search import of_author
    from api.http.paging import LARGEST

    arguments = {"author": None, "invited": None, "status": status, "before": LARGEST, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [own_of(row, title) for row, title in await of_author(conn, arguments)]
