"""`liberation demo`: make the history if there is none, then serve."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
import structlog

from api import log
from api.clock import SandboxClock
from api.demo.authors import teaching
from api.demo.board import top_ten
from api.demo.community import community, with_challenge
from api.demo.folder import Folder
from api.demo.instructors import opening
from api.demo.learners import learning
from api.demo.organisations import organisations
from api.demo.paying import Payroll
from api.demo.plan import DAYS, plan
from api.demo.story import Story, storytelling
from api.demo.subscribers import subscriptions
from api.demo.welcome import welcome
from api.sandbox.clock import ClockSetting
from api.sandbox.state import CLOCK, State
from api.serve.composition import composition_of, hurrying
from api.serve.database import open_database
from api.serve.node import serving
from api.serve.sandbox import Files
from api.serve.service import Running, announced, answering, surroundings
from api.serve.sockets import listen, port_of, url_of
from api.settings import Settings, SettingsError, load
from ledger.store import Reader, migrate

ShowProgress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Given what is done; what it yields is called with how far it is, and how far it goes."""

SETTLE_TIMEOUT_S = 30.0
POLL_S = 0.05

events = structlog.get_logger()


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """As asked for on the command line."""

    seed: int = 1
    scale: float = 1.0
    fresh: bool = False
    data_dir: Path | None = None


async def demo(asked: Demo, progress: ShowProgress) -> None:
    """Until it is cancelled. Raises `SettingsError` or a `LedgerError` when it cannot start."""
    settings = _settings(asked)
    folder = Folder(settings.data_dir)
    with folder.taken(), listen(settings.host, settings.port, or_next=True) as listener:
        url = url_of(settings.host, port_of(listener))
        if settings.port not in (0, port_of(listener)):
            click.echo(f"Port {settings.port} is taken, so this is {url}.", err=True)
        making = await asyncio.to_thread(_begin, settings, folder, asked)
        with _logging(settings, folder.log):
            async with surroundings(settings, url) as running:
                if making:
                    await _make(running, listener, asked, progress)
                    folder.set_mark("made", asked.seed, asked.scale)
                async with answering(running.settings, listener) as ended:
                    leading = await top_ten(running.settings)
                    announced(running, lambda running: click.echo(welcome(running, leading)))
                    await ended


def _settings(asked: Demo) -> Settings:
    settings = load()
    for name, value in (("DATABASE_URL", settings.database_url), ("STRIPE_API_KEY", settings.stripe_api_key)):
        if value:
            raise SettingsError(
                f"The demo brings its own database and Stripe: unset LIBERATION_{name}, "
                "or use `liberation serve`."
            )
    return msgspec.structs.replace(settings, data_dir=asked.data_dir or settings.data_dir)


def _begin(settings: Settings, folder: Folder, asked: Demo) -> bool:
    """Whether a history is to be made; then everything stands ready for it."""
    mark = folder.mark()
    if asked.fresh or (mark is not None and mark.state == "making"):
        if not asked.fresh:
            click.echo("The last time, making the history was interrupted: starting over.", err=True)
        folder.forget()
        mark = None
    if mark is not None or not _is_empty(settings):
        return False
    folder.forget()  # such as a sandbox whose clock stands at the present
    folder.set_mark("making", asked.seed, asked.scale)
    _put_sandbox_back(Files(settings.data_dir), asked.seed)
    return True


def _is_empty(settings: Settings) -> bool:
    """Somebody may have used the directory with `liberation serve`: their facts stay as they are."""
    try:
        with open_database(settings, make=False) as database:
            migrate(database.url, schema=settings.schema)
            with Reader(database.url, schema=settings.schema) as reader:
                return reader.head() == 0
    except SettingsError:
        return True  # there is no database at all


def _put_sandbox_back(files: Files, seed: int) -> None:
    """A sandbox's clock only goes forward, so that a new one is begun in the past."""
    files.webhook_secret()
    state = State(files.state, seed=f"demo-{seed}")
    try:
        setting = ClockSetting(offset_s=-DAYS * 86_400)
        state.store.set_meta(CLOCK, msgspec.json.encode(setting).decode())
    finally:
        state.close()


async def _make(running: Running, listener: socket.socket, asked: Demo, progress: ShowProgress) -> None:
    began = time.monotonic()
    end = datetime.now(UTC)
    planned = [*plan(asked.seed, asked.scale, end), *subscriptions(end), *teaching(end)]
    planned += [*learning(asked.seed, asked.scale, end), *opening(end), *community(end), *organisations(end)]
    actions = sorted(planned, key=lambda action: action.at)
    clock = SandboxClock(timedelta(days=-DAYS))
    # The whole history comes from one address in some seconds.
    settings = msgspec.structs.replace(
        running.settings, rate_limit_per_minute=10**9, rate_limit_burst=10**9, workers=1
    )
    payroll = Payroll()
    background = (hurrying, payroll.opened)
    composition = composition_of(settings, settings.database_url, background=background, clock=clock)
    composition.catalogue = with_challenge(composition.catalogue)
    click.echo(f"Making a history of {DAYS} days, through the API and the Stripe sandbox …", err=True)
    async with (
        serving(composition, listener),
        storytelling(settings, running.url, running.sandbox_url, clock, payroll.run) as story,
    ):
        try:
            with progress("making the history") as advance:
                await story.tell(actions, advance)
        except asyncio.CancelledError:
            click.echo("Interrupted: the next start makes the history anew.", err=True)
            raise
        await story.move_to(datetime.now(UTC), frozen=False)
        await _settled(story)
    click.echo(f"Made in {time.monotonic() - began:.0f} s.", err=True)


async def _settled(story: Story) -> None:
    """Until every webhook is delivered and applied. What takes longer is left to the service."""
    try:
        async with asyncio.timeout(SETTLE_TIMEOUT_S):
            while not await story.settled():  # noqa: ASYNC110  two services have no event to wait for
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        events.warning("demo_not_settled", after_s=SETTLE_TIMEOUT_S)


@contextmanager
def _logging(settings: Settings, file: Path) -> Iterator[None]:
    """The terminal is for the person in front of it."""
    with file.open("ab", buffering=0) as stream:
        log.configure(settings, stream)
        yield
        log.configure(settings)
