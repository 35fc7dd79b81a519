"""A course as it is for sale now: what it costs, and who has which part of that."""

from __future__ import annotations

from api.courses import words as course_words
from api.courses.seeing import seen_course
from api.http.auth import Principal
from api.services import Services
from api.subscriptions.entitlements import tier_of
from ledger.enrolments.commands import Offer


async def offer_of(services: Services, course_id: str, caller: Principal) -> Offer:
    """By the ledger, whatever the projections have seen; the share is that of its author's tier. Raises
    `NotFound` for a course that the caller does not see.
    """
    course = await seen_course(services, course_id, caller)
    content = course.content
    assert content is not None, "it is seen"
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
