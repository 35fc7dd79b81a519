"""`webhooks`: endpoints of others and what is sent to them; and events forwarded to a program on this
machine.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.terminal import Duration, json_option, print_json, print_table

if TYPE_CHECKING:
    from api.endpoints.transport import Transport

LISTENING: Final = "whe_listen"
"""The id by which the secret of `listen` is made: the same each time, of one installation."""
LIMIT: Final = 1_000
POLL_S = 0.25
_LIST: Final = """
    SELECT t.endpoint_id, t.org_id, t.url, CASE WHEN t.disabled = '' THEN 'enabled' ELSE t.disabled END AS
    state, q.failing_since, count(d.position) FILTER (WHERE d.state = 'pending') AS pending, count(d.position)
    FILTER (WHERE d.state = 'parked') AS parked, count(d.position) FILTER (WHERE d.state = 'uncertain') AS
    uncertain FROM endpoints AS t LEFT JOIN delivery_queues AS q USING (endpoint_id) LEFT JOIN deliveries AS d
    ON d.endpoint_id = t.endpoint_id AND d.state <> 'delivered' WHERE t.deleted_at IS NULL GROUP BY
    t.endpoint_id, q.failing_since ORDER BY t.position
"""
_DELIVERIES: Final = """
    SELECT d.endpoint_id, e.event_id, e.type, d.position, d.state, d.attempts, d.last_status, d.last_fault,
        d.last_attempt_at
    FROM deliveries AS d
    JOIN public_events AS e USING (position)
    WHERE d.state = %(state)s AND (%(endpoint_id)s::text IS NULL OR d.endpoint_id = %(endpoint_id)s)
    ORDER BY d.position, d.endpoint_id
    LIMIT %(limit)s
"""
_REDELIVER: Final = """
    UPDATE deliveries AS d
    SET state = 'pending', attempts = 0, due_at = %(now)s, delivered_at = NULL
    FROM public_events AS e
    WHERE e.position = d.position AND d.endpoint_id = %(endpoint_id)s
        AND d.state = ANY(%(states)s) AND e.recorded_at >= %(since)s
"""
_KNOWN: Final = "SELECT 1 FROM endpoints WHERE endpoint_id = %s AND deleted_at IS NULL"
_LAST: Final = "SELECT coalesce(max(position), 0) FROM public_events"


@click.group()
def webhooks() -> None:
    """Webhooks to others: endpoints, deliveries, listen."""


@webhooks.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show endpoints, and how many deliveries wait or were left."""
    with installation() as here:
        found = _rows(here, _LIST)
    if as_json:
        print_json(found)
        return
    print_table(
        ("endpoint", "organisation", "url", "state", "failing since", "#pending", "#parked", "#uncertain"),
        (
            [
                one["endpoint_id"],
                one["org_id"],
                one["url"],
                one["state"],
                _minute(one["failing_since"]),
                one["pending"],
                one["parked"],
                one["uncertain"],
            ]
            for one in found
        ),
        empty="There are no endpoints.",
    )


@webhooks.command()
@click.option(
    "--state",
    type=click.Choice(["pending", "parked", "uncertain", "delivered"]),
    default="parked",
    show_default=True,
)
@click.option("--endpoint", "endpoint_id", help="Of one endpoint alone, by its id.")
@json_option
def deliveries(state: str, endpoint_id: str | None, *, as_json: bool) -> None:
    """Show deliveries by their state, the oldest event first."""
    with installation() as here:
        asked = {"state": state, "endpoint_id": endpoint_id, "limit": LIMIT}
        found = _rows(here, _DELIVERIES, asked)
    if as_json:
        print_json(found)
        return
    print_table(
        ("endpoint", "event", "type", "#tries", "answer", "last try"),
        (
            [
                one["endpoint_id"],
                one["event_id"],
                one["type"],
                one["attempts"],
                " ".join(filter(None, (str(one["last_status"] or ""), one["last_fault"]))),
                _minute(one["last_attempt_at"]),
            ]
            for one in found
        ),
        empty=f"No delivery is {state}.",
    )


@webhooks.command()
@click.argument("endpoint_id")
@click.option("--since", type=Duration(), required=True, help="How far back, such as 3d.")
@click.option("--all", "everything", is_flag=True, help="Also what was delivered.")
@json_option
def redeliver(endpoint_id: str, since: timedelta, *, everything: bool, as_json: bool) -> None:
    """Send what was given up or is uncertain again."""
    states = ["parked", "uncertain", *(["delivered"] if everything else [])]
    now = datetime.now(UTC)
    with installation() as here, here.connect() as conn:
        if conn.execute(_KNOWN, (endpoint_id,)).fetchone() is None:
            raise CommandError(f"There is no endpoint {endpoint_id}: see `webhooks list`.", UNUSABLE)
        asked = {"now": now, "endpoint_id": endpoint_id, "states": states, "since": now - since}
        events = conn.execute(_REDELIVER, asked).rowcount
    if as_json:
        print_json({"events": events})
    else:
        click.echo(f"{events} events are sent again." if events != 1 else "1 event is sent again.")


@webhooks.command()
@click.argument("url")
@click.option("--type", "types", multiple=True, help="Of this name alone; may be repeated.")
def listen(url: str, types: tuple[str, ...]) -> None:
    """Forward events to a program on this machine, for development.

    What happens from now on, as long as this runs, signed as webhooks are, by the secret that is shown.
    Nothing is tried again. Refused where real money moves.
    """
    from api.endpoints.addresses import host_fault, url_fault
    from ledger.public_events.catalogue import TYPES

    if strange := set(types) - TYPES:
        raise CommandError(f"There is no event {min(strange)!r}: see docs/guides/webhooks.md.", UNUSABLE)
    with installation() as here:
        if here.settings.live:
            raise CommandError("`webhooks listen` is for development: here real money moves.", UNUSABLE)
        fault = url_fault(url, loopback=True) or asyncio.run(host_fault(url, loopback=True))
        if fault:
            raise CommandError(f"{url} {fault}.", UNUSABLE)
        asyncio.run(_listen(here, url, list(types) or None))


async def _listen(here: Installation, url: str, types: list[str] | None) -> None:
    from psycopg import AsyncConnection

    from api.endpoint_secrets import EndpointSecrets
    from api.endpoints.transport import Transport
    from api.events.reading import events_after
    from ledger.endpoints.state import SecretName

    secrets = EndpointSecrets(here.settings)
    name = SecretName(1, secrets.key_id)
    click.echo(f"Forwarding to {url}. Its secret is {secrets.secret(LISTENING, name)}", err=True)
    async with (
        Transport(loopback=True) as transport,
        await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn,
    ):
        last = await (await conn.execute(_LAST)).fetchone()
        after = int(last[0]) if last else 0
        while True:
            found, after = await events_after(conn, after, LIMIT, types=types, orgs=None)
            for event in found:
                await _forward(transport, secrets, name, url, event)
            await asyncio.sleep(POLL_S)


async def _forward(transport: Transport, secrets: Any, name: Any, url: str, event: Any) -> None:
    import msgspec

    from api.endpoints.sender import headers_of
    from api.events.resources import item_of

    body, now = msgspec.json.encode(item_of(event)), datetime.now(UTC)
    signature = secrets.signatures(LISTENING, (name,), event.event_id, now, body)
    answer = await transport.post(url, headers_of(event.event_id, int(now.timestamp()), signature), body)
    click.echo(f"{event.position} {event.type} {answer.status or answer.fault}")


def _rows(here: Installation, query: Any, arguments: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with here.connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, arguments).fetchall()


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
