"""What commands print: JSON for machines, tables for people, progress on stderr while they wait."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

Progress = Callable[[int, int], None]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")

_PIPED_WIDTH = 200
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType[timedelta]):
    """Such as `90s`, `15m`, `12h` or `30d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        number, unit = value[:-1], value[-1:]
        if unit in _UNITS_S and number.isascii() and number.isdigit() and 0 < int(number) <= 10**6:
            return timedelta(seconds=int(number) * _UNITS_S[unit])
        return self.fail(f"{value!r} is no duration: write 90s, 15m, 12h or 30d.", param, ctx)


def print_json(value: Any) -> None:
    import msgspec

    click.echo(msgspec.json.encode(value, enc_hook=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """`empty` is said when there are no rows. Columns named with a `#` in front are numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip("#"), justify="right" if column.startswith("#") else "left")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    if not table.row_count:
        click.echo(empty)
        return
    terminal = sys.stdout.isatty()
    Console(width=None if terminal else _PIPED_WIDTH, markup=False, highlight=False).print(table)


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Yields `advance(done, total)`, from any thread; silent unless stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
