"""`snapshots`: folded streams that are kept to load long ones quickly."""

from __future__ import annotations

import click

from api.cli.installation import installation


@click.group()
def snapshots() -> None:
    """Folded streams, kept beside the facts. `replay --check` proves them."""


@snapshots.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
def drop(streams: tuple[str, ...]) -> None:
    """Delete those of the named streams, or all; the facts are read instead until there are new ones.

    Running processes go on with what they have read: start them again where a snapshot was wrong.
    """
    from ledger.store import APPLICATION

    with installation() as here, here.connect(APPLICATION) as conn:
        gone = conn.execute(
            "DELETE FROM snapshots WHERE stream = ANY(%s) OR %s", (list(streams), not streams)
        ).rowcount
    click.echo(f"Dropped {gone} {'snapshot' if gone == 1 else 'snapshots'}.")
