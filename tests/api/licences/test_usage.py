"""Usage over HTTP: said in batches by who holds the key, each item once, and read by managers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest

from api.usage.overage import closed_months, invoice_usage
from tests.api.licences.test_seats import LICENSES, Clock, Desk, app, clock, desk_of
from tests.api.support import Running, problem

__all__ = ["app", "clock"]
LIMITS = {
    "allowances": [
        {"metric": "api_calls", "limit": 10_000},
        {"metric": "courses_created", "limit": 10, "overage_minor": 250, "per": 2},
        {"metric": "active_users", "limit": 2},
        {"metric": "storage", "limit": 100, "overage_minor": 1},
    ]
}


class Meters:
    """What is said and read of one licence's usage."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self.desk, self.clock = desk, clock

    async def post(self, *items: dict[str, Any], **more: Any) -> httpx.Response:
        desk = self.desk
        body = {"source": "eu-1", "month": f"{self.clock.at:%Y-%m}", "items": items, **more}
        headers = {**desk.app.caller("usr_shop", "service").headers, "Licence-Key": desk.key}
        return await desk.app.client.post(f"{LICENSES}/usage", json=body, headers=headers)

    async def say(self, *items: dict[str, Any], **more: Any) -> tuple[int, list[tuple[int, str]]]:
        """How many were counted, and where which were not."""
        answer = await self.post(*items, **more)
        assert answer.status_code == 200, answer.text
        taken = answer.json()
        return taken["counted"], [(one["index"], one["code"]) for one in taken["refused"]]

    async def read(self, **query: Any) -> dict[str, Any]:
        await self.desk.app.projected()
        asked = {"licence_id": self.desk.licence_id, **query}
        answer = await self.desk.admin.get("/api/enterprise/usage", params=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        found["metrics"] = {one["metric"]: one for one in found["metrics"]}
        return found

    async def invoiced(self, at: str) -> list[int]:
        """What the licence's invoices of overage come to, the newest first, when a worker was there."""
        app, self.clock.at = self.desk.app, datetime.fromisoformat(at).replace(tzinfo=UTC)
        await app.projected()
        url = app.services.database_url
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
            await invoice_usage(conn, app.services.store, self.clock)
        await app.projected()
        listed = await self.desk.admin.get(f"{LICENSES}/{self.desk.licence_id}/invoices")
        return [one["net_minor"] for one in listed.json()["items"] if one["kind"] == "overage"]


@pytest.fixture
async def meters(app: Running, clock: Clock) -> Meters:
    clock.at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    return Meters(await desk_of(app, **LIMITS), clock)


def calls(sequence: int, quantity: int = 1, metric: str = "api_calls") -> dict[str, Any]:
    return {"metric": metric, "sequence": sequence, "quantity": quantity}


async def test_a_batch_of_a_hundred_with_five_that_are_known_counts_95(meters: Meters) -> None:
    assert await meters.say(*(calls(number) for number in range(1, 6))) == (5, [])
    counted, refused = await meters.say(*(calls(number) for number in range(1, 101)))
    assert (counted, refused) == (95, [(index, "known") for index in range(5)])
    assert (await meters.read())["metrics"]["api_calls"]["used"] == 100


async def test_the_limit_itself_passes_and_usage_is_read_over_it(meters: Meters) -> None:
    assert await meters.say(calls(1, 9_999), calls(2), calls(3)) == (2, [(2, "usage_exceeded")])
    read = (await meters.read())["metrics"]["api_calls"]
    assert (read["used"], read["limit"], read["soft"], read["alerted_percent"]) == (
        10_000,
        10_000,
        False,
        100,
    )
    assert (await meters.desk.do("suspend", reason="Unpaid")).status_code == 200
    refused = await meters.post(calls(4))
    assert (refused.status_code, problem(refused)["code"]) == (403, "licence_not_live")
    assert (await meters.read())["metrics"]["api_calls"]["used"] == 10_000


async def test_what_is_beyond_a_soft_limit_is_counted_and_priced(meters: Meters) -> None:
    assert await meters.say(calls(1, 13, "courses_created")) == (1, [])
    read = (await meters.read())["metrics"]["courses_created"]
    assert (read["beyond"], read["overage_minor"], read["currency"]) == (3, 500, "usd")


async def test_users_are_counted_once_and_storage_goes_on_in_the_next_month(
    meters: Meters,
    clock: Clock,
) -> None:
    users = [{"metric": "active_users", "user_id": one} for one in ("ann", "bob", "ann", "cleo")]
    assert await meters.say(*users, calls(1, 80, "storage")) == (3, [(2, "known"), (3, "usage_exceeded")])
    clock.at = datetime(2026, 2, 1, tzinfo=UTC)
    february = await meters.read()
    assert february["metrics"]["storage"]["used"] == 80
    assert february["metrics"]["active_users"]["used"] == 0
    assert (february["month"], february["from"], february["to"]) == (
        "2026-02",
        "2026-02-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
    )
    late = await meters.say(calls(1), calls(2, 90, "storage"), month="2026-01")
    assert late == (1, [(1, "usage_month_closed")])
    january = await meters.read(month="2026-01")
    assert january["metrics"]["api_calls"]["days"] == [{"day": "2026-01-31", "used": 1}]


async def test_totals_are_exact_whoever_counts_at_once_and_sends_again(meters: Meters) -> None:
    batches = [
        ([calls(number) for number in range(start, start + 50)], f"source-{source}")
        for source in range(4)
        for start in range(1, 200, 50)
    ]
    await asyncio.gather(*(meters.say(*items, source=source) for items, source in batches * 2))
    assert (await meters.read())["metrics"]["api_calls"]["used"] == 800


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ([calls(1, 0)], "/items/0/quantity"),
        ([calls(1), {"metric": "active_users"}], "/items/1/user_id"),
        ([{"metric": "api_calls", "quantity": 95}], "/items/0/sequence"),
        ([calls(1), {"metric": "storage", "quantity": 7}], "/items/1/sequence"),
        ([{"metric": "storage", "sequence": 1}], "/items/0/quantity"),
    ],
)
async def test_an_item_that_says_nothing_is_pointed_to(
    meters: Meters, items: list[dict[str, Any]], pointer: str
) -> None:
    answer = await meters.post(*items)
    assert (answer.status_code, problem(answer)["errors"][0]["pointer"]) == (422, pointer)


