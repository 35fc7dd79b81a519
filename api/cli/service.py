"""`serve`, `worker`, `demo`: processes in the foreground."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from api.serve.service import Running


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes that answer requests.  [default: LIBERATION_WORKERS or 1]",
)
def serve(workers: int | None) -> None:
    """Run the API, projections and the worker in the foreground.

    Without LIBERATION_DATABASE_URL an embedded PostgreSQL runs in the data directory; without
    LIBERATION_STRIPE_API_KEY a Stripe sandbox runs beside it. Either is stopped in the end. Ctrl-C or SIGTERM
    lets requests and deliveries under way finish, a second one ends all at once.
    """
    from api import log
    from api.serve.service import serve as run
    from api.serve.stopping import until_stopped
    from api.settings import load

    settings = load()
    if workers is not None:
        settings = msgspec.structs.replace(settings, workers=workers)
    log.configure(settings)
    asyncio.run(until_stopped(run(settings, _announce), on_signal=_stopping))


@click.command()
def worker() -> None:
    """Run projections and the worker, for an API elsewhere."""
    from api import log
    from api.serve.service import work
    from api.serve.stopping import until_stopped
    from api.settings import load

    settings = load()
    log.configure(settings)
    asyncio.run(
        until_stopped(
            work(settings, lambda _: click.echo("The worker is running. Ctrl-C stops it.", err=True)),
            on_signal=_stopping,
        )
    )


@click.command()
@click.option("--fresh", is_flag=True, help="Forget the data directory and begin anew.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another history.")
@click.option(
    "--scale", type=click.FloatRange(0.02, 10), default=1.0, hidden=True, help="Of the history's size."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept.  [default: LIBERATION_DATA_DIR or .liberation]",
)
def demo(seed: int, scale: float, data_dir: Path | None, *, fresh: bool) -> None:
    """Run the service with a history to look at.

    It is five months long, made through the API and a Stripe sandbox. It is made once; the next time it goes
    on where it was. One that was interrupted is made anew.
    """
    from api.cli.terminal import progress
    from api.demo.run import Demo
    from api.demo.run import demo as run
    from api.serve.stopping import until_stopped

    asked = Demo(seed=seed, scale=scale, fresh=fresh, data_dir=data_dir)
    asyncio.run(until_stopped(run(asked, progress), on_signal=_stopping))


def _stopping() -> None:
    """Nobody may be there any more to read it."""
    with suppress(OSError):
        click.echo("Stopping … (Ctrl-C again ends at once)", err=True)


def _announce(running: Running) -> None:
    """To stderr: stdout has the log."""
    lines = [f"API      {running.url}", f"Docs     {running.url}/schema"]
    if running.sandbox_url:
        lines.append(f"Sandbox  {running.sandbox_url}")
    click.echo("\n".join(lines), err=True)
