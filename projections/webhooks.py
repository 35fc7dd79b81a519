"""What Stripe told us, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.webhooks.events import WebhookApplied, WebhookEvent, WebhookReceived
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class WebhookRow(Row):
    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    created_at: datetime
    received_at: datetime
    result: str
    """Empty until applied."""
    subject: str
    caught_up: bool
    position: int


WEBHOOKS = Table("webhooks", WebhookRow, ("stripe_event_id",))


class Webhooks(Projection):
    NAME: ClassVar[str] = "webhooks"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(get_args(WebhookEvent))

    def __init__(self) -> None:
        self._webhooks = Rows(WEBHOOKS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._webhooks,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        events = [recorded.event for recorded in batch]
        self._webhooks.load(
            cursor, {event.stripe_event_id for event in events if isinstance(event, WebhookApplied)}
        )

    def project(self, recorded: Recorded) -> None:
        match recorded.event:
            case WebhookReceived() as event:
                self._webhooks.put(
                    event.stripe_event_id,
                    WebhookRow(
                        stripe_event_id=event.stripe_event_id,
                        stripe_event_type=event.stripe_event_type,
                        object_id=event.object_id,
                        created_at=event.created_at,
                        received_at=recorded.recorded_at,
                        result="",
                        subject="",
                        caught_up=event.caught_up,
                        position=recorded.position,
                    ),
                )
            case WebhookApplied() as event:
                row = self._webhooks.change(event.stripe_event_id)
                row.result = event.result
                row.subject = event.subject
            case _:
                pass
