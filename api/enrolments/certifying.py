"""Certificates of what is completed, issued by themselves where the learner's plan has them."""

from __future__ import annotations

import structlog
from psycopg import AsyncConnection, OperationalError

from api.clock import Clock
from api.enrolments import certificate_words
from api.enrolments.certificate_words import Named
from api.stripe.delivery import Delivered, Postponed, as_worker
from api.subscriptions.entitlements import entitlement_of, subscriber_of
from ledger.catalogue import Catalogue
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.learning.commands import IssueCertificate
from ledger.enrolments.learning.events import EnrolmentCompleted
from ledger.enrolments.stream import stream_of
from ledger.errors import Refused
from ledger.ids import derived_id
from ledger.message import Origin
from ledger.store import Store

FEATURE = "certificates"

log = structlog.get_logger()


class Certifying:
    """A `Certifier` of the gateway. Connects for each: a course is completed once."""

    def __init__(self, store: Store, clock: Clock, catalogue: Catalogue, dsn: str) -> None:
        self._store, self._clock, self._catalogue, self._dsn = store, clock, catalogue, dsn

    async def certify(self, course_id: str, learner_id: str, enrolment_id: str, origin: Origin) -> Delivered:
        """Or leaves it for the learner to claim, when their plan has it, or when their name is known. Raises
        Postponed.
        """
        subscriber = await subscriber_of(self._store, learner_id)
        plan = entitlement_of(subscriber, FEATURE, self._clock.now(), self._catalogue)
        enrolment = await self._store.state(ENROLMENT, stream_of(course_id, learner_id))
        progress = enrolment.learning.of(enrolment_id)
        if not plan.allowed or progress.completed is None or progress.certificate is not None:
            return Delivered()
        command_id = f"certify:{enrolment_id}"
        words_id = derived_id("wrd", self._store.ledger_id, command_id)
        named = await self._words(words_id, progress.completed)
        if named is None:
            return Delivered()
        command = IssueCertificate(
            command_id=command_id,
            effective_at=self._clock.now(),
            course_id=course_id,
            learner_id=learner_id,
            enrolment_id=enrolment_id,
            words_id=named.words_id,
            words_hash=named.words_hash,
        )
        try:
            return Delivered(await self._store.handle(command, as_worker(origin)))
        except Refused as refusal:  # the access was lost meanwhile; the learner claims it when it comes back
            log.info("certificate_not_issued", code=refusal.code)
            return Delivered()

    async def _words(self, words_id: str, completed: EnrolmentCompleted) -> Named | None:
        try:
            async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                return await certificate_words.write(connection, words_id, completed)
        except OperationalError as error:
            raise Postponed("the database did not answer") from error
