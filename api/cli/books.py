"""`replay` and `export`: the tables that follow from history, checked and taken elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table, progress
from api.cli.trouble import FOUND, unwritable

if TYPE_CHECKING:
    from ledger.store.proof import Proof
    from projections.rebuild import Checked

FORMATS = ("hledger", "beancount", "csv")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--check",
    is_flag=True,
    help="Compare only, and prove all snapshots: exit 1 when live tables differ from rebuilt ones, or a "
    "snapshot from its stream.",
)
@json_option
def replay(names: tuple[str, ...], *, check: bool, as_json: bool) -> None:
    """Rebuild projections from the facts: those named, or all.

    They are built beside the live ones and take their place at once; the service may run meanwhile. Prints a
    digest of each table, which is the same wherever the same history was folded. The outbox is never rebuilt.
    """
    with installation() as here:
        if check:
            _check(here, names, as_json=as_json)
        else:
            _rebuild(here, names, as_json=as_json)


def _check(here: Installation, names: tuple[str, ...], *, as_json: bool) -> None:
    from projections.rebuild import check

    with progress("folding") as advance:
        checked = check(here.url, names, schema=here.settings.schema, progress=advance)
    snapshots = _prove_snapshots(here, names)
    equal = not (checked.differences or snapshots.bad)
    if as_json:
        print_json({"equal": equal, "positions": checked.positions, "digests": checked.digests,
                    "differences": checked.differences, "snapshots": snapshots})  # fmt: skip
    else:
        _show(checked)
        _show_snapshots(snapshots)
    click.get_current_context().exit(0 if equal else FOUND)


def _prove_snapshots(here: Installation, names: tuple[str, ...]) -> Proof:
    """None of them when only some projections were asked for."""
    from ledger.store.proof import Proof, prove_snapshots

    if names:
        return Proof(0, 0, ())
    with progress("proving snapshots") as advance, here.connect() as conn:
        return prove_snapshots(conn, on_progress=advance)


def _show_snapshots(proof: Proof) -> None:
    if proof.proved or proof.outdated:
        click.echo(
            f"Snapshots: {proof.proved} equal to a replay of their streams, {proof.outdated} outdated."
        )
    for bad in proof.bad:
        click.echo(
            f"The snapshot of {bad.stream} at version {bad.version} {bad.why}. `liberation snapshots drop "
            f"{bad.stream}` removes it and loses nothing; then start the service again.",
            err=True,
        )


def _show(checked: Checked) -> None:
    different = {difference.table for difference in checked.differences}
    print_table(
        ("table", "sha256 of its rows", "live = rebuilt"),
        ((name, digest, "no" if name in different else "yes") for name, digest in checked.digests.items()),
        empty="Nothing to compare.",
    )
    for difference in checked.differences:
        click.echo(
            f"{difference.table} ({difference.projection}) is not what the facts up to position "
            f"{difference.position} say. `liberation replay {difference.projection}` puts it right.",
            err=True,
        )


def _rebuild(here: Installation, names: tuple[str, ...], *, as_json: bool) -> None:
    from projections.digest import digests
    from projections.rebuild import rebuild
    from projections.registry import PROJECTIONS, rebuildable

    chosen = rebuildable(names)
    with progress("folding") as advance:
        position = rebuild(here.url, names, schema=here.settings.schema, progress=advance)
    tables = tuple(sheet.table for name in chosen for sheet in PROJECTIONS[name]().sheets)
    with here.connect() as conn, conn.transaction(), conn.cursor() as cursor:
        found = digests(cursor, tables)
    if as_json:
        print_json({"position": position, "projections": chosen, "digests": found})
        return
    print_table(("table", "sha256 of its rows"), found.items(), empty="Nothing to rebuild.")
    click.echo(f"Rebuilt {', '.join(chosen)} from {position} events.")


@click.command()
@click.option("--format", "format_", type=click.Choice(FORMATS), required=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file, instead of standard output."
)
def export(format_: Literal["hledger", "beancount", "csv"], out: Path | None) -> None:
    """Write the whole journal for another program to check: hledger check --strict, bean-check."""
    from ledger.store import AUDITOR
    from projections.export import export as pieces

    with installation() as here, here.connect(AUDITOR) as conn:
        if out is None:
            for piece in pieces(conn, format_):
                click.echo(piece, nl=False)
            return
        try:
            with out.open("w", encoding="utf-8", newline="") as file:
                file.writelines(pieces(conn, format_))
        except OSError as error:
            raise unwritable(out, error) from error
    click.echo(f"Wrote {out}.", err=True)
