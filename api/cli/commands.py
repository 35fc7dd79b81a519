"""All commands under one name, and what is common to them: how errors are told."""

from __future__ import annotations

import sys
from typing import Any

import click

from api.cli.accounts import accounts
from api.cli.apikeys import apikey
from api.cli.books import export, replay
from api.cli.coupons import coupons
from api.cli.courses import courses
from api.cli.credentials import token
from api.cli.disputes import disputes
from api.cli.doctor import doctor
from api.cli.email import email
from api.cli.ending import ending
from api.cli.errors import explained
from api.cli.history import checkpoint, migrate, verify
from api.cli.invoices import invoices
from api.cli.leaderboard import leaderboard
from api.cli.licence_keys import licence_keys
from api.cli.licences import licences
from api.cli.orders import orders
from api.cli.organisations import organisations
from api.cli.outbox import outbox
from api.cli.payouts import payouts
from api.cli.policies import policies
from api.cli.revenue import recognise
from api.cli.reviews import reviews
from api.cli.rewards import rewards
from api.cli.service import demo, serve, worker
from api.cli.snapshots import snapshots
from api.cli.streaks import streaks
from api.cli.stripe import stripe
from api.cli.tokens import tokens
from api.cli.webhooks import webhooks


class Commands(click.Group):
    """Turns what a person can act on into one line on stderr and an exit code; see `api.cli.ending`."""

    def main(self, *arguments: Any, **more: Any) -> Any:
        if not more.setdefault("standalone_mode", True):
            return super().main(*arguments, **more)
        with ending():
            # what `Context.exit` was given, or what the command returns, which is None
            code = super().main(*arguments, **(more | {"standalone_mode": False}))
        sys.exit(code)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with explained():  # --help and --version are printed here
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with explained():
            return super().invoke(ctx)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 checked, and something is wrong; 2 what was given cannot be used; "
    "3 the database or Stripe cannot be reached; 70 a fault of liberation's own; 130 interrupted; "
    "141 nobody read on. Only 1 speaks of the ledger.",
)
@click.version_option(package_name="liberation", message="%(package)s %(version)s")
def liberation() -> None:
    """An event-sourced ledger for the money side of a learning platform.

    Settings are environment variables, LIBERATION_…; without any, everything is kept in ./.liberation.
    """


for _command in (
    demo, serve, worker, migrate, token, apikey, verify, checkpoint, replay, recognise, export, outbox,
    policies, snapshots, courses, reviews, coupons, accounts, payouts, tokens, streaks, rewards, leaderboard,
    organisations, licences, licence_keys, orders, invoices, disputes, stripe, email, webhooks, doctor,
):  # fmt: skip
    liberation.add_command(_command)
