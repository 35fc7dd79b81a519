"""Answer a dispute at Stripe, by its evidence or by accepting the loss, or find out what became of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from api.stripe.delivery import Delivered, Tools
from api.stripe.disputes.evidence import dispute, resolve
from api.stripe.disputes.objects import ANSWER_ID
from api.stripe.failures import Failure
from api.stripe.payments.lookup import patiently
from api.stripe.request import DirectRequest, asking_in
from ledger.disputes.commands import (
    RecordDisputeAnswer,
    RecordDisputeAnswerFailure,
    RecordDisputeAnswerUnknown,
)
from ledger.disputes.decider import DISPUTE_CASE, is_taken
from ledger.disputes.events import DisputeAnswerRequested
from ledger.disputes.stream import stream_of
from ledger.effects import AnswerDispute, DisputeEffect, ResolveDisputeAnswer, ResolveEvidence
from ledger.message import Event, Origin, Recorded

ANSWERED_ELSEWHERE = "answered_elsewhere"
"""Somebody did in Stripe's dashboard, or the dispute ended."""
_WAITS = frozenset({"needs_response", "warning_needs_response"})


async def deliver(tools: Tools, effect: DisputeEffect, origin: Origin, cause: Recorded | None) -> Delivered:
    match effect:
        case ResolveEvidence():
            return await resolve(tools, effect, origin, cause)
        case AnswerDispute():
            if await _status(tools, effect.dispute_id, effect.answer_id) != "requested":
                return Delivered()
            return await (await _request(tools, effect, origin, cause)).first_call()
        case ResolveDisputeAnswer():
            if await _status(tools, effect.dispute_id, effect.answer_id) != "unknown":
                return Delivered()
            return await (await _request(tools, effect, origin, cause)).look_up()


async def _status(tools: Tools, dispute_id: str, answer_id: str) -> str:
    case = await tools.store.state(DISPUTE_CASE, stream_of(dispute_id))
    return case.answer_status if case.answer_id == answer_id else ""


async def _request(
    tools: Tools, effect: AnswerDispute | ResolveDisputeAnswer, origin: Origin, cause: Recorded | None
) -> _AnswerRequest:
    def wish_of(event: Event) -> DisputeAnswerRequested | None:
        asked = isinstance(event, DisputeAnswerRequested) and event.answer_id == effect.answer_id
        return event if asked and isinstance(event, DisputeAnswerRequested) else None

    asking = await asking_in(tools.store, stream_of(effect.dispute_id), cause, wish_of)
    return _AnswerRequest(tools, asking, origin)


class _AnswerRequest(DirectRequest[DisputeAnswerRequested, None]):
    absent: ClassVar[str] = "Stripe knows no such answer to the dispute"
    unknown_as: ClassVar[str] = "dispute_answer_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"dispute_id": self.wish.dispute_id, "answer_id": self.wish.answer_id}

    async def call(self) -> None:
        """An acceptance is named first, as closing takes no metadata."""
        disputes, wish = self.tools.stripe.v1.disputes, self.wish
        key = f"dispute-answer:{wish.answer_id}"
        named = {ANSWER_ID: wish.answer_id}
        if wish.kind == "evidence":
            await patiently(
                lambda: disputes.update_async(
                    wish.dispute_id, {"submit": True, "metadata": named}, {"idempotency_key": key}
                )
            )
            return
        await patiently(
            lambda: disputes.update_async(
                wish.dispute_id,
                {"submit": False, "metadata": named},
                {"idempotency_key": f"dispute-accept:{wish.answer_id}"},
            )
        )
        await patiently(lambda: disputes.close_async(wish.dispute_id, {}, {"idempotency_key": key}))

    async def look(self) -> Delivered | None:
        """An answer that does not name ours is another's; one that is none, and closed, came too late."""
        found = await dispute(self.tools.stripe, self.wish.dispute_id)
        if is_taken(self.wish.kind, self.wish.answer_id, found.standing):
            return await self.record(None)
        if found.status not in _WAITS:
            return await self.failed(Failure(kind="refused", code=ANSWERED_ELSEWHERE))
        return None

    async def refused(self, failure: Failure) -> Delivered:
        """Also where it was done before, by a key that Stripe has forgotten."""
        found = await self.look()
        return await self.failed(failure) if found is None else found

    async def record(self, _: None, /) -> Delivered:
        return await self.handle(
            RecordDisputeAnswer(
                **self.begun(), dispute_id=self.wish.dispute_id, answer_id=self.wish.answer_id
            )
        )

    async def is_unknown(self) -> bool:
        return await _status(self.tools, self.wish.dispute_id, self.wish.answer_id) == "unknown"

    def unknown(self, cause: str) -> RecordDisputeAnswerUnknown:
        return RecordDisputeAnswerUnknown(
            **self.begun(), dispute_id=self.wish.dispute_id, answer_id=self.wish.answer_id, cause=cause
        )

    async def failed(self, failure: Failure) -> Delivered:
        return await self.handle(
            RecordDisputeAnswerFailure(
                **self.begun(),
                dispute_id=self.wish.dispute_id,
                answer_id=self.wish.answer_id,
                code=failure.code,
            )
        )
