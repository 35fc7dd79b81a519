"""A ledger is restored to an earlier time, and takes up what Stripe has and it lacks, after showing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from api.clock import SandboxClock
from api.stripe.adopting.run import Report, adopt
from api.stripe.delivery import Tools
from ledger.store import Store
from tests.api.support import Running
from tests.flows.restored import OURS, House, admin, caught_up, house, in_books, student

__all__ = ["house"]
pytestmark = pytest.mark.postgres

SHOWN = (
    "/api/payments/history",
    "/api/invoices",
    "/api/subscriptions/current",
    "/api/payment-methods",
)


async def begun(app: Running) -> None:
    """Before the backup: an older payment, and a subscription."""
    assert (await student(app).pay("pm_card_visa", amount_minor=2_000)).status_code == 201
    assert (await student(app).subscribe("pro", "pm_card_visa")).status_code == 201
    await caught_up(app)


async def went_on(app: Running) -> None:
    """After the backup: a bit of everything, of things old and new."""
    ann, ben = student(app), app.caller("usr_ben", "student")
    [older] = (await ann.get("/api/payments/history")).json()["items"]
    assert (await ann.refund(older["payment_id"], amount_minor=700)).status_code == 201
    [invoice] = (await ann.get("/api/invoices")).json()["items"]
    credit = {"amount_minor": 400, "note": "asked for"}
    path = f"/api/invoices/{invoice['invoice_id']}/credit"
    assert (await admin(app)("POST", path, key="credit", json=credit)).status_code == 201
    assert (await ben.pay("pm_card_visa", amount_minor=4_321, save_payment_method=True)).status_code == 201
    assert (await ben.subscribe("enterprise", "pm_card_visa")).status_code == 201
    card = {"payment_method": "pm_card_mastercard"}
    assert (await ann("POST", "/api/payment-methods", key="card", json=card)).status_code == 201
    opened = await app.caller("usr_ivy", "instructor")(
        "POST", "/api/instructor/account", key="open", json={"country": "US"}
    )
    assert opened.status_code == 201, opened.text
    await caught_up(app)


async def of_others(house: House, ledger_id: str) -> None:
    """Another ledger's payment, one of a version that named none, and another integration's."""
    names: list[dict[str, str]] = [
        {"payment_id": "pay_theirs", "ledger_id": f"not-{ledger_id}", "user_id": "usr_ann"},
        {"payment_id": "pay_long_ago", "user_id": "usr_ann"},
        {},
    ]
    for metadata in names:
        await house.client.v1.payment_intents.create_async(
            {
                "amount": 5_000,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": metadata,
            }
        )


@asynccontextmanager
async def lacking(house: House, url: str) -> AsyncIterator[Tools]:
    """The ledger by itself: nobody else runs it."""
    async with Store.open(url) as store:
        yield Tools(store, house.client, SandboxClock())


async def looked(tools: Tools, *, apply: bool = False) -> Report:
    return await adopt(tools, tools.clock.now() - timedelta(days=1), apply=apply)


def found(report: Report, result: str) -> Counter[str]:
    return Counter(line.kind for line in report.lines if line.result == result)


async def shown(app: Running) -> list[Any]:
    """What Ann and Ben see, without what only the ledger knew."""
    await app.projected()
    callers = (student(app), app.caller("usr_ben", "student"))
    answers = [(await caller.get(path)).json() for caller in callers for path in SHOWN]
    return [without(answer) for answer in answers]


OWN = {"note", "description", "catalogue_version", "url", "position", "payment_method"}
"""What only the ledger knew, or knows by its own clock, as all that ends in `_at`."""


def without(value: Any) -> Any:
    match value:
        case dict():
            kept = {name for name in value if name not in OWN and not name.endswith("_at")}
            return {name: without(value[name]) for name in kept}
        case list():
            return [without(part) for part in value]
        case _:
            return value


async def test_what_is_lacking_is_shown_then_taken_up_and_found_no_more(house: House) -> None:
    async with house.running(house.database_url) as app:
        await begun(app)
    backup = house.backup()
    async with house.running(house.database_url) as app:
        await went_on(app)
        before = await shown(app)
        expected = await in_books(app, OURS)
        await of_others(house, app.services.store.ledger_id)
    async with lacking(house, backup) as tools:
        head = await tools.store.head()
        rehearsed = await looked(tools)
        assert await tools.store.head() == head, "it is only shown"
        assert found(rehearsed, "lacking") == {
            "customer": 1,
            "payment": 2,
            "subscription": 1,
            "invoice": 2,
            "saved card": 1,
            "connected account": 1,
        }
        assert rehearsed.of_others == 1
        [cannot] = [line for line in rehearsed.lines if line.result == "cannot"]
        assert (cannot.our_id, "names no ledger" in cannot.why) == ("pay_long_ago", True)

        taken = await looked(tools, apply=True)
        assert found(taken, "taken_up") == found(rehearsed, "lacking")
        assert [line.facts for line in taken.lines] == [line.facts for line in rehearsed.lines]
        for fact in await tools.store.read(head, 1_000):
            assert (fact.metadata.actor, fact.metadata.causation_id) == ("operator", "adopt")
        again = await looked(tools, apply=True)
        assert [line.our_id for line in again.lines] == ["pay_long_ago"], "nothing else is found twice"
    did = await house.did()
    async with house.running(backup) as app:
        await app.projected()
        assert await in_books(app, OURS) == expected
        assert await shown(app) == before
    assert await house.did() == did, "nothing is done at Stripe for it"
