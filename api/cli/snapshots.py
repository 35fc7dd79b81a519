"""`snapshots`: folded streams that are kept to load long ones quickly."""

from __future__ import annotations

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import installation


@click.group()
def snapshots() -> None:
    """Folded streams, kept beside the facts. `replay --check` proves them."""


@snapshots.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option("--all", "everything", is_flag=True, help="Those of all streams.")
def drop(streams: tuple[str, ...], *, everything: bool) -> None:
    """Delete snapshots of the named streams, or of all.

    The facts are read instead until there are new ones. Running processes go on with what they have read:
    start them again where a snapshot was wrong. Exit 2 when a named stream has none; the others are deleted
    all the same.
    """
    from ledger.store import APPLICATION

    if everything == bool(streams):
        raise click.UsageError("Name the streams as `replay --check` does, or give --all.")
    with installation() as here, here.connect(APPLICATION) as conn:
        gone = [
            stream
            for (stream,) in conn.execute(
                "DELETE FROM snapshots WHERE stream = ANY(%s) OR %s RETURNING stream",
                (list(streams), everything),
            )
        ]
    click.echo(f"Dropped {len(gone)} {'snapshot' if len(gone) == 1 else 'snapshots'}.")
    if missing := [stream for stream in dict.fromkeys(streams) if stream not in gone]:
        raise CommandError(f"No snapshot is kept of {', '.join(missing)}.", UNUSABLE)
