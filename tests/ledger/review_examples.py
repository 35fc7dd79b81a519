"""Builders of commands about Ann's review of Ivy's course, and of the enrolments that may have one."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ledger.enrolments.learning.state import Learning, Progress
from ledger.enrolments.reviews.commands import (
    EditReview,
    HideReview,
    PostReview,
    ReplyToReview,
    ShowReview,
)
from ledger.enrolments.state import Enrolment
from tests.ledger.enrolment_examples import IVY, OF, activate, after, reserve
from tests.ledger.examples import NOON

HASH, OTHER_HASH = "ab" * 32, "cd" * 32
REVIEW = "rvw_1"


def learnt(enrolment: Enrolment, progress_bp: int = 1_000) -> Enrolment:
    """With so much of the course done in the attempt that counts."""
    attempts = enrolment.learning.attempts.put(enrolment.enrolment_id, Progress(bp=progress_bp))
    return replace(enrolment, learning=Learning(attempts=attempts))


def learner(progress_bp: int = 1_000) -> Enrolment:
    """Ann, who bought the course and learnt some of it."""
    return learnt(after(reserve(), activate()), progress_bp)


def _fields(name: str, **more: Any) -> dict[str, Any]:
    return {**OF, "command_id": f"cmd_{name}", "effective_at": NOON, "review_id": REVIEW, **more}


def post(rating: int = 5, **changes: Any) -> PostReview:
    said = {"words_id": "wrd_1", "words_hash": HASH, "teaches": False}
    return PostReview(**_fields("post", rating=rating, **{**said, **changes}))


def edit(rating: int | None = None, **changes: Any) -> EditReview:
    return EditReview(**_fields("edit", rating=rating, **changes))


def hide(reason: str = "An insult.", **changes: Any) -> HideReview:
    return HideReview(**_fields("hide", reason=reason, **changes))


def show(**changes: Any) -> ShowReview:
    return ShowReview(**_fields("show", **changes))


def reply(**changes: Any) -> ReplyToReview:
    said = {"user_id": IVY, "words_id": "wrd_2", "words_hash": HASH, "teaches": True}
    return ReplyToReview(**_fields("reply", **{**said, **changes}))
