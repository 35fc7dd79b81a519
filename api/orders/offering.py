"""What an order would be: each course for each member, at its price of now, without who cannot have it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from api.courses import words as course_words
from api.enrolments.offers import offer_of
from api.http.owner import is_admin
from api.http.problems import FieldError, Unprocessable
from api.orders.bodies import CoursesForMembers
from api.orders.crediting import Standing, standing_of, terms_for
from api.orders.managing import Call
from api.services import Services
from ledger import money
from ledger.courses.decider import COURSE
from ledger.courses.state import Course
from ledger.courses.stream import stream_of as course_stream
from ledger.enrolments.commands import Offer
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.ordered import check_free
from ledger.enrolments.purchasing import check_for_sale, sale_of, sellers_of
from ledger.enrolments.refusals import CourseNotForSale
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.errors import Forbidden, Refused
from ledger.orders.placing import check_count, totals
from ledger.orders.terms import LeftOut, OrderedItem, OrderedLine, Terms, item_id_of
from ledger.organisations.state import Organisation

_WHOLE_BP = 10_000


class Offered(Struct, frozen=True, kw_only=True):
    currencies: tuple[str, ...]
    lines: tuple[OrderedLine, ...]
    left_out: tuple[LeftOut, ...]
    tax_bp: int
    terms: Terms

    @property
    def totals(self) -> tuple[int, int]:
        """Without tax, and the tax."""
        return totals(self.lines)


async def offered(
    services: Services, request: Call, organisation: Organisation, asked: CoursesForMembers, order_id: str
) -> Offered:
    """Raises `Unprocessable` and `NotFound` for what cannot be meant, `Forbidden` for a tax that is not the
    caller's to say, `CourseNotForSale` and `InvalidOrder`.
    """
    members = members_of(organisation, asked)
    courses = sorted(set(asked.courses))
    check_count(len(courses) * len(members), services.catalogue.organisations.order_items)
    standing = await standing_of(services, organisation.org_id, services.now())
    tax_bp = _tax_bp(request, asked, standing)
    offers = {one: await _offer(services, request, one, tax_bp) for one in courses}
    lines, left_out = [], list[LeftOut]()
    for course_id, offer in offers.items():
        reasons = await _reasons(services, course_id, offer, members)
        free = [one for one in members if one not in reasons]
        left_out += [LeftOut(course_id, one, reasons[one]) for one in members if one in reasons]
        items = tuple(OrderedItem(item_id_of(order_id, course_id, one), one) for one in free)
        if items:
            lines.append(OrderedLine(sale=sale_of(course_id, offer), items=items))
    return Offered(
        currencies=tuple(sorted({offer.currency for offer in offers.values()})),
        lines=tuple(lines),
        left_out=tuple(left_out),
        tax_bp=tax_bp,
        terms=terms_for(request, standing),
    )


def members_of(organisation: Organisation, asked: CoursesForMembers) -> list[str]:
    """In the order of their ids. Raises `Unprocessable`."""
    if (asked.members is None) == (asked.class_id is None):
        raise _odd("/members", "give either this or `class_id`")
    if asked.members is not None:
        for number, one in enumerate(asked.members):
            if one not in organisation.members:
                raise _odd(f"/members/{number}", "is no member of this organisation")
        return sorted(set(asked.members))
    known = organisation.classes.get(asked.class_id or "")
    if known is None or known.archived:
        raise _odd("/class_id", "there is no such class, or it is archived")
    return sorted(known.members)


def _odd(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable.at(FieldError(detail=detail, pointer=pointer))


def _tax_bp(request: Call, asked: CoursesForMembers, standing: Standing) -> int:
    if asked.tax_bp is None:
        return standing.tax_bp
    if not is_admin(request):
        raise Forbidden("Only an admin says how an order is taxed.")
    return asked.tax_bp


async def _offer(services: Services, request: Call, course_id: str, tax_bp: int) -> Offer:
    """With the tax on top."""
    offer = await offer_of(services, course_id, request.user)
    await _check_sold(services, course_id, offer)
    return replace(
        offer, tax_minor=money.round_to_step(offer.price_minor * tax_bp, _WHOLE_BP, offer.currency)
    )


async def _check_sold(services: Services, course_id: str, offer: Offer) -> None:
    """Raises `CourseNotForSale`, which names the course: there are several in an order."""
    try:
        _check_sale(offer)
    except CourseNotForSale as refusal:
        called = await _called(services, course_id)
        raise CourseNotForSale(f"{called} cannot be ordered. {refusal} Leave it out.") from None


def _check_sale(offer: Offer) -> None:
    check_for_sale(offer)
    if not offer.price_minor:
        raise CourseNotForSale("This course is free: members begin it themselves.")


async def _called(services: Services, course_id: str) -> str:
    """By its title, where that is not erased, and its id."""
    course: Course = await services.store.state(COURSE, course_stream(course_id))
    async with services.reading() as connection:
        words = course.content and await course_words.read(connection, course.content.words_id)
    return f"The course {words.title!r:.120} ({course_id})" if words else f"The course {course_id}"


async def _reasons(
    services: Services, course_id: str, offer: Offer, members: Iterable[str]
) -> dict[str, str]:
    """Why those who cannot have it cannot."""

    async def reason(learner_id: str) -> tuple[str, str]:
        enrolment: Enrolment = await services.store.state(ENROLMENT, stream_of(course_id, learner_id))
        try:
            check_free(learner_id, sellers_of(offer), enrolment)
        except Refused as refusal:
            return learner_id, refusal.code
        return learner_id, ""

    found = await asyncio.gather(*(reason(one) for one in members))
    return {learner_id: code for learner_id, code in found if code}
