"""All commands under one name, and what is common to them: how trouble is told."""

from __future__ import annotations

from typing import Any

import click

from api.cli.apikeys import apikey
from api.cli.books import export, replay
from api.cli.credentials import token
from api.cli.history import checkpoint, migrate, verify
from api.cli.outbox import outbox
from api.cli.revenue import recognise
from api.cli.service import demo, serve, worker
from api.cli.snapshots import snapshots
from api.cli.stripe import stripe
from api.cli.trouble import INTERRUPTED, Trouble, explained


class Commands(click.Group):
    """Turns what a person can act on into one line on stderr and an exit code; the rest is our own fault,
    and keeps its traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        with explained():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                raise Trouble("Interrupted.", INTERRUPTED) from None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 something was found, 2 what was given cannot be used, "
    "3 the database or Stripe cannot be reached.",
)
@click.version_option(package_name="liberation", message="%(package)s %(version)s")
def liberation() -> None:
    """An event-sourced ledger for the money side of a learning platform.

    Settings are environment variables, LIBERATION_…; without any, everything is kept in ./.liberation.
    """


for _command in (
    demo, serve, worker, migrate, token, apikey, verify, checkpoint, replay, recognise, export, outbox,
    snapshots, stripe,
):  # fmt: skip
    liberation.add_command(_command)
