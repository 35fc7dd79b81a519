"""Licences over HTTP: quoted, issued, renewed and upgraded; their money; and what is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import psycopg
import pytest

from api.books.recognition import recognise
from api.licences.timing import advance_licences
from api.settings import Settings
from ledger.ids import new_id
from ledger.licences.status import Status
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

LICENSES = "/api/enterprise/licenses"
ORGANISATIONS = "/api/enterprise/organisations"
DAY = timedelta(days=1)
CUSTOM = {"year_minor": 120_000, "seats": 7, "features": ["api_access"], "grace_days": 3}


class Clock(FakeStripe):
    """Goes on when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 1, 1, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Office:
    """An administrator and a manager, with one ledger and its clock."""

    def __init__(self, app: Running, clock: Clock) -> None:
        self.app, self.clock = app, clock
        self.admin = app.caller("usr_admin", "admin")
        self.manager = app.caller("usr_manager", "enterprise")

    async def post(
        self, path: str, body: dict[str, Any], *, key: str | None = None, by: Caller | None = None
    ) -> httpx.Response:
        return await (by or self.admin)("POST", f"{LICENSES}{path}", key=key or new_id("key"), json=body)

    async def done(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.post(path, body or {})
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        answer = await self.post(path, body or {})
        return answer.status_code, problem(answer)["code"]

    async def organisation(self) -> str:
        """Of somebody."""
        body = {"name": "Lakeside", "owner_id": new_id("usr")}
        made = await self.admin("POST", ORGANISATIONS, key=new_id("key"), json=body)
        return str(made.json()["org_id"])

    async def issued(self, **more: Any) -> str:
        body = {"org_id": more.pop("org_id", "") or await self.organisation(), "tier": "starter", **more}
        return str((await self.done("/create", body))["licence_id"])

    async def seen(self, path: str, **query: Any) -> dict[str, Any]:
        await self.app.projected()
        answer = await self.admin.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def invoices(self, licence_id: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.seen(f"{LICENSES}/{licence_id}/invoices"))["items"]
        return items

    async def invoice(self, licence_id: str) -> str:
        """The address of the newest one, below those of licences."""
        newest = (await self.invoices(licence_id))[0]
        return f"/{licence_id}/invoices/{newest['invoice_id']}"

    async def work(self) -> int:
        """What the worker does by the clock; how many facts of time it recorded."""
        await self.app.projected()
        services = self.app.services
        async with await psycopg.AsyncConnection.connect(services.database_url, autocommit=True) as conn:
            await recognise(conn, services.store, self.clock.at.date() - DAY)
            done = await advance_licences(conn, services.store, self.clock)
        await self.app.projected()
        return done


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def office(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("licences")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, clock) as opened:
        yield Office(opened, clock)
    drop(server, url)


async def test_a_quote_is_accepted_with_its_numbers_and_invoiced(office: Office) -> None:
    until = (office.clock.at + 10 * DAY).isoformat()
    body = {
        "org_id": await office.organisation(),
        "tier": "professional",
        "months": 24,
        "billing": {"net_days": 14, "tax_bp": 1900},
        "valid_until": until,
    }
    key = new_id("key")
    first, again = [await office.post("/quote", body, key=key) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    quoted = first.json()
    assert first.headers["location"] == f"{LICENSES}/{quoted['licence_id']}"
    assert (quoted["status"], quoted["quote"]["net_minor"], quoted["quote"]["tax_minor"]) == (
        "quoted",
        980_000,
        186_200,
    )
    seen = await office.seen(f"{LICENSES}/{quoted['licence_id']}")
    assert {name: seen[name] for name in quoted} == quoted
    accepted = await office.done(f"/{quoted['licence_id']}/accept", {"quote_id": quoted["quote"]["quote_id"]})
    assert (accepted["status"], accepted["quote"]) == ("created", None)
    assert accepted["terms"][0]["ends_at"] == "2028-01-01T09:00:00Z"
    (invoice,) = await office.invoices(quoted["licence_id"])
    assert (invoice["open_minor"], invoice["due_at"]) == (1_166_200, "2026-01-15T09:00:00Z")
    assert await office.refused(
        f"/{quoted['licence_id']}/accept", {"quote_id": quoted["quote"]["quote_id"]}
    ) == (409, "quote_not_open")


async def test_a_licence_is_issued_activated_suspended_and_told_alike(office: Office) -> None:
    licence_id = await office.issued()
    assert (await office.done(f"/{licence_id}/activate"))["status"] == "active"
    assert (await office.done(f"/{licence_id}/suspend", {"reason": "Unpaid"}))["status"] == "suspended"
    seen = await office.seen(f"{LICENSES}/{licence_id}")
    assert (seen["status"], seen["reason"]) == ("suspended", "Unpaid")
    after = await office.done(f"/{licence_id}/reinstate", {"reason": "Paid"})
    seen = await office.seen(f"{LICENSES}/{licence_id}")
    assert {name: seen[name] for name in after} == after
    listed = await office.seen(LICENSES, org_id=after["org_id"])
    assert [one["licence_id"] for one in listed["items"]] == [licence_id]


async def test_a_closed_organisation_comes_to_no_more(office: Office) -> None:
    owner = office.app.caller(new_id("usr"), "enterprise")
    made = await owner("POST", ORGANISATIONS, key=new_id("key"), json={"name": "Lakeside"})
    org_id = made.json()["org_id"]
    licence_id = await office.issued(org_id=org_id)
    until = (office.clock.at + DAY).isoformat()
    quoted = await office.done("/quote", {"licence_id": licence_id, "tier": "starter", "valid_until": until})
    closed = await office.admin("POST", f"{ORGANISATIONS}/{org_id}/close", key=new_id("key"), json={})
    assert closed.status_code == 200
    for what, body in {
        "accept": {"quote_id": quoted["quote"]["quote_id"]},
        "renew": {"term": 2},
        "upgrade": {"tier": "professional"},
    }.items():
        assert await office.refused(f"/{licence_id}/{what}", body) == (409, "organisation_closed"), what
    await office.app.projected()
    listed = (await owner.get(LICENSES)).json()["items"]
    assert [one["licence_id"] for one in listed] == [licence_id], "what is owed is still to be seen"


async def test_everybody_may_see_the_tiers_and_what_is_beyond_them(refusing: Running) -> None:
    answer = await refusing.client.get("/api/enterprise/tiers")
    assert answer.status_code == 200
    tiers = {tier["tier"]: tier for tier in answer.json()["items"]}
    assert list(tiers) == ["starter", "professional", "enterprise"]
    assert tiers["starter"]["prices"] == [{"currency": "usd", "year_minor": 99_000}]
    assert (tiers["starter"]["seats"], tiers["enterprise"]["seats"]) == (100, None)
    of_calls = {name: tier["limits"][2] for name, tier in tiers.items()}
    assert of_calls["starter"] == {"metric": "api_calls", "limit": 10_000, "per": 1, "overage": []}
    assert of_calls["professional"]["overage"] == [{"currency": "usd", "amount_minor": 100}]
    same = await refusing.client.get(
        "/api/enterprise/tiers", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert same.status_code == 304


async def test_what_cannot_be_sold_is_named(office: Office) -> None:
    org = {"org_id": await office.organisation()}
    for body, pointer in (
        ({**org, "tier": "gold"}, "/tier"),
        ({**org, "tier": "starter", "currency": "chf"}, "/tier"),
        ({**org, "tier": "custom"}, "/custom"),
        ({**org, "tier": "starter", "custom": {"year_minor": 1, "seats": 1}}, "/custom"),
        ({**org, "tier": "custom", "custom": {"year_minor": 1}}, "/custom/seats"),
        ({**org, "tier": "custom", "custom": {**CUSTOM, "features": ["flying"]}}, "/custom/features/0"),
        ({"org_id": "acme", "tier": "starter"}, "/org_id"),
        ({"org_id": "org_none", "tier": "starter"}, "/org_id"),
        ({**org, "tier": "starter", "billing": {"net_days": 31}}, "/billing/net_days"),
    ):
        answer = await office.post("/create", body)
        assert (answer.status_code, problem(answer)["errors"][0]["pointer"]) == (422, pointer), body
    past = {**org, "tier": "starter", "starts_at": "2020-01-01T00:00:00Z"}
    assert await office.refused("/create", past) == (422, "invalid_licence")
    both = {**org, "licence_id": "lic_1", "tier": "starter", "valid_until": "2026-01-10T00:00:00Z"}
    assert problem(await office.post("/quote", both))["errors"][0]["pointer"] == "/org_id"


async def test_an_admin_gives_the_numbers_of_a_custom_licence(office: Office) -> None:
    allowances = [{"metric": "api_calls", "limit": 5, "overage_minor": 10}, {"metric": "storage"}]
    custom = {**CUSTOM, "allowances": allowances}
    licence_id = await office.issued(tier="custom", custom=custom, currency="EUR", months=6)
    grant = (await office.seen(f"{LICENSES}/{licence_id}"))["terms"][0]["grant"]
    assert (grant["currency"], grant["seats"], grant["allowances"][0]["soft"]) == ("eur", 7, True)
    assert (await office.invoices(licence_id))[0]["net_minor"] == 60_000


async def test_a_feature_that_no_plan_has_is_named_with_those_that_resemble_it(office: Office) -> None:
    custom = {**CUSTOM, "features": ["api_access", "white_lable"]}
    answer = await office.post("/create", {"org_id": "org_none", "tier": "custom", "custom": custom})
    assert problem(answer)["errors"][0]["pointer"] == "/org_id"
    body = {"org_id": await office.organisation(), "tier": "custom", "custom": custom}
    (error,) = problem(await office.post("/create", body))["errors"]
    assert error == {
        "pointer": "/custom/features/1",
        "detail": "no plan has the feature 'white_lable'; there is white_label",
    }


async def test_a_custom_licence_goes_on_with_its_numbers_whoever_renews_it(office: Office) -> None:
    owner = office.app.caller(new_id("usr"), "enterprise")
    made = await owner("POST", ORGANISATIONS, key=new_id("key"), json={"name": "Lakeside"})
    licence_id = await office.issued(org_id=made.json()["org_id"], tier="custom", custom=CUSTOM)
    of: dict[str, Any] = {"licence_id": licence_id, "valid_until": (office.clock.at + DAY).isoformat()}
    for by, body in (
        (owner, {"term": 2}),
        (owner, {"term": 3, "tier": "custom"}),
        (office.admin, {"term": 4}),
    ):
        renewed = await office.post(f"/{licence_id}/renew", body, by=by)
        assert renewed.status_code == 200, renewed.text
        grants = [one["grant"] for one in renewed.json()["terms"]]
        assert grants[-1] == grants[0]
    for more in ({}, {"tier": "custom"}):
        quoted = await office.done("/quote", {**of, **more})
        assert (quoted["quote"]["grant"], quoted["quote"]["net_minor"]) == (grants[0], 120_000)
    assert await office.refused("/quote", {**of, "currency": "EUR"}) == (422, "invalid_licence")
    own = {"term": 5, "tier": "custom", "custom": {**CUSTOM, "seats": 900}}
    assert (await office.post(f"/{licence_id}/renew", own, by=owner)).status_code == 403
    smaller = await office.post(f"/{licence_id}/renew", {"term": 5, "tier": "starter"}, by=owner)
    assert smaller.json()["terms"][-1]["grant"]["tier"] == "starter"


async def test_a_custom_licence_that_was_given_is_given_again_by_an_admin_alone(office: Office) -> None:
    owner = office.app.caller(new_id("usr"), "enterprise")
    made = await owner("POST", ORGANISATIONS, key=new_id("key"), json={"name": "Lakeside"})
    given = {"billing": {"kind": "none"}}
    licence_id = await office.issued(org_id=made.json()["org_id"], tier="custom", custom=CUSTOM, **given)
    assert (await office.post(f"/{licence_id}/renew", {"term": 2}, by=owner)).status_code == 403
    unpriced = await office.post(f"/{licence_id}/renew", {"term": 2})
    assert problem(unpriced)["errors"][0]["pointer"] == "/custom"
    assert len((await office.done(f"/{licence_id}/renew", {"term": 2, **given}))["terms"]) == 2


async def test_a_new_licence_is_quoted_of_a_tier_that_is_said(office: Office) -> None:
    until = (office.clock.at + DAY).isoformat()
    body = {"org_id": await office.organisation(), "valid_until": until}
    (error,) = problem(await office.post("/quote", body))["errors"]
    assert (error["pointer"], "professional, enterprise, custom" in error["detail"]) == ("/tier", True)


async def test_two_who_renew_at_once_make_one_term(office: Office) -> None:
    licence_id = await office.issued()
    answers = await asyncio.gather(*(office.post(f"/{licence_id}/renew", {"term": 2}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {problem(one)["code"] for one in answers if one.status_code == 409} == {"already_renewed"}
    assert len((await office.seen(f"{LICENSES}/{licence_id}"))["terms"]) == 2
    assert len(await office.invoices(licence_id)) == 2


async def test_an_upgrade_costs_what_its_preview_said(office: Office) -> None:
    licence_id = await office.issued(billing={"tax_bp": 1000})
    preview = await office.seen(f"{LICENSES}/{licence_id}/upgrade", tier="enterprise")
    most = preview["net_minor"] + preview["tax_minor"]
    asked = {"tier": "enterprise", "expected_minor": most - 1}
    assert await office.refused(f"/{licence_id}/upgrade", asked) == (409, "licence_price_changed")
    await office.done(f"/{licence_id}/upgrade", {**asked, "expected_minor": most})
    newest = (await office.invoices(licence_id))[0]
    assert (newest["net_minor"], newest["tax_minor"]) == (preview["net_minor"], preview["tax_minor"])
    assert preview["net_minor"] == 1_891_000
    assert await office.refused(f"/{licence_id}/upgrade", {"tier": "starter"}) == (409, "not_an_upgrade")
    refused = await office.admin.get(f"{LICENSES}/{licence_id}/upgrade", params={"tier": "gold"})
    assert refused.status_code == 422


async def test_licences_are_listed_by_what_they_are_now_and_by_when_they_end(office: Office) -> None:
    org_id, begun = await office.organisation(), office.clock.at
    until = (begun + DAY).isoformat()
    await office.done("/quote", {"org_id": org_id, "tier": "starter", "valid_until": until})
    because = {"reason": "Unpaid"}
    ways: tuple[dict[str, dict[str, Any]], ...] = (
        {},
        {"activate": {}},
        {"activate": {}, "suspend": because},
        {"revoke": {**because, "credit": False}},
    )
    for steps in ways:
        licence_id = await office.issued(org_id=org_id)
        for step, body in steps.items():
            await office.done(f"/{licence_id}/{step}", body)
    found = set()
    try:
        for days in (0, 366, 380):
            office.clock.at = begun + days * DAY
            listed = (await office.seen(LICENSES, org_id=org_id))["items"]
            for status in get_args(Status):
                filtered = await office.seen(LICENSES, org_id=org_id, status=status)
                assert filtered["items"] == [one for one in listed if one["status"] == status]
                found |= {status} if filtered["items"] else set()
    finally:
        office.clock.at = begun
    assert found == set(get_args(Status)), "there is one of each"
    for days, ends in ((365, 0), (366, 4)):
        asked = {"org_id": org_id, "ends_before": (begun + days * DAY).isoformat()}
        assert len((await office.seen(LICENSES, **asked))["items"]) == ends


async def test_money_is_recorded_given_back_and_paid_out(office: Office) -> None:
    licence_id = await office.issued()
    address = await office.invoice(licence_id)
    today = office.clock.at.date().isoformat()
    pay = {"amount_minor": 60_000, "reference": "SEPA 17", "received_on": today}
    assert (await office.done(f"{address}/payments", pay))["open_minor"] == 39_000
    assert await office.refused(f"{address}/payments", pay) == (409, "amount_exceeds_open")
    late = {**pay, "received_on": (office.clock.at + DAY).date().isoformat()}
    assert await office.refused(f"{address}/payments", late) == (422, "invalid_licence")
    odd = await office.post(f"{address}/payments", {**pay, "received_on": "2026-02-30", "reference": " "})
    assert {one["pointer"]: one["detail"] for one in problem(odd)["errors"]} == {
        "/received_on": "must be a day, such as 2026-01-31",
        "/reference": "must say something that can be seen",
    }
    credited = await office.done(f"{address}/credit", {"net_minor": 50_000, "reason": "Agreed"})
    assert credited["open_minor"] == 0
    assert (await office.seen(f"{LICENSES}/{licence_id}"))["owed_minor"] == 11_000
    transfer = {"amount_minor": 11_000, "reference": "SEPA 18", "paid_on": today}
    assert (await office.done(f"/{licence_id}/credit-transfers", transfer))["owed_minor"] == 0
    assert await office.refused(f"/{licence_id}/credit-transfers", transfer) == (409, "amount_exceeds_open")
    assert await office.refused(f"{address}/write-off", {"reason": "No"}) == (409, "licence_invoice_not_open")
    unknown = f"/{licence_id}/invoices/{new_id('linv')}/payments"
    assert await office.refused(unknown, pay) == (404, "not_found")


async def test_who_does_not_manage_the_organisation_sees_nothing_of_it(office: Office) -> None:
    licence_id = await office.issued()
    await office.app.projected()
    manager = office.manager
    assert (await manager.get(LICENSES)).json()["items"] == []
    for path in ("", "/invoices", "/upgrade?tier=enterprise"):
        assert (await manager.get(f"{LICENSES}/{licence_id}{path}")).status_code == 404
    for path, body in (("activate", {}), ("renew", {"term": 2}), ("accept", {"quote_id": "lqu_1"})):
        answer = await office.post(f"/{licence_id}/{path}", body, by=manager)
        assert answer.status_code == 404
    assert (await office.post(f"/{licence_id}/suspend", {"reason": "No"}, by=manager)).status_code == 403


async def test_who_manages_the_organisation_has_its_licences_until_they_leave(office: Office) -> None:
    owner, other = (office.app.caller(new_id("usr"), "enterprise") for _ in range(2))
    made = await owner("POST", ORGANISATIONS, key=new_id("key"), json={"name": "Lakeside"})
    org_id = made.json()["org_id"]
    licence_id = await office.issued(org_id=org_id)

    async def seen(by: Caller) -> list[str]:
        await office.app.projected()
        return [one["licence_id"] for one in (await by.get(LICENSES)).json()["items"]]

    assert (await seen(owner), await seen(other)) == ([licence_id], [])
    assert (await office.post(f"/{licence_id}/activate", {}, by=owner)).status_code == 200
    code = (await owner("POST", f"{ORGANISATIONS}/{org_id}/invitations", key=new_id("key"), json={})).json()
    join = {"code": code["code"]}
    await other("POST", "/api/enterprise/invitations/accept", key=new_id("key"), json=join)
    assert await seen(other) == [], "a plain member does not manage it"
    assert (await other.get(f"{LICENSES}/{licence_id}")).status_code == 404
    assert (await office.post(f"/{licence_id}/renew", {"term": 2}, by=other)).status_code == 404
    role = f"{ORGANISATIONS}/{org_id}/members/{other.user_id}"
    assert (await owner("PATCH", role, key=new_id("key"), json={"role": "owner"})).status_code == 200
    assert await seen(other) == [licence_id]
    left = await owner("POST", f"{ORGANISATIONS}/{org_id}/leave", key=new_id("key"), json={})
    assert left.status_code < 300
    assert await seen(owner) == []
    assert (await owner.get(f"{LICENSES}/{licence_id}")).status_code == 404


async def test_a_year_passes_and_the_books_tie(office: Office) -> None:
    """The last test, as it takes the clock with it."""
    org_id = await office.organisation()
    licence_id = await office.issued(org_id=org_id, billing={"tax_bp": 2000})
    address = await office.invoice(licence_id)
    office.clock.at += 60 * DAY
    await office.work()
    (owed,) = [
        one for one in (await office.seen("/api/revenue/receivables"))["items"] if one["org_id"] == org_id
    ]
    assert (owed["total_minor"], owed["days_0_30_minor"]) == (118_800, 118_800)
    early = await office.seen("/api/revenue/receivables", as_of="2026-01-20")
    assert [one["current_minor"] for one in early["items"] if one["org_id"] == org_id] == [118_800]
    await office.done(f"{address}/write-off", {"reason": "Bankrupt"})
    assert (await office.done(f"/{licence_id}/revoke", {"reason": "Bankrupt", "credit": True}))[
        "status"
    ] == "revoked"
    month = (await office.seen("/api/revenue/licenses", first="2026-01", last="2026-03"))["items"]
    usd = [one for one in month if one["currency"] == "usd"]
    assert [one["month"] for one in usd] == ["2026-01", "2026-02", "2026-03"]
    assert usd[1]["opening_minor"] == usd[0]["closing_minor"]
    assert usd[2]["written_off_minor"] > 0
    other = await office.issued()
    office.clock.at += 366 * DAY
    assert await office.work() > 0
    assert await office.work() == 0, "once"
    seen = await office.seen(f"{LICENSES}/{other}")
    assert seen["status"] == "created"
    office.clock.at += 20 * DAY
    await office.work()
    assert (await office.seen(f"{LICENSES}/{other}"))["status"] == "expired"
    facts = await office.seen("/api/audit", stream=f"licence-{other}")
    assert "licences.expired.v1" in str(facts)
    assert "licences.notice_due.v1" in str(facts)
    assert (
        await office.admin.get("/api/revenue/licenses", params={"first": "2026-05", "last": "2026-01"})
    ).status_code == 422
