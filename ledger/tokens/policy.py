"""Tokens follow what was learnt, taught and written, as other domains' facts tell."""

from __future__ import annotations

from ledger.courses.events import CoursePublished
from ledger.courses.stream import id_of as course_of
from ledger.effects import AwardHelpfulReview, AwardPublication, AwardStreak, Effect, FollowCompletion
from ledger.enrolments.events import EnrolmentActivated, EnrolmentRestored, EnrolmentRevoked
from ledger.enrolments.learning.events import EnrolmentCompleted
from ledger.enrolments.stream import parts_of
from ledger.message import Recorded
from ledger.rewards import COMPLETED
from ledger.streaks.events import DateCredited
from ledger.tokens.events import TokensAwarded, TokensClawedBack
from ledger.votes.events import MarkedHelpful


def react(recorded: Recorded) -> tuple[Effect, ...]:
    effect = _effect(recorded)
    return () if effect is None else (effect,)


def _effect(  # noqa: PLR0911 - one answer for each fact
    recorded: Recorded,
) -> Effect | None:
    """A completion is looked at once more when it was awarded or clawed back: what the enrolment came to in
    between is seen then, whichever of them was recorded first.
    """
    match recorded.event:
        case EnrolmentCompleted() | EnrolmentRestored() | EnrolmentActivated(completed=True):
            return FollowCompletion(*parts_of(recorded.stream))
        case EnrolmentRevoked() as revoked:
            return FollowCompletion(*parts_of(recorded.stream), revoked.cause, revoked.cause_id)
        case TokensAwarded(rule=rule, cause_id=cause_id) as award if rule == COMPLETED and cause_id:
            return FollowCompletion(award.source_ref, award.user_id)
        case TokensClawedBack(rule=rule) as reversal if rule == COMPLETED:
            return FollowCompletion(reversal.source_ref, reversal.user_id)
        case CoursePublished():
            return AwardPublication(course_of(recorded.stream))
        case MarkedHelpful(author_id=author_id) as vote if author_id:
            return AwardHelpfulReview(vote.review_id, author_id)
        case DateCredited(milestone=days) as credited if days:
            return AwardStreak(credited.user_id, days, credited.first_date)
        case _:
            return None
