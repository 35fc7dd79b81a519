"""What commands print: JSON for machines, tables for people, progress on stderr while they wait."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TextIO

import click

Progress = Callable[[int, int], None]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")

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


class Day(click.ParamType[datetime]):
    """A date, such as 2026-12-31; its first moment in UTC."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return self.fail(f"{value!r} is no date: write 2026-12-31.", param, ctx)


class Month(click.ParamType[date]):
    """A month, such as 2026-12; its first day."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC).date()
        except ValueError:
            return self.fail(f"{value!r} is no month: write 2026-12.", param, ctx)


class MinorUnits(click.ParamType[int]):
    """An amount, such as 150 for 1.50 USD."""

    name = "minor units"
    DIGITS = 18
    """Of the longest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if value.isascii() and value.isdigit() and len(value) <= self.DIGITS and int(value):
            return int(value)
        return self.fail(f"{value!r} is no amount in minor units: write 150 for 1.50 USD.", param, ctx)


def print_json(value: Any) -> None:
    import msgspec

    click.echo(msgspec.json.encode(value, enc_hook=str))


def is_terminal(stream: TextIO | None) -> bool:
    """There is none where it was closed before we came."""
    return stream is not None and stream.isatty()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """`empty` is said when there are no rows. Columns named with a `#` in front are numbers.

    Nothing is cut, as half a digest is none: where a terminal is too narrow, each row is a block of lines.
    """
    cells = [[" ".join(str(cell).split()) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    table = _table(columns, cells)
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    if width is not None and max(map(len, table)) > width:
        table = _blocks([column.lstrip("#") for column in columns], cells, width)
    else:
        table[0] = click.style(table[0], bold=True)
    click.echo("\n".join(table))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for the columns' names, then one for each row."""
    names = [column.lstrip("#") for column in columns]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    places = [
        f"{{:{'>' if column.startswith('#') else '<'}{width}}}"
        for column, width in zip(columns, widths, strict=True)
    ]
    return ["  ".join(places).format(*line).rstrip() for line in (names, *rows)]


def _blocks(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The first cell of each row heads the others, which stand below it. Long texts are broken at blanks."""
    indent = 2 + max(map(len, names)) + 2
    lines: list[str] = []
    for head, *rest in rows:
        lines.append(click.style(head, bold=True))
        for name, cell in zip(names[1:], rest, strict=True):
            lines += textwrap.wrap(
                cell,
                max(width, indent + 20),
                initial_indent=f"  {name}".ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines


@contextmanager
def progress(label: str, *, silent: bool = False) -> Iterator[Progress]:
    """Yields `advance(done, total)`, from any thread; `silent` also when stderr is no terminal."""
    if silent or not is_terminal(sys.stderr):
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
