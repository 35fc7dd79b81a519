"""The rules of a learner's review of a course: one of each, by who has learnt some of it.

Whoever asks again for what is so already gets no refusal and leaves no fact.
"""

from __future__ import annotations

import re
from typing import NoReturn, assert_never

from msgspec import Struct

from ledger.enrolments.reviews.commands import (
    EditReview,
    HideReview,
    PostReview,
    ReplyToReview,
    ReviewCommand,
    ShowReview,
    WithdrawReview,
)
from ledger.enrolments.reviews.events import (
    ReviewEdited,
    ReviewEvent,
    ReviewHidden,
    ReviewPosted,
    ReviewReinstated,
    ReviewReplied,
    ReviewShown,
    ReviewWithdrawn,
)
from ledger.enrolments.reviews.refusals import (
    InvalidReview,
    ReplyNotYours,
    ReviewExists,
    ReviewFrozen,
    ReviewNeedsEnrolment,
    ReviewOfOwnCourse,
    ReviewTooEarly,
)
from ledger.enrolments.reviews.state import Review
from ledger.errors import NotFound
from ledger.visible import is_visible

LEAST_PROGRESS_BP = 1_000
"""A tenth of the course."""
STARS = range(1, 6)
REASON_MAX = 500
ID_MAX = 255

_SHA256 = re.compile(r"^[0-9a-f]{64}$", re.ASCII)
_Events = tuple[ReviewEvent, ...]


class Learner(Struct, frozen=True):
    """What the rules ask of who reviews."""

    active: bool
    """Has the course now."""
    progress_bp: int
    returning: str = ""
    """The refund that was asked for; empty for none."""


def decide(command: ReviewCommand, review: Review, learner: Learner) -> _Events:
    if isinstance(command, PostReview):
        return _post(command, review, learner)
    if isinstance(command, WithdrawReview):
        return _withdraw(review)
    if not review.review_id or command.review_id != review.review_id:
        raise NotFound(f"There is no review {command.review_id:.80}.")
    match command:
        case EditReview():
            return _edit(command, review, learner)
        case HideReview():
            return _hide(command, review)
        case ShowReview():
            return _show(command, review)
        case ReplyToReview():
            return _reply(command, review)
        case _:
            assert_never(command)


def _post(command: PostReview, review: Review, learner: Learner) -> _Events:
    _check_id("review_id", command.review_id)
    _check_rating(command.rating)
    _check_words(command.words_id, command.words_hash)
    if command.teaches:
        _refuse_teacher()
    _check_active(learner)
    if review.review_id:
        raise ReviewExists(f"You have reviewed this course before: change review {review.review_id}.")
    if learner.progress_bp < LEAST_PROGRESS_BP:
        raise ReviewTooEarly(
            f"You are {learner.progress_bp / 100:g} % through this course; "
            f"it can be reviewed from {LEAST_PROGRESS_BP / 100:g} % on."
        )
    posted = ReviewPosted(
        review_id=command.review_id,
        course_id=command.course_id,
        learner_id=command.learner_id,
        rating=command.rating,
        words_id=command.words_id,
        words_hash=command.words_hash,
    )
    return (posted,)


def _edit(command: EditReview, review: Review, learner: Learner) -> _Events:
    """Also one that is hidden, which stays so until an administrator has looked at it."""
    rating = review.rating if command.rating is None else command.rating
    _check_rating(rating)
    words = (review.words_id, review.words_hash)
    if command.words_id:
        words = (command.words_id, command.words_hash)
        _check_words(*words)
    if command.teaches or review.teaches:
        _refuse_teacher()
    _check_active(learner)
    if (rating, *words) == (review.rating, review.words_id, review.words_hash):
        return ()
    edited = ReviewEdited(
        review_id=review.review_id,
        course_id=command.course_id,
        rating=rating,
        rating_before=review.rating,
        words_id=words[0],
        words_hash=words[1],
        counts=review.counts,
    )
    return (edited,)


def _hide(command: HideReview, review: Review) -> _Events:
    reason = command.reason.strip()
    if not is_visible(reason) or len(command.reason) > REASON_MAX or "\0" in reason:
        raise InvalidReview(f"`reason` must have from 1 to {REASON_MAX} characters, and no NUL.")
    if review.hidden:
        return ()
    hidden = ReviewHidden(
        review_id=review.review_id,
        course_id=command.course_id,
        reason=reason,
        rating=review.rating,
        counted=review.counts,
    )
    return (hidden,)


def _show(command: ShowReview, review: Review) -> _Events:
    if not review.hidden:
        return ()
    shown = ReviewShown(
        review_id=review.review_id,
        course_id=command.course_id,
        rating=review.rating,
        counts=not review.withdrawn,
    )
    return (shown,)


def _reply(command: ReplyToReview, review: Review) -> _Events:
    """To one that others see: an instructor sees no other."""
    _check_id("user_id", command.user_id)
    _check_words(command.words_id, command.words_hash)
    if not command.teaches:
        raise ReplyNotYours("Only the instructors of this course reply to its reviews.")
    if not review.counts:
        raise NotFound(f"There is no review {command.review_id:.80}.")
    if (command.words_id, command.words_hash) == (review.reply_words_id, review.reply_words_hash):
        return ()
    replied = ReviewReplied(
        review_id=review.review_id,
        course_id=command.course_id,
        instructor_id=command.user_id,
        words_id=command.words_id,
        words_hash=command.words_hash,
    )
    return (replied,)


def withdrawn(review: Review) -> _Events:
    """The learner's access is lost, and their review counts no more."""
    if not review.review_id or review.withdrawn:
        return ()
    fact = ReviewWithdrawn(
        review_id=review.review_id,
        course_id=review.course_id,
        rating=review.rating,
        counted=review.counts,
    )
    return (fact,)


def _withdraw(review: Review) -> _Events:
    """Its learner teaches the course, and it counts no more, whatever becomes of their access."""
    if not review.review_id or review.teaches:
        return ()
    fact = ReviewWithdrawn(
        review_id=review.review_id,
        course_id=review.course_id,
        rating=review.rating,
        counted=review.counts,
        teaches=True,
    )
    return (fact,)


def _refuse_teacher() -> NoReturn:
    raise ReviewOfOwnCourse("This is a course of your own, and reviews of it are its learners'.")


def reinstated(review: Review) -> _Events:
    """The learner has access again, by the same purchase or another."""
    if not review.withdrawn or review.teaches:
        return ()
    fact = ReviewReinstated(
        review_id=review.review_id,
        course_id=review.course_id,
        rating=review.rating,
        counts=not review.hidden,
    )
    return (fact,)


def _check_active(learner: Learner) -> None:
    if not learner.active:
        raise ReviewNeedsEnrolment("You do not have this course; who has it can review it.")
    if learner.returning:
        raise ReviewFrozen(
            f"Refund {learner.returning} is under way; until it is decided the course is not reviewed."
        )


def _check_rating(rating: int) -> None:
    if rating not in STARS:
        raise InvalidReview(f"`rating` must be from {STARS[0]} to {STARS[-1]}; it is {rating}.")


def _check_words(words_id: str, words_hash: str) -> None:
    _check_id("words_id", words_id)
    if not _SHA256.match(words_hash):
        raise InvalidReview("`words_hash` must be a SHA-256 in lower-case hexadecimal.")


def _check_id(name: str, text: str) -> None:
    if not text or len(text) > ID_MAX or "\0" in text:
        raise InvalidReview(f"`{name}` must have from 1 to {ID_MAX} characters, and no NUL.")
