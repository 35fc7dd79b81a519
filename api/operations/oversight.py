"""For those who watch: who did what, what Stripe told us, what waits to be delivered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.http.checks import Check
from api.http.known import event_type_fault, stream_fault
from api.http.paging import LARGEST, Cursor, Limit, Page, before_key, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.services import Services
from api.words import NO_NUL
from projections.audit import AUDIT, AuditRow
from projections.webhooks import WEBHOOKS, WebhookRow

TAGS = ["oversight"]
Filter = Annotated[str | None, QueryParameter(max_length=300, pattern=NO_NUL)]


class AuditItem(msgspec.Struct, frozen=True, kw_only=True):
    """One fact: who caused it, by which command, in which request, and what led to that. `on_behalf_of` is
    the user for whom a service did it, with that user's `roles`; empty where the actor acted for themselves.
    """

    position: int
    stream: str
    version: int
    type: str
    command: str
    command_id: str
    actor: str
    roles: list[str]
    correlation_id: str
    causation_id: str
    effective_at: datetime
    recorded_at: datetime
    on_behalf_of: str


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """`result` is empty until it was applied, and `unexplained` where it was none of ours and money moved all
    the same; `caught_up` when we fetched it ourselves.
    """

    position: int
    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    created_at: datetime
    received_at: datetime
    result: Literal["", "applied", "unchanged", "ignored", "unexplained"]
    subject: str
    caught_up: bool


class EffectItem(msgspec.Struct, frozen=True, kw_only=True):
    """What must follow from a fact, outside the ledger. A parked one waits for an operator.

    `effect` is shown as it is stored, also where this version does not know its kind.
    """

    position: int
    policy: str
    effect_index: int
    kind: str
    effect: dict[str, Any]
    state: Literal["waiting", "parked", "delivered"]
    due_at: datetime
    attempts: int
    last_error: str
    delivered_at: datetime | None
    parked_at: datetime | None


_AUDIT = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position < %(before)s
        AND (%(actor)s::text IS NULL OR actor = %(actor)s)
        AND (%(on_behalf_of)s::text IS NULL OR (on_behalf_of = %(on_behalf_of)s AND on_behalf_of <> ''))
        AND (%(stream)s::text IS NULL OR stream = %(stream)s)
        AND (%(type)s::text IS NULL OR type = %(type)s)
        AND (%(request_id)s::text IS NULL OR correlation_id = %(request_id)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    AUDIT,
)


@get(
    "/api/audit",
    operation_id="listAudit",
    summary="Who did what",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_audit(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    actor: Filter = None,
    on_behalf_of: Filter = None,
    stream: Annotated[Filter, Check(stream_fault)] = None,
    type_: Annotated[
        str | None, QueryParameter(name="type", max_length=100, pattern=NO_NUL), Check(event_type_fault)
    ] = None,
    request_id: Filter = None,
) -> Read[Page[AuditItem]]:
    """Every fact of the ledger, newest first."""
    filters = {
        "actor": actor,
        "on_behalf_of": on_behalf_of,
        "stream": stream,
        "type": type_,
        "request_id": request_id,
    }
    return await newest_first(services.reads, _AUDIT, AUDIT, filters, _audit_item, cursor=cursor, limit=limit)


def _audit_item(row: AuditRow) -> AuditItem:
    fields = msgspec.structs.asdict(row)
    return AuditItem(**{**fields, "roles": list(row.roles)})


_DELIVERIES = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position < %(before)s
        AND (%(result)s::text IS NULL OR result = %(result)s)
        AND (%(type)s::text IS NULL OR stripe_event_type = %(type)s)
        AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    WEBHOOKS,
)


@get(
    "/api/webhooks/deliveries",
    operation_id="listWebhookDeliveries",
    summary="What Stripe told us",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_webhook_deliveries(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    result: Annotated[
        Literal["waiting", "applied", "unchanged", "ignored", "unexplained"] | None,
        QueryParameter(description="What came of it; `waiting` when nothing yet."),
    ] = None,
    type_: Annotated[str | None, QueryParameter(name="type", max_length=100, pattern=NO_NUL)] = None,
    subject: Filter = None,
) -> Read[Page[WebhookDelivery]]:
    """Stripe's events as received, newest first, each once however often it was sent."""
    wanted = "" if result == "waiting" else result
    filters = {"result": wanted, "type": type_, "subject": subject}
    return await newest_first(
        services.reads, _DELIVERIES, WEBHOOKS, filters, _delivery, cursor=cursor, limit=limit
    )


def _delivery(row: WebhookRow) -> WebhookDelivery:
    return WebhookDelivery(**msgspec.structs.asdict(row))


_EffectState = Literal["waiting", "parked", "delivered"]


def _effects(state: _EffectState, predicate: str) -> str:
    """A statement for each state, as only a plain predicate lets its partial index serve."""
    return f"""
        SELECT position, policy, effect_index, kind, effect::text, '{state}',
            due_at, attempts, last_error, delivered_at, parked_at
        FROM outbox
        WHERE (position, policy, effect_index) < (%(position)s, %(policy)s, %(effect_index)s)
            AND {predicate}
        ORDER BY position DESC, policy DESC, effect_index DESC
        LIMIT %(limit)s
    """  # noqa: S608  # the constants below, nothing from outside


_EFFECTS: dict[_EffectState, str] = {
    "waiting": _effects("waiting", "delivered_at IS NULL AND parked_at IS NULL"),
    "parked": _effects("parked", "delivered_at IS NULL AND parked_at IS NOT NULL"),
    "delivered": _effects("delivered", "delivered_at IS NOT NULL"),
}


_FIRST = (LARGEST, "~", LARGEST)
"""Names of policies are letters, which come before `~`."""


@get(
    "/api/effects",
    operation_id="listEffects",
    summary="What is to be delivered",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_effects(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    in_state: Annotated[_EffectState, QueryParameter(name="state")] = "parked",
) -> Read[Page[EffectItem]]:
    """The outbox. Parked ones were tried often and need an operator: `last_error` says why."""
    position, policy, effect_index = before_key(cursor, _FIRST)
    arguments = {"position": position, "policy": policy, "effect_index": effect_index, "limit": limit + 1}
    async with services.reading() as connection:
        found = await (await connection.execute(_EFFECTS[in_state].encode(), arguments)).fetchall()
    names = EffectItem.__struct_fields__
    items = [
        EffectItem(**{**dict(zip(names, row, strict=True)), "effect": msgspec.json.decode(row[4])})
        for row in found
    ]
    return Read(page(items, limit, lambda item: (item.position, item.policy, item.effect_index)))


HANDLERS = (list_audit, list_webhook_deliveries, list_effects)
