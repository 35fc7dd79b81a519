"""Courses brought where a test needs them, by their commands alone: no plan is asked, nobody waits."""

from __future__ import annotations

from typing import Any

from api.courses import words as course_words
from api.courses.words import Words
from api.erasable import salted
from api.services import Services
from ledger.courses import commands
from ledger.enrolments.commands import ActivateEnrolment
from ledger.enrolments.reviews.commands import PostReview
from ledger.ids import new_id
from ledger.message import Command, Origin
from ledger.split import WHOLE_BP, Part
from tests.ledger.course_examples import content

DRAFT: tuple[str, ...] = ()
IN_REVIEW = (*DRAFT, "submit")
APPROVED = (*IN_REVIEW, "approve")
PUBLISHED = (*APPROVED, "publish")
FEATURED = (*PUBLISHED, "feature")
TAKEN_DOWN = (*PUBLISHED, "take_down")

_OPERATOR = Origin(actor="worker", roles=frozenset({"system", "admin", "instructor"}))


async def course_of(services: Services, author: str, way: tuple[str, ...], **changes: Any) -> str:
    """The id of a course when it has gone that way: of 49.00 USD with two items, unless that `changes`."""
    course_id, words_id = new_id("crs"), new_id("wrd")
    words = Words(title="Statistics", description="Means.", item_titles={"itm_1": "One", "itm_2": "Two"})
    async with services.reading() as connection:
        salt = await course_words.write(connection, words_id, course_id, author, "en", words)
    of = content(
        words_id=words_id,
        words_hash=salted(salt, words),
        **{"instructors": (Part(user_id=author, part_bp=WHOLE_BP),), **changes},
    )
    fields: dict[str, Any] = {"effective_at": services.now(), "course_id": course_id}
    steps: dict[str, Command] = {
        "create": commands.CreateCourse(command_id=new_id("cmd"), **fields, user_id=author, content=of),
        "submit": commands.SubmitCourse(command_id=new_id("cmd"), **fields, user_id=author),
        "approve": commands.ApproveCourse(command_id=new_id("cmd"), **fields, revision=1),
        "publish": commands.PublishCourse(command_id=new_id("cmd"), **fields, user_id=author, may_sell=True),
        "feature": commands.FeatureCourse(command_id=new_id("cmd"), **fields),
        "take_down": commands.ArchiveCourse(
            command_id=new_id("cmd"), **fields, user_id="usr_root", by_admin=True, reason="Not so."
        ),
    }
    for step in ("create", *way):
        await services.store.handle(steps[step], _OPERATOR)
    for one in of.instructors:
        if one.user_id != author:
            accepted = commands.AcceptInvitation(command_id=new_id("cmd"), **fields, user_id=one.user_id)
            await services.store.handle(accepted, _OPERATOR)
    return course_id


async def review_of(services: Services, course_id: str, learner_id: str) -> str:
    """The id of a learner's review of a course, which they bought for it."""
    review_id = new_id("rvw")
    to: dict[str, Any] = {"effective_at": services.now(), "course_id": course_id, "learner_id": learner_id}
    bought = ActivateEnrolment(
        command_id=new_id("cmd"), **to, payment_id=new_id("pay"), as_of=3, buyer_id=learner_id, revision=1
    )
    posted = PostReview(
        command_id=new_id("cmd"),
        **to,
        review_id=review_id,
        rating=5,
        words_id=new_id("wrd"),
        words_hash="ab" * 32,
        teaches=False,
    )
    for command in (bought, posted):
        await services.store.handle(command, _OPERATOR)
    return review_id
