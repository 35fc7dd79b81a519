"""`policies`: what must follow facts, and from which fact on."""

from __future__ import annotations

import click

from api.cli.installation import installation
from api.cli.terminal import json_option, print_json, print_table

LIST = "SELECT name, starts_after + 1 FROM policies ORDER BY name"


@click.group()
def policies() -> None:
    """What must follow facts outside the ledger: list, backfill."""


@policies.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show each policy and the first fact that it is asked about.

    A policy that a new version brings starts with the facts that come after it.
    """
    with installation() as here, here.connect() as conn:
        found = conn.execute(LIST).fetchall()
    if as_json:
        print_json([{"name": name, "starts_at": starts_at} for name, starts_at in found])
        return
    print_table(("policy", "#starts at"), found, empty="No policy has begun here.")


@policies.command()
@click.argument("name")
@click.option(
    "--from",
    "first",
    type=click.IntRange(1),
    required=True,
    metavar="POSITION",
    help="The first fact to ask about.",
)
@click.option("--apply", "apply", is_flag=True, help="Do it; without, it is only shown.")
@json_option
def backfill(name: str, first: int, *, apply: bool, as_json: bool) -> None:
    """Ask the policy NAME about facts from before it started.

    Shows what it would have asked for, had it started at POSITION; with --apply, does it.
    What the policy has seen is never asked again. The effects go into the outbox, and the running worker
    delivers them.
    """
    from projections.outbox import backfill as run

    with installation() as here:
        done = run(here.url, name, first, schema=here.settings.schema, apply=apply)
    if as_json:
        print_json(done)
        return
    if done.first > done.last:
        click.echo(f"Nothing to do: {name} starts at {done.last + 1} already.")
        return
    print_table(
        ("effect", "#how many"),
        sorted(done.effects.items()),
        empty="These facts ask for nothing by this policy.",
    )
    span = f"the facts {done.first} to {done.last}"
    click.echo(
        f"{name} has been asked about {span}."
        if apply
        else f"Nothing was done. With --apply, {name} is asked about {span}."
    )
