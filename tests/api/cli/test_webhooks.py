"""`liberation webhooks`: what is on its way to others, and what was left."""

from __future__ import annotations

import asyncio
import json

import psycopg
from msgspec.structs import replace

from api.cli.webhooks import LISTENING
from ledger.message import Origin
from ledger.store import Store, conninfo
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.examples import initiate
from tests.ledger.test_endpoints import CREATE

ADMIN = Origin(actor="usr_admin", roles=frozenset({"admin"}))
LEFT = """
    INSERT INTO deliveries (endpoint_id, position, state, attempts, due_at, created_at, last_status,
    last_fault) SELECT 'whe_1', position, 'parked', 10, now(), now(), 400, 'refused' FROM public_events
    WHERE position > (SELECT position FROM endpoints WHERE endpoint_id = 'whe_1')
"""


async def recorded(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(replace(CREATE, command_id="cmd_endpoint"), ADMIN)
        await store.handle(initiate(), ADMIN)


def test_what_was_given_up_is_listed_and_sent_again(run: Run, ledger: str) -> None:
    assert "There are no endpoints." in run("webhooks", "list").stdout
    asyncio.run(recorded(ledger))
    project(ledger)
    with psycopg.connect(conninfo(ledger), autocommit=True) as connection:
        assert connection.execute(LEFT).rowcount == 1
    [listed] = json.loads(run("webhooks", "list", "--json").stdout)
    assert (listed["state"], listed["parked"], listed["pending"]) == ("enabled", 1, 0)
    assert "400 refused" in " ".join(run("webhooks", "deliveries").stdout.split())
    assert run("webhooks", "redeliver", "whe_1", "--since", "1h").stdout == "1 event is sent again.\n"
    assert "No delivery is parked." in run("webhooks", "deliveries").stdout
    [waits] = json.loads(run("webhooks", "deliveries", "--state", "pending", "--json").stdout)
    assert (waits["type"], waits["attempts"]) == ("payment.initiated", 0)
    unknown = run("webhooks", "redeliver", LISTENING, "--since", "1h")
    assert (unknown.exit_code, "webhooks list" in unknown.output) == (2, True)


def test_nothing_is_forwarded_elsewhere(run: Run, ledger: str) -> None:
    for url, why in (("http://10.0.0.1/", "public ones alone"), ("http://u:p@127.0.0.1/", "no user")):
        refused = run("webhooks", "listen", url)
        assert (refused.exit_code, why in refused.output) == (2, True), refused.output
    strange = run("webhooks", "listen", "http://127.0.0.1/", "--type", "payments.succeeded.v1")
    assert (strange.exit_code, "There is no event" in strange.output) == (2, True)
