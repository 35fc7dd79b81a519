"""All checks, in the order in which they are told."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import psycopg

from api.clock import SystemClock
from api.doctor import (
    books,
    credentials,
    database,
    licence_keys,
    mail,
    payouts,
    place,
    plans,
    stripe,
    subscriptions,
    webhooks,
    work,
)
from api.doctor.finding import Finding, wrong
from api.embedded import EmbeddedPostgresError
from api.serve.database import FOLDER, open_database
from api.settings import Settings, SettingsError
from api.stripe.client import open_stripe
from ledger.store import conninfo

STRIPE_TIMEOUT_S = 10.0


def examine(settings: Settings) -> list[Finding]:
    """Never raises for what it is asked to find."""
    return [
        *_database(settings),
        *asyncio.run(_outside(settings)),
        *place.disks((settings.data_dir, settings.data_dir / FOLDER)),
        place.folder(settings.data_dir, live=settings.live),
        place.secrets(settings.data_dir, os.environ),
        mail.examine(settings),
    ]


def _database(settings: Settings) -> list[Finding]:
    try:
        with open_database(settings, make=False) as opened:
            found = database.examine(opened.url, settings.schema, live=settings.live)
            found += asyncio.run(work.examine(opened.url, settings.schema))
            return found + _told_by_tables(opened.url, settings.schema)
    except (SettingsError, EmbeddedPostgresError) as error:
        todo = "Run `liberation serve` or `liberation migrate`, or set LIBERATION_DATABASE_URL."
        return [wrong("database", str(error), todo)]


def _told_by_tables(url: str, schema: str) -> list[Finding]:
    try:
        conn: psycopg.Connection[Any]
        with psycopg.connect(conninfo(url, schema=schema, name="doctor"), autocommit=True) as conn:
            return [
                webhooks.deliveries(conn),
                books.tokens(conn),
                books.receivables(conn),
                subscriptions.followed(conn),
            ]
    except psycopg.Error:
        return []  # as with `work`, which is told before


async def _outside(settings: Settings) -> list[Finding]:
    return [
        *await _stripe(settings),
        webhooks.reached_at(settings),
        webhooks.secret(settings),
        *await credentials.examine(settings),
        plans.examine(settings),
        licence_keys.examine(settings, SystemClock().now()),
    ]


async def _stripe(settings: Settings) -> list[Finding]:
    if not settings.stripe_api_key:
        return [stripe.none(settings)]
    async with open_stripe(
        settings.stripe_api_key,
        api_base=settings.stripe_api_base,
        timeout_s=STRIPE_TIMEOUT_S,
        max_network_retries=1,
    ) as client:
        found = stripe.examine(settings, await stripe.probe_all(client))
        if any(finding.level == "wrong" and finding.check in ("stripe", "stripe.key") for finding in found):
            return found
        return [*found, await payouts.examine(client), *await webhooks.endpoints(client, settings)]
