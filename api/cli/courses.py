"""`courses`: what waits for a review, and the decision."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.courses.resources import OwnCourse
    from ledger.courses.commands import ApproveCourse, RejectCourse
    from ledger.courses.state import Course

LIMIT = 1_000
STATUSES = ("draft", "in_review", "approved", "published", "archived")

revision_option = click.option(
    "--revision", type=click.IntRange(min=1), required=True, help="The one that you looked at."
)


@click.group()
def courses() -> None:
    """Courses that wait for a review: list, approve, reject."""


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


async def _found(here: Installation, status: str) -> list[OwnCourse]:
    from psycopg import AsyncConnection

    from api.courses.resources import own_of
    from api.courses.search import of_author
    from api.http.paging import LARGEST

    arguments = {"author": None, "status": status, "before": LARGEST, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [own_of(row, title) for row, title in await of_author(conn, arguments)]
