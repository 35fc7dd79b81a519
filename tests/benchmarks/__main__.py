"""`make bench`: measure what docs/performance.md says. Takes some minutes; bounded in count and time."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from api.embedded import EmbeddedPostgres
from ledger.store import migrate
from tests.benchmarks import (
    api_calls,
    courses,
    crashes,
    earnings,
    http,
    ids,
    leaderboards,
    licences,
    projections,
    ranks,
    seats,
    store,
    tokens,
    webhooks,
)
from tests.benchmarks.measure import Figure

Benchmark = Callable[[str], Awaitable[list[Figure]]]
"""Takes the owner's connection string of a fresh, migrated, durable database."""

BENCHMARKS: dict[str, Benchmark] = {
    "store": store.measure,
    "projections": projections.measure,
    "ids": ids.measure,
    "http": http.measure,
    "courses": courses.measure,
    "earnings": earnings.measure,
    "ranks": ranks.measure,
    "leaderboards": leaderboards.measure,
    "tokens": tokens.measure,
    "seats": seats.measure,
    "api_calls": api_calls.measure,
    "licences": licences.measure,
    "webhooks": webhooks.measure,
    "crashes": crashes.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all when none is given")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    names = arguments.names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    figures = [figure for name in names for figure in run(name)]
    if arguments.json:
        for figure in figures:
            sys.stdout.write(msgspec.json.encode(figure).decode() + "\n")
    else:
        report(figures)


def run(name: str) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="liberation-bench-") as folder,
        EmbeddedPostgres(Path(folder) / "data") as postgres,
    ):
        postgres.ensure_database("bench")
        url = postgres.url("bench")
        migrate(url)
        return asyncio.run(_awaited(BENCHMARKS[name](url)))


async def _awaited(figures: Awaitable[list[Figure]]) -> list[Figure]:
    return await figures


def report(figures: list[Figure]) -> None:
    table = Table("what", "measured", "against", "ratio", "goal", "")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:,.{0 if figure.value >= 100 else 1 if figure.value >= 1 else 2}f} {figure.unit}",
            figure.baseline,
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            figure.goal,
            {None: "", True: "met", False: "missed"}[figure.met],
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
