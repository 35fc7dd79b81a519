"""What other streams' facts ask of a user's tokens and streak: all of it in the ledger, not of Stripe."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from api.awards import last_attempt
from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from ledger import effects
from ledger.catalogue import FREE
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of as course_stream
from ledger.effects import (
    ActivityEffect,
    AwardHelpfulReview,
    AwardPublication,
    AwardStreak,
    FollowCompletion,
    TokenEffect,
)
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import IdempotencyMismatch
from ledger.features import effective_tier
from ledger.message import Command, Origin
from ledger.rewards import HELPFUL, PUBLISHED, streak_rule
from ledger.store import Store
from ledger.streaks.calendar import local_date, zone_of
from ledger.streaks.commands import NoteActivity
from ledger.streaks.decider import STREAKS
from ledger.streaks.stream import stream_of as streak_stream
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.stream import stream_of as subscriber_stream
from ledger.tokens.following import Award, Now, Source, awarded, completion_followed, completion_source
from ledger.votes.decider import VOTES
from ledger.votes.stream import stream_of as votes_stream


async def deliver(tools: Tools, effect: ActivityEffect, origin: Origin) -> Delivered:
    """Once, however often this is delivered. Raises Postponed where another was first with something else."""
    if isinstance(effect, effects.NoteActivity):
        return await _note_activity(tools, effect, origin)
    command = await _asked(tools, effect)
    return Delivered() if command is None else await _sent(tools, command, origin)


async def _asked(tools: Tools, effect: TokenEffect) -> Command | None:
    match effect:
        case FollowCompletion():
            return await _completion(tools, effect)
        case AwardPublication(course_id=course_id):
            course = await tools.store.state(COURSE, course_stream(course_id))
            return await _award(tools, Source(course.author, PUBLISHED, course_id))
        case AwardHelpfulReview(review_id=review_id, author_id=author_id):
            votes = await tools.store.state(VOTES, votes_stream(review_id))
            enough = len(votes.voters) >= tools.catalogue.tokens.helpful_votes
            return await _award(tools, Source(author_id, HELPFUL, review_id)) if enough else None
        case AwardStreak(user_id=user_id, days=days, first_date=first):
            return await _award(tools, Source(user_id, streak_rule(days), first.isoformat()))
        case _:
            assert_never(effect)


async def _completion(tools: Tools, effect: FollowCompletion) -> Command | None:
    """The enrolment is read last, so that what it came to meanwhile is seen."""
    source = completion_source(effect.course_id, effect.learner_id)
    attempt = await last_attempt(tools.store, source)
    now = await _now(tools, effect.learner_id)
    stream = enrolment_stream(effect.course_id, effect.learner_id)
    return completion_followed(effect, await tools.store.state(ENROLMENT, stream), attempt, now)


async def _award(tools: Tools, source: Source) -> Command | None:
    attempt = await last_attempt(tools.store, source)
    return awarded(Award(source=source, parts=()), attempt, await _now(tools, source.user_id))


async def _now(tools: Tools, user_id: str) -> Now:
    at = tools.clock.now()
    return Now(at, await tier_of(tools.store, user_id, at), tools.catalogue)


async def tier_of(store: Store, user_id: str, at: datetime) -> str:
    """By the ledger alone."""
    live = (await store.state(SUBSCRIBER, subscriber_stream(user_id))).live
    return FREE if live is None else effective_tier(live.tier, live.status, at, live.past_due_since)


async def _sent(tools: Tools, command: Command, origin: Origin) -> Delivered:
    try:
        return Delivered(await tools.store.handle(command, as_worker(origin)))
    except IdempotencyMismatch as error:
        raise Postponed("another award of this source was first: it is looked at again") from error


async def _note_activity(tools: Tools, effect: effects.NoteActivity, origin: Origin) -> Delivered:
    """Nothing where that date counts already, as it does from the second time on."""
    zone = "UTC" if tools.zones is None else await tools.zones.zone_of(effect.user_id)
    streak = await tools.store.state(STREAKS, streak_stream(effect.user_id))
    if streak.last is not None and local_date(effect.at, zone_of(zone)) <= streak.last:
        return Delivered()
    command = NoteActivity(
        command_id=f"note_activity:{effect.user_id}:{effect.at.isoformat()}",
        effective_at=effect.at,
        user_id=effect.user_id,
        time_zone=zone,
        milestones=tools.catalogue.tokens.streaks,
    )
    return await _sent(tools, command, origin)
