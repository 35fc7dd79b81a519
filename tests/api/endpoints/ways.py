"""An endpoint of an organisation, with an event on its way to it."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from api.endpoints.fan_out import fan_out
from ledger.ids import new_id
from ledger.store import conninfo
from tests.api.support import Caller, Running

NOWHERE = "http://127.0.0.1:9/"
"""Where nobody listens."""


async def given_out(app: Running) -> None:
    """As the sender does it, without sending."""
    await app.projected()
    services = app.services
    dsn = conninfo(services.database_url, schema=services.settings.schema, name="test")
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        while await fan_out(connection, services.now()):
            pass


async def endpoint_in(app: Running, org_id: str) -> dict[str, str]:
    """Its id, and the event's."""
    root = app.caller("usr_root", "admin")
    made = await _post(root, "/api/webhook-endpoints", url=NOWHERE, org_id=org_id)
    await app.projected()
    owner = app.caller("usr_owner", "enterprise")
    await _post(owner, f"/api/enterprise/organisations/{org_id}/invitations")
    await given_out(app)
    endpoint_id = str(made["endpoint_id"])
    told = await root.get(f"/api/webhook-endpoints/{endpoint_id}/deliveries")
    return {"endpoint_id": endpoint_id, "event_id": told.json()["items"][0]["event_id"]}


async def _post(caller: Caller, path: str, **body: Any) -> dict[str, Any]:
    answer = await caller("POST", path, key=new_id("key"), json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())
