"""`apikey`: credentials of services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from api.cli.installation import installation
from api.cli.terminal import Duration, json_option, print_json, print_table

LIST: Final = """
    SELECT key_id, name, roles, created_at, expires_at, revoked_at, licence_id, scopes
    FROM api_keys
    ORDER BY created_at, key_id
"""


@click.group()
def apikey() -> None:
    """API keys of services: create, list, revoke."""


@apikey.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=("service",),
    show_default=True,
    help="What it may do; may be repeated.",
)
@click.option(
    "--scope", "scopes", multiple=True, help="All that it is for, as payments:read; may be repeated."
)
@click.option("--ttl", type=Duration(), help="How long it is good for; without it, until revoked.")
@click.option("--licence", help="An organisation's, which its calls are counted on.")
@json_option
def create(
    name: str,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    ttl: timedelta | None,
    licence: str | None,
    *,
    as_json: bool,
) -> None:
    """Make a key for the service NAME and show it, this one time."""
    from api.http.api_keys import create_api_key

    expires_at = None if ttl is None else datetime.now(UTC) + ttl
    with installation() as here, here.connect() as conn:
        made = create_api_key(conn, name, roles, expires_at, licence, scopes)
    if as_json:
        print_json(
            {
                "key_id": made.key_id,
                "key": made.key,
                "roles": sorted(roles),
                "expires_at": expires_at,
                "licence_id": licence,
                "scopes": sorted(scopes),
            }
        )
        return
    click.echo(made.key)
    click.echo(f"Its id is {made.key_id}. Keep the key now: it cannot be shown again.", err=True)


@apikey.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show all keys, by id; the keys themselves are not stored."""
    with installation() as here, here.connect() as conn:
        cursor = conn.execute(LIST)
        names = [column.name for column in cursor.description or ()]
        found: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in cursor]
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "name", "roles", "scopes", "licence", "created", "state"),
        (
            [
                key["key_id"],
                key["name"],
                " ".join(key["roles"]),
                " ".join(key["scopes"]),
                key["licence_id"] or "",
                _day(key["created_at"]),
                _state(key),
            ]
            for key in found
        ),
        empty="There are no API keys.",
    )


@apikey.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """End the key KEY_ID: within seconds in every process."""
    from api.http.api_keys import revoke_api_key

    with installation() as here, here.connect() as conn:
        revoke_api_key(conn, key_id)
    click.echo(f"{key_id} is revoked.")


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {_day(key['revoked_at'])}"
    if key["expires_at"] is None:
        return "valid"
    return (
        f"{'expired' if key['expires_at'] <= datetime.now(UTC) else 'valid until'} {_day(key['expires_at'])}"
    )


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
