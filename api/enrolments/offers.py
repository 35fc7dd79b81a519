"""A course as it is for sale now: what it costs, and who has which part of that."""

from __future__ import annotations

from api.courses import words as course_words
from api.services import Services
from api.subscriptions.entitlements import tier_of
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of
from ledger.enrolments.commands import Offer
from ledger.errors import NotFound


async def offer_of(services: Services, course_id: str) -> Offer:
    """By the ledger, whatever the projections have seen; the share is that of its author's tier. Raises
    `NotFound` for a course that there is not.
    """
    course = await services.store.state(COURSE, stream_of(course_id))
    content = course.content
    if content is None:
        raise NotFound(f"There is no course {course_id}.")
    async with services.reading() as connection:
        words = await course_words.read(connection, content.words_id)
    tier = services.catalogue.tiers[await tier_of(services, course.author)]
    return Offer(
        status=course.status,
        revision=course.revision,
        price_minor=content.price_minor,
        currency=content.currency,
        instructors=content.instructors,
        share_bp=tier.instructor_share_bp,
        catalogue_version=services.catalogue.version,
        author_id=course.author,
        author_gone=words is None,
    )
