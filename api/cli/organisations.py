"""`organisations`: which there are, and who is in them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.organisations.reads import EveryOrganisation
    from api.organisations.resources import Member

LIMIT = 1_000


@click.group()
def organisations() -> None:
    """Organisations, and who is in them."""


@organisations.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show organisations, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, None))
    if as_json:
        print_json(found)
        return
    print_table(
        ("organisation", "name", "#members", "#licences", "created", ""),
        (
            (
                one.org_id,
                one.name,
                one.members,
                one.licences,
                f"{one.created_at:%Y-%m-%d}",
                "closed" if one.closed else "",
            )
            for one in found
        ),
        empty="There is no organisation.",
    )


@organisations.command()
@click.argument("org_id", metavar="ORG")
@json_option
def show(org_id: str, *, as_json: bool) -> None:
    """Show an organisation, and its members with their roles. Exit 2 when there is no such."""
    with installation() as here:
        one, members = asyncio.run(_shown(here, org_id))
    if as_json:
        print_json({"organisation": one, "members": members})
        return
    closed = ", closed" if one.closed else ""
    click.echo(f"{one.org_id}  {one.name}{closed}, {one.members} members, {one.licences} licences")
    print_table(
        ("user", "role", "joined"),
        ((each.user_id, each.role, f"{each.joined_at:%Y-%m-%d %H:%M}") for each in members),
        empty="Nobody is in it.",
    )


async def _found(here: Installation, org_id: str | None) -> list[EveryOrganisation]:
    from psycopg import AsyncConnection

    from api.http.paging import LARGEST
    from api.organisations.reads import EVERY, EveryOrganisation, found

    of = {"org_id": org_id, "before": LARGEST, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return await found(conn, EVERY, of, EveryOrganisation)


async def _shown(here: Installation, org_id: str) -> tuple[EveryOrganisation, list[Member]]:
    from psycopg import AsyncConnection

    from api.http.paging import LARGEST
    from api.organisations.reads import MEMBERS, found
    from api.organisations.resources import Member
    from ledger.errors import NotFound

    one = await _found(here, org_id)
    if not one:
        raise NotFound(
            f"There is no organisation {org_id!r:.80}; `liberation organisations list` names them."
        )
    of = {"org_id": org_id, "before": LARGEST, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return one[0], await found(conn, MEMBERS, of, Member)