async def test_what_is_counted_is_one_unit_where_no_other_number_is_said(meters: Meters) -> None:
    assert await meters.say({"metric": "api_calls", "sequence": 1}) == (1, [])
    assert (await meters.read())["metrics"]["api_calls"]["used"] == 1


@pytest.mark.parametrize("month", ["2025-12", "2026-02", "0000-01", "9999-12"])
async def test_a_month_that_is_over_or_has_not_begun_is_refused(meters: Meters, month: str) -> None:
    answer = await meters.post(calls(1), month=month)
    assert (answer.status_code, problem(answer)["code"]) == (409, "usage_month_closed")


@pytest.mark.parametrize("month", ["0000-01", "9999-12"])
async def test_a_month_that_no_calendar_has_is_no_month(meters: Meters, month: str) -> None:
    asked = {"licence_id": meters.desk.licence_id, "month": month}
    assert (await meters.desk.admin.get("/api/enterprise/usage", params=asked)).status_code == 422


async def test_a_metric_that_is_not_granted_is_named_and_others_are_counted(
    app: Running,
    clock: Clock,
) -> None:
    meters = Meters(await desk_of(app, allowances=[{"metric": "api_calls"}]), clock)
    counted = await meters.say(calls(1, 1, "courses_created"), calls(1, 10**9))
    assert counted == (1, [(0, "metric_not_granted")])


async def test_a_month_without_limit_ends_at_what_the_tables_hold(app: Running, clock: Clock) -> None:
    meters = Meters(await desk_of(app, allowances=[{"metric": "api_calls"}]), clock)
    assert await meters.say(*(calls(number, 10**15) for number in range(1, 1_001))) == (1_000, [])
    assert await meters.say(calls(1_001, 10**15), calls(1_002)) == (
        0,
        [(0, "total_too_large"), (1, "total_too_large")],
    )
    assert (await meters.read())["metrics"]["api_calls"]["used"] == 10**18


async def test_who_manages_another_organisation_sees_nothing(meters: Meters) -> None:
    manager = meters.desk.app.caller("usr_manager", "enterprise")
    asked = {"licence_id": meters.desk.licence_id}
    assert (await manager.get("/api/enterprise/usage", params=asked)).status_code == 404
    assert (await manager.get(f"{LICENSES}/{meters.desk.licence_id}/seats")).status_code == 404


async def test_what_is_beyond_soft_limits_is_invoiced_once_when_its_month_is_closed(
    meters: Meters,
) -> None:
    invoiced = meters.invoiced
    await meters.say(calls(1, 13, "courses_created"), calls(1, 103, "storage"), calls(1, 10_000))
    assert await invoiced("2026-02-03T12:00") == [], "the month may grow until then"
    assert await invoiced("2026-02-04T12:00") == [503]
    assert await invoiced("2026-02-05") == [503]
    assert await invoiced("2026-03-04") == [3, 503], "storage is as it was, and February has its own"
    (await meters.desk.do("revoke", reason="They closed", credit=False)).raise_for_status()
    assert await invoiced("2026-05-04") == [3, 3, 503], "it was revoked in March, and April has none"


def soft(limit: int, price_minor: int = 100) -> dict[str, Any]:
    return {"allowances": [{"metric": "api_calls", "limit": limit, "overage_minor": price_minor}]}


async def test_what_was_within_the_limit_of_the_last_term_costs_nothing_in_the_next(
    app: Running, clock: Clock
) -> None:
    clock.at = datetime(2025, 1, 15, 12, tzinfo=UTC)
    meters = Meters(await desk_of(app, **soft(100_000)), clock)
    clock.at = datetime(2025, 12, 20, tzinfo=UTC)
    smaller = {"year_minor": 100, "seats": None, **soft(10_000)}
    (await meters.desk.do("renew", term=2, tier="custom", custom=smaller)).raise_for_status()
    clock.at = datetime(2026, 1, 14, tzinfo=UTC)
    assert await meters.say(calls(1, 80_000)) == (1, [])
    clock.at = datetime(2026, 1, 16, tzinfo=UTC)
    assert await meters.say(calls(2)) == (1, [])
    read = (await meters.read())["metrics"]["api_calls"]
    assert (read["limit"], read["beyond"], read["overage_minor"]) == (10_000, 0, 0)
    assert await meters.invoiced("2026-02-04") == []


async def test_no_batch_makes_an_invoice_that_stops_the_tables(app: Running, clock: Clock) -> None:
    clock.at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    meters = Meters(await desk_of(app, **soft(0, 10**6)), clock)
    assert await meters.say(calls(1, 10**15)) == (1, [])
    assert (await meters.read())["metrics"]["api_calls"]["overage_minor"] == 10**12
    assert await meters.invoiced("2026-02-04") == [10**12]
    assert (await app.client.get("/readyz")).status_code == 200


def test_months_are_closed_when_nothing_more_is_taken() -> None:
    assert closed_months(datetime(2026, 2, 3, 23, tzinfo=UTC)) == ["2025-12", "2025-11", "2025-10"]
    assert closed_months(datetime(2026, 2, 4, tzinfo=UTC)) == ["2026-01", "2025-12", "2025-11"]
