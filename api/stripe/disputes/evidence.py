"""Evidence on its way to Stripe. It is passed on and not kept, so only who has it can send it again; what is
asked afterwards is whether it came.

Every function raises what a call to Stripe raises.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast
from urllib.parse import quote

from stripe import StripeClient
from stripe.params import DisputeUpdateParams, FileCreateParams

from api.stripe.delivery import NEVER_REACHED, Delivered, Postponed, Tools, age, recorder
from api.stripe.disputes.objects import EVIDENCE_ID, DisputeCase, UploadedFile
from api.stripe.objects import parse, parse_dict
from api.stripe.payments.lookup import patiently
from api.stripe.request import asking_in
from ledger.disputes.commands import RecordEvidence, RecordEvidenceFailure
from ledger.disputes.decider import DISPUTE_CASE, REQUESTED
from ledger.disputes.events import EvidenceChangeRequested
from ledger.disputes.stream import stream_of
from ledger.effects import ResolveEvidence
from ledger.ids import new_id
from ledger.message import Event, Origin, Recorded

SENT_FOR = timedelta(minutes=5)
"""Longer than any request is at work: what Stripe does not have by then, nobody sends any more."""


async def dispute(client: StripeClient, dispute_id: str) -> DisputeCase:
    """As Stripe has it now."""
    path = f"/v1/disputes/{quote(dispute_id, safe='')}"
    answer = await patiently(lambda: client.raw_request_async("get", path))
    return parse_dict(answer.data, DisputeCase)


async def upload(client: StripeClient, upload_id: str, name: str, content: bytes) -> UploadedFile:
    """`name` is the file's at Stripe, and the bank's who gets it: ours, as the sender's may name people."""

    def file() -> io.BytesIO:
        read = io.BytesIO(content)
        read.name = name
        return read

    made = await patiently(
        lambda: client.v1.files.create_async(
            FileCreateParams(purpose="dispute_evidence", file=file()),
            {"idempotency_key": f"dispute-file:{upload_id}"},
        )
    )
    return parse(made, UploadedFile)


async def stage(
    client: StripeClient, dispute_id: str, evidence_id: str, fields: Mapping[str, str]
) -> DisputeCase:
    """Stripe keeps it with the dispute; the bank sees nothing of it yet. An empty text clears a field."""
    params = cast(
        "DisputeUpdateParams",
        {"evidence": dict(fields), "metadata": {EVIDENCE_ID: evidence_id}, "submit": False},
    )
    await patiently(
        lambda: client.v1.disputes.update_async(
            dispute_id, params, {"idempotency_key": f"dispute-evidence:{evidence_id}"}
        )
    )
    return await dispute(client, dispute_id)


async def resolve(tools: Tools, effect: ResolveEvidence, origin: Origin, cause: Recorded | None) -> Delivered:
    """Whether Stripe has it. Raises Postponed while its sender may still be at it."""
    stream = stream_of(effect.dispute_id)
    case = await tools.store.state(DISPUTE_CASE, stream)
    if case.changes.get(effect.evidence_id) != REQUESTED:
        return Delivered()

    def wish_of(event: Event) -> EvidenceChangeRequested | None:
        known = isinstance(event, EvidenceChangeRequested) and event.evidence_id == effect.evidence_id
        return cast("EvidenceChangeRequested", event) if known else None

    asking = await asking_in(tools.store, stream, cause, wish_of)
    begun: dict[str, Any] = {
        "command_id": new_id("cmd"),
        "effective_at": tools.clock.now(),
        "dispute_id": effect.dispute_id,
        "evidence_id": effect.evidence_id,
    }
    as_stripe = recorder(origin)
    standing = (await dispute(tools.stripe, effect.dispute_id)).standing
    if standing.evidence_id == effect.evidence_id:
        return Delivered(await tools.store.handle(RecordEvidence(**begun), as_stripe))
    if age(tools, asking.at) < SENT_FOR:
        raise Postponed("who sent the evidence may still be sending it")
    return Delivered(await tools.store.handle(RecordEvidenceFailure(**begun, code=NEVER_REACHED), as_stripe))
