"""`reviews`: what learners say, and which of it is shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.reviews.resources import Review
    from ledger.enrolments.reviews.state import Review as Reviewed

LIMIT = 1_000
TEXT_SHOWN = 60


@click.group()
def reviews() -> None:
    """Reviews of courses: list, hide, show."""


@reviews.command("list")
@click.option("--course", "course_id", metavar="COURSE", help="Of one course alone.")
@click.option("--hidden", is_flag=True, help="Those that are hidden alone.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=LIMIT),
    default=LIMIT,
    show_default=True,
    help="How many at most.",
)
@json_option
def list_(course_id: str | None, *, hidden: bool, limit: int, as_json: bool) -> None:
    """Show reviews, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, course_id, limit, hidden=hidden))
    if as_json:
        print_json(found)
        return
    print_table(
        ("review", "course", "learner", "#stars", "#helpful", "shown", "text"),
        (
            (
                one.review_id,
                one.course_id,
                one.learner_id,
                one.rating,
                one.helpful,
                "yes" if one.visible else f"no: {one.reason or 'the learner has no access'}",
                " ".join(one.text.split())[:TEXT_SHOWN],
            )
            for one in found
        ),
        empty="No review is hidden." if hidden else "There is no review.",
    )


@reviews.command()
@click.argument("review_id", metavar="REVIEW")
@click.option("--reason", required=True, help="Its learner reads it; kept for ever, so it must name nobody.")
def hide(review_id: str, reason: str) -> None:
    """Have a review shown to nobody but its learner and admins. Exit 2 when there is no such."""
    _decide(review_id, reason)


@reviews.command()
@click.argument("review_id", metavar="REVIEW")
def show(review_id: str) -> None:
    """Show a review again that was hidden. Exit 2 when there is no such."""
    _decide(review_id, None)


def _decide(review_id: str, reason: str | None) -> None:
    with installation() as here:
        review = asyncio.run(_decided(here, review_id, reason))
    click.echo(f"{review_id} is {'hidden' if review.hidden else 'not hidden'}.")


async def _decided(here: Installation, review_id: str, reason: str | None) -> Reviewed:
    """Hidden with a reason, shown without one."""
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.reviews.search import place_of
    from ledger.enrolments.reviews.commands import HideReview, ShowReview
    from ledger.errors import NotFound
    from ledger.ids import new_id
    from ledger.message import Origin
    from ledger.store import Store

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        place = await place_of(conn, review_id)
    if place is None:
        raise NotFound(f"There is no review {review_id}; `liberation reviews list` names them.")
    about = {"course_id": place[0], "learner_id": place[1], "review_id": review_id}
    command_id, now = new_id("cmd"), SystemClock().now()
    command: HideReview | ShowReview = ShowReview(command_id=command_id, effective_at=now, **about)
    if reason is not None:
        command = HideReview(command_id=command_id, effective_at=now, **about, reason=reason)
    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id="reviews")
    async with Store.open(here.url, schema=here.settings.schema) as store:
        review: Reviewed = (await store.handle(command, origin)).state.review
        return review


async def _found(here: Installation, course_id: str | None, limit: int, *, hidden: bool) -> list[Review]:
    from psycopg import AsyncConnection

    from api.reviews.search import ORDERS, listed

    about = {"course_id": course_id, "hidden": hidden, "limit": limit}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        found = await listed(conn, "any", "newest", ORDERS["newest"].first, about)
    return [one.shown for one in found]
