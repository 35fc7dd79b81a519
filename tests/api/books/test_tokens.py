"""Tokens in the books over HTTP: breakage by month and rule, and what is outstanding at its value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.message import Command, Origin
from ledger.rewards import Value
from tests.api.support import Caller, Running, problem
from tests.ledger.examples import DAY
from tests.ledger.token_examples import award, penalise, redeem, settle

SYSTEM = Origin(actor="worker", roles=frozenset({"system", "admin"}))
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
BREAKAGE = "/api/ledger/tokens/breakage"
LIABILITY = "/api/ledger/tokens/liability"


async def recorded(app: Running, *commands: Command) -> None:
    for command in commands:
        await app.services.store.handle(command, SYSTEM)
    await app.projected()


async def test_breakage_is_told_by_month_and_rule(app: Running, admin: Caller, service: Caller) -> None:
    await recorded(app, award(100, "a", expires_at=APRIL), redeem(30), penalise(90), settle(days=31))
    items = (await admin.get(f"{BREAKAGE}?first=2026-02&last=2026-04")).json()["items"]
    assert [(one["month"], one["opening"], one["closing"]) for one in items] == [
        ("2026-02", 0, 0),
        ("2026-03", 0, -20),
        ("2026-04", -20, -20),
    ]
    march = items[1]
    assert (march["awarded"], march["redeemed"], march["penalised"]) == (100, 30, 90)
    owed, courses = march["rules"]
    assert (owed["rule"], owed["penalised"], owed["closing"]) == (None, 20, -20)
    assert (courses["rule"], courses["penalised"], courses["closing"]) == ("course_completed", 70, 0)
    assert (await service.get(BREAKAGE)).status_code == 200


async def test_breakage_without_bounds_is_the_year_that_ends_now(app: Running, admin: Caller) -> None:
    items = (await admin.get(BREAKAGE)).json()["items"]
    assert len(items) == 12
    assert items[-1]["month"] == f"{app.services.now():%Y-%m}"
    first = (await admin.get(f"{BREAKAGE}?first=0001-01&last=0001-01")).json()["items"]
    last = (await admin.get(f"{BREAKAGE}?last=9999-12")).json()["items"]
    assert [one["month"] for one in (*first, last[0], last[-1])] == ["0001-01", "9999-01", "9999-12"]
    assert len((await admin.get(f"{BREAKAGE}?last=0001-03")).json()["items"]) == 3


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("first=2026-13", "first"),
        ("first=0000-01", "first"),
        ("last=march", "last"),
        ("last=2026-03-01", "last"),
        ("first=2026-04&last=2026-03", "first"),
        ("first=2016-03&last=2026-03", "first"),
    ],
)
async def test_a_span_of_months_that_cannot_be_is_refused_at_its_place(
    admin: Caller, query: str, parameter: str
) -> None:
    refused = problem(await admin.get(f"{BREAKAGE}?{query}"))
    assert refused["status"] == 422
    assert [one["parameter"] for one in refused["errors"]] == [parameter]


async def test_ten_years_are_not_too_many(admin: Caller) -> None:
    assert len((await admin.get(f"{BREAKAGE}?first=2016-04&last=2026-03")).json()["items"]) == 120


async def test_what_is_outstanding_has_the_value_that_the_operator_gives_it(
    app: Running, admin: Caller
) -> None:
    later = app.services.now() + 90 * DAY
    await recorded(
        app,
        award(100, "a", expires_at=later.replace(day=1, hour=0, minute=0, second=0, microsecond=0)),
        award(50, "b", expires_at=None),
        award(7, "c", pending_until=later),
        redeem(45),
    )
    nothing = await liability(admin)
    assert nothing["value"] == {"minor": 0, "tokens": 1, "currency": "usd"}
    assert (nothing["outstanding"], nothing["pending"]) == (
        {"tokens": 105, "value_minor": 0},
        {"tokens": 7, "value_minor": 0},
    )
    before = (await admin.get("/api/ledger/trial-balance")).json()["items"]

    catalogue = app.services.catalogue
    value = Value(minor=3, tokens=10, currency="EUR")
    app.replace(catalogue=replace(catalogue, tokens=replace(catalogue.tokens, value=value)))
    found = await liability(admin)
    assert found["value"] == {"minor": 3, "tokens": 10, "currency": "eur"}
    assert found["outstanding"] == {"tokens": 105, "value_minor": 32}, "31.5, and halves go away from zero"
    assert found["pending"] == {"tokens": 7, "value_minor": 2}
    assert found["expiring"] == [
        {"month": f"{later:%Y-%m}", "tokens": 55},
        {"month": None, "tokens": 50},
    ]
    assert (await admin.get("/api/ledger/trial-balance")).json()["items"] == before, "nothing is posted"


async def liability(caller: Caller) -> dict[str, Any]:
    answer = await caller.get(LIABILITY)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_who_owes_more_than_others_have_makes_it_less_than_nothing(app: Running, admin: Caller) -> None:
    await recorded(app, award(10, "a"), penalise(50))
    found = await liability(admin)
    assert (found["balance"], found["debt"], found["outstanding"]["tokens"]) == (0, 40, -40)


async def test_what_expired_and_is_not_recorded_yet_is_told_beside_it(app: Running, admin: Caller) -> None:
    await recorded(app, award(10, "a", expires_at=APRIL))
    found = await liability(admin)
    assert (found["outstanding"]["tokens"], found["overdue"]["tokens"]) == (10, 10)
    await recorded(app, settle(days=31))
    found = await liability(admin)
    assert (found["outstanding"]["tokens"], found["overdue"]["tokens"]) == (0, 0)
