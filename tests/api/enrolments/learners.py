"""Learners brought where a test needs them, and a Stripe beside which certificates are issued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from api.enrolments.certifying import Certifying
from api.services import Services
from api.stripe.contact import Contact
from api.stripe.delivery import Delivered
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.courses.commands import ArchiveCourse, ReviseCourse
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of as course_stream
from ledger.effects import CertifyCompletion, Effect
from ledger.enrolments.commands import RequestReturn
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.learning.commands import ReportProgress, syllabus_of
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.ids import new_id
from ledger.message import Origin, Recorded
from ledger.store import Store, conninfo
from tests.api.courses import ways
from tests.api.support import Caller, FakeStripe
from tests.ledger.enrolment_examples import reserve

IVY = "usr_ivy"
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


class CertifyingStripe(FakeStripe):
    """As the service has it: what is completed is certified while its learner waits."""

    def __init__(self, database_url: str) -> None:
        super().__init__()
        self._dsn = conninfo(database_url)
        self.certifying: Certifying

    @asynccontextmanager
    async def open(self, store: Store, contact: Contact) -> AsyncIterator[Any]:
        self.certifying = Certifying(store, self, DEFAULT_CATALOGUE, self._dsn)
        async with super().open(store, contact) as opened:
            yield opened

    async def deliver_now(self, effect: Effect, origin: Origin, cause: Recorded) -> Delivered:
        if isinstance(effect, CertifyCompletion):
            of = (effect.course_id, effect.learner_id, effect.enrolment_id)
            return await self.certifying.certify(*of, origin)
        return await super().deliver_now(effect, origin, cause)


async def free_course(services: Services, **changes: Any) -> str:
    return await ways.course_of(services, IVY, ways.PUBLISHED, price_minor=0, **changes)


async def enrolled(services: Services, learner_id: str, course_id: str) -> str:
    """The enrolment's id, in a free course."""
    enrolment_id = new_id("enr")
    command = reserve(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        enrolment_id=enrolment_id,
        course_id=course_id,
        learner_id=learner_id,
        buyer_id=learner_id,
        offered={"price_minor": 0},
    )
    await services.store.handle(command, _as(learner_id))
    return enrolment_id


async def completed(services: Services, learner_id: str, course_id: str) -> None:
    """By all of its items, and nothing counts as started."""
    course = await services.store.state(COURSE, course_stream(course_id))
    assert course.content is not None
    command = ReportProgress(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        course_id=course_id,
        learner_id=learner_id,
        syllabus=syllabus_of(course.revision, course.content),
        items=tuple(item.item_id for item in course.content.items),
    )
    await services.store.handle(command, _as(learner_id))


async def without_items(services: Services, course_id: str) -> None:
    """As its author may revise it, once it is sold no longer."""
    about: dict[str, Any] = {"effective_at": services.now(), "course_id": course_id, "user_id": IVY}
    await services.store.handle(ArchiveCourse(command_id=new_id("cmd"), **about), _as(IVY))
    course = await services.store.state(COURSE, course_stream(course_id))
    assert course.content is not None
    command = ReviseCourse(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        course_id=course_id,
        user_id=IVY,
        expected_revision=course.revision,
        content=replace(course.content, items=()),
        asked="",
        may_sell=True,
    )
    await services.store.handle(command, _as(IVY))


async def ask_back(services: Services, learner_id: str, course_id: str) -> None:
    command = RequestReturn(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        course_id=course_id,
        learner_id=learner_id,
        refund_id=new_id("re"),
        user_id=learner_id,
    )
    await services.store.handle(command, _as(learner_id))


async def enrolment(services: Services, learner_id: str, course_id: str) -> Enrolment:
    return await services.store.state(ENROLMENT, stream_of(course_id, learner_id))


def _as(learner_id: str) -> Origin:
    return Origin(actor=learner_id, roles=frozenset({"student"}))


async def report(caller: Caller, course_id: str, *items: str, key: str | None = None, **body: Any) -> Any:
    """The answer; with `percent` in place of items."""
    content = {**({"items_done": list(items)} if items else {}), **body}
    path = f"/api/courses/{course_id}/progress"
    return await caller("POST", path, key=key or new_id("key"), json=content)


async def claim(caller: Caller, course_id: str, *, key: str | None = None) -> Any:
    return await caller("POST", f"/api/courses/{course_id}/certificate", key=key or new_id("key"), json={})


async def content_of(caller: Caller, course_id: str, **body: Any) -> Any:
    return await caller("POST", f"/api/courses/{course_id}/content", json=body)
