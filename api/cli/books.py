"""`replay` and `export`: the tables that follow from history, checked and taken elsewhere."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from api.cli.errors import FOUND, CommandError
from api.cli.files import written
from api.cli.installation import Installation, installation
from api.cli.terminal import Day, is_terminal, json_option, print_json, print_table, progress

if TYPE_CHECKING:
    from ledger.store.proof import Proof
    from projections.engine.rebuild import Checked
    from projections.queries.ties import Untied, UntiedReceivable

FORMATS = ("hledger", "beancount", "csv")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--check",
    is_flag=True,
    help="Compare only, and prove all snapshots: exit 1 when live tables differ from rebuilt ones, a "
    "snapshot from its stream, or a user's tokens or an organisation's debt from what the books have.",
)
@json_option
def replay(names: tuple[str, ...], *, check: bool, as_json: bool) -> None:
    """Rebuild projections from the facts: those named, or all.

    They are built beside the live ones and take their place at once; the service may run meanwhile. Prints a
    digest of each table, which is the same wherever the same history was folded. The outbox is never rebuilt.

    The hash chain is verified on the way, up to the head: nothing is rebuilt or compared with a history that
    is not what was appended. The exit code is 1, and the first position that is wrong is named.
    """
    from ledger.errors import ChainBroken

    work = _check if check else _rebuild
    with installation() as here:
        try:
            work(here, names, as_json=as_json)
        except ChainBroken as broken:
            if as_json:
                found = {"position": broken.position, "detail": broken.detail}
                print_json({"equal": False, "broken": found} if check else {"broken": found})
            raise CommandError(
                f"{broken.detail}. Nothing was {'compared' if check else 'rebuilt'}: no table is made from a "
                "history that is not what was appended. What to do is in docs/operations.md.",
                FOUND,
            ) from broken


def _check(here: Installation, names: tuple[str, ...], *, as_json: bool) -> None:
    from projections.live import check

    with progress("verifying, folding") as advance:
        checked = check(here.url, names, schema=here.settings.schema, progress=advance)
    snapshots, loose = _prove_snapshots(here, names), _untied(here, names)
    owing = _untied_receivables(here, names)
    equal = not (checked.differences or snapshots.bad or loose or owing)
    if as_json:
        print_json({"equal": equal, "positions": checked.positions, "digests": checked.digests,
                    "differences": checked.differences, "snapshots": snapshots,
                    "untied": loose, "untied_receivables": owing})  # fmt: skip
    else:
        _show(checked)
        _show_snapshots(snapshots)
        _show_untied([*loose, *owing])
    click.get_current_context().exit(0 if equal else FOUND)


def _prove_snapshots(here: Installation, names: tuple[str, ...]) -> Proof:
    """None of them when only some projections were asked for."""
    from ledger.store.proof import Proof, prove_snapshots

    if names:
        return Proof(0, 0, ())
    with progress("proving snapshots") as advance, here.connect() as conn:
        return prove_snapshots(conn, on_progress=advance)


def _untied(here: Installation, names: tuple[str, ...]) -> list[Untied]:
    """Users whose tokens are not what the books have of them; none when only some projections were asked for,
    or when some are behind, which is no fault.
    """
    from projections.queries.ties import untied

    if names:
        return []
    with here.connect() as conn:
        return untied(conn) or []


def _untied_receivables(here: Installation, names: tuple[str, ...]) -> list[UntiedReceivable]:
    """The same of organisations, and what they owe."""
    from projections.queries.ties import untied_receivables

    if names:
        return []
    with here.connect() as conn:
        return untied_receivables(conn) or []


def _show_untied(loose: list[Untied | UntiedReceivable]) -> None:
    for one in loose:
        click.echo(f"{one.said} `liberation replay` puts right what was folded wrongly.", err=True)


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
        ("table", "sha256", "as rebuilt"),
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
    from projections.engine.digest import digests
    from projections.live import rebuild
    from projections.registry import TABLES, rebuildable

    chosen = rebuildable(names)
    with progress("verifying, folding") as advance:
        position = rebuild(here.url, names, schema=here.settings.schema, progress=advance)
    tables = tuple(table for name in chosen for table in TABLES[name])
    with here.connect() as conn, conn.transaction(), conn.cursor() as cursor:
        found = digests(cursor, tables)
    if as_json:
        print_json({"position": position, "projections": chosen, "digests": found})
        return
    print_table(("table", "sha256"), found.items(), empty="Nothing to rebuild.")
    click.echo(f"Rebuilt {', '.join(chosen)} from {position} events.")


@click.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    required=True,
    metavar="FORMAT",
    help="hledger, beancount or csv.",
)
@click.option(
    "--from", "since", type=Day(), help="The first day (UTC); what was before is one opening entry."
)
@click.option("--to", "until", type=Day(), help="The day (UTC) before which it ends.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file, instead of standard output."
)
def export(
    format_: Literal["hledger", "beancount", "csv"],
    since: datetime | None,
    until: datetime | None,
    out: Path | None,
) -> None:
    """Write the journal for another program to check.

    Such as `hledger check --strict` or `bean-check`. With dates, an entry counts by when it happened (its
    effective time, UTC): a year is --from 2026-01-01 --to 2027-01-01. What was before --from is one entry
    of the day before, so that balances are those of the trial balance when the last day ends.
    """
    from ledger.store import AUDITOR
    from projections.queries.export import Period
    from projections.queries.export import export as pieces

    if since and until and since >= until:
        raise click.UsageError("--from must be before --to, which is the first day that is left out.")
    with ExitStack() as stack:
        conn = stack.enter_context(stack.enter_context(installation()).connect(AUDITOR))
        silent = out is None and is_terminal(sys.stdout)  # the journal itself moves there
        advance = stack.enter_context(progress("exporting", silent=silent))
        file = None if out is None else stack.enter_context(written(out, replace=True))
        for piece in pieces(conn, format_, Period(since, until), advance):
            click.echo(piece, file=file, nl=False)
    if out is not None:
        click.echo(f"Wrote {out}.", err=True)
