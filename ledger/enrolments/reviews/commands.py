"""What can be asked of a learner's review of a course. Its words are beside the facts, under `words_id`."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class PostReview(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "enrolments.post_review"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"review_id", "teaches"})
    course_id: str
    learner_id: str
    review_id: str
    rating: int
    words_id: str
    words_hash: str
    teaches: bool
    """Whether the learner is an instructor of the course by now."""


class EditReview(Command, frozen=True, kw_only=True):
    """What is None or empty stays as it is."""

    NAME: ClassVar[str] = "enrolments.edit_review"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"teaches"})
    course_id: str
    learner_id: str
    review_id: str
    rating: int | None = None
    words_id: str = ""
    words_hash: str = ""
    teaches: bool = False
    """Whether the learner is an instructor of the course by now."""


class HideReview(Command, frozen=True, kw_only=True):
    """By an administrator. `reason` is kept for ever, so it must not name anybody."""

    NAME: ClassVar[str] = "enrolments.hide_review"
    course_id: str
    learner_id: str
    review_id: str
    reason: str


class ShowReview(Command, frozen=True, kw_only=True):
    """One that was hidden, again."""

    NAME: ClassVar[str] = "enrolments.show_review"
    course_id: str
    learner_id: str
    review_id: str


class ReplyToReview(Command, frozen=True, kw_only=True):
    """In place of the reply that there is, if there is one."""

    NAME: ClassVar[str] = "enrolments.reply_to_review"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"teaches"})
    course_id: str
    learner_id: str
    review_id: str
    user_id: str
    words_id: str
    words_hash: str
    teaches: bool
    """Whether the user is an instructor of the course."""


class WithdrawReview(Command, frozen=True, kw_only=True):
    """Its learner teaches the course from now on."""

    NAME: ClassVar[str] = "enrolments.withdraw_review"
    course_id: str
    learner_id: str


ReviewCommand = PostReview | EditReview | HideReview | ShowReview | ReplyToReview | WithdrawReview
