"""Of what activity earns, and what it is spent on."""

from __future__ import annotations

from datetime import date

import msgspec

from ledger.message import Instant


class FollowCompletion(msgspec.Struct, frozen=True, omit_defaults=True, tag="tokens.follow_completion"):
    """Have the learner's tokens for that course be as the enrolment stands when this is delivered."""

    course_id: str
    learner_id: str
    cause: str = ""
    """Why the access was lost, where it was, and the refund or dispute that it was lost by."""
    cause_id: str = ""


class AwardPublication(msgspec.Struct, frozen=True, tag="tokens.award_publication"):
    """Award the author for a course that was published."""

    course_id: str


class AwardHelpfulReview(msgspec.Struct, frozen=True, tag="tokens.award_helpful_review"):
    """Award who wrote the review, where as many find it helpful as the rules ask for."""

    review_id: str
    author_id: str


class AwardStreak(msgspec.Struct, frozen=True, tag="tokens.award_streak"):
    """Award so many days in a row, of the streak that began on that date."""

    user_id: str
    days: int
    first_date: date


class NoteActivity(msgspec.Struct, frozen=True, tag="streaks.note_activity"):
    """Tell the user's streak that something was learnt at that time."""

    user_id: str
    at: Instant


class SpendTokens(msgspec.Struct, frozen=True, tag="redemptions.spend_tokens"):
    """Take the tokens for a reward that is kept for a user, or let it go where they are not there."""

    reward_id: str
    redemption_id: str
    user_id: str
    amount: int


class FollowRedemption(msgspec.Struct, frozen=True, tag="redemptions.follow"):
    """Tell the reward that the tokens of a redemption are spent."""

    reward_id: str
    redemption_id: str


class RestoreRedemption(msgspec.Struct, frozen=True, tag="redemptions.restore_tokens"):
    """Give back the tokens of a redemption that was cancelled."""

    redemption_id: str
    user_id: str


class EnrolRedeemer(msgspec.Struct, frozen=True, tag="redemptions.enrol"):
    """Give the course of a redemption to who paid it with tokens, or say why not."""

    course_id: str
    learner_id: str
    reward_id: str
    redemption_id: str


class FollowRedeemedCourse(msgspec.Struct, frozen=True, omit_defaults=True, tag="redemptions.follow_course"):
    """Tell the reward that a redemption's course is had, or with a `reason` that it could not be given."""

    reward_id: str
    redemption_id: str
    reason: str = ""


class RevokeRedeemedCourse(msgspec.Struct, frozen=True, tag="redemptions.revoke_course"):
    """Take the course of a redemption that was cancelled."""

    course_id: str
    learner_id: str
    redemption_id: str


TokenEffect = FollowCompletion | AwardPublication | AwardHelpfulReview | AwardStreak
ActivityEffect = TokenEffect | NoteActivity
RedemptionEffect = (
    SpendTokens
    | FollowRedemption
    | RestoreRedemption
    | EnrolRedeemer
    | FollowRedeemedCourse
    | RevokeRedeemedCourse
)
