"""Brands over HTTP: set by who manages an organisation with the tier for it, and on what its members print.

One application for all: each test has organisations and learners of its own.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.organisations.branding import brand_for
from api.services import Services
from api.settings import Settings
from ledger.ids import new_id
from ledger.licences.commands import ActivateLicence, IssueLicence, LicenceCommand, SuspendLicence
from ledger.organisations.events import BrandSet
from ledger.organisations.stream import stream_of
from ledger.seats.commands import ActivateSeat
from tests.api.enrolments.learners import CertifyingStripe, enrolled, free_course, report
from tests.api.licences.ways import ADMIN
from tests.api.organisations.conftest import Person, School, found, told
from tests.api.support import Running, problem, running
from tests.databases import clone, drop
from tests.ledger.licence_examples import GIVEN, PROFESSIONAL, STARTER, command
from tests.ledger.seat_examples import TEN

BRAND = {
    "name": "Lakeside Academy",
    "text_colour": "#ffffff",
    "background_colour": "#7A1F1F",
    "logo_url": "https://cdn.example.org/lakeside.png",
    "domain": "Learn.Lakeside.example",
}
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
async def app(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("brands")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, CertifyingStripe(url)) as opened:
        yield opened
    drop(server, url)


async def do(services: Services, kind: type[LicenceCommand], licence_id: str, **changes: Any) -> None:
    ours = {"command_id": new_id("cmd"), "licence_id": licence_id, **changes}
    await services.store.handle(command(kind, services.now(), **ours), ADMIN)


async def licensed(app: Running, school: School, grant: Any = PROFESSIONAL) -> str:
    licence_id = new_id("lic")
    await do(app.services, IssueLicence, licence_id, org_id=school.id, grant=grant, billing=GIVEN)
    await do(app.services, ActivateLicence, licence_id)
    return licence_id


async def put(person: Person, school: School, *, key: str | None = None, **body: Any) -> httpx.Response:
    return await person.caller("PUT", f"{school.at}/brand", key=key or new_id("key"), json={**BRAND, **body})


async def branded(app: Running, **body: Any) -> tuple[School, str]:
    """An organisation with a brand in use, and its licence."""
    school = await found(app)
    licence_id = await licensed(app, school)
    answer = await put(school.owner, school, **body)
    assert (answer.status_code, answer.json()["active"]) == (200, True), answer.text
    return school, licence_id


async def seated(app: Running, school: School, licence_id: str, user_id: str) -> None:
    seat = ActivateSeat(
        command_id=new_id("cmd"),
        effective_at=app.services.now(),
        licence_id=licence_id,
        org_id=school.id,
        seat_id=new_id("sea"),
        device="a hash",
        user_id=user_id,
        terms=TEN,
    )
    await app.services.store.handle(seat, ADMIN)
    await app.projected()


async def test_a_brand_is_set_looked_at_and_in_no_fact(app: Running) -> None:
    school, _ = await branded(app)
    shown = (await school.owner.get(f"{school.at}/brand")).json()
    assert shown == {
        "org_id": school.id,
        "active": True,
        "inactive_reason": None,
        "name": "Lakeside Academy",
        "text_colour": "#ffffff",
        "background_colour": "#7a1f1f",
        "contrast": 10.28,
        "logo_url": "https://cdn.example.org/lakeside.png",
        "domain": "learn.lakeside.example",
    }
    facts = await app.services.store.read_stream(stream_of(school.id))
    assert isinstance(facts[-1].event, BrandSet)
    assert "akeside" not in str(facts[-1].event)


async def test_a_repeat_sets_nothing_and_tells_what_is_so_now(app: Running) -> None:
    school = await found(app)
    licence_id = await licensed(app, school)
    first = await put(school.owner, school, key="brand-once")
    assert first.json()["active"]
    await do(app.services, SuspendLicence, licence_id)
    again = await put(school.owner, school, key="brand-once")
    assert (again.status_code, again.json()["inactive_reason"]) == (200, "white_label_missing")
    facts = await app.services.store.read_stream(stream_of(school.id))
    assert [type(one.event) for one in facts].count(BrandSet) == 1


async def test_who_is_out_learns_nothing_by_a_repeat(app: Running) -> None:
    school, _ = await branded(app)
    manager = await school.join(Person(app), "manager")
    assert (await put(manager, school, key="brand-then-out")).status_code == 200
    await school.owner.delete(f"{school.at}/members/{manager.id}")
    assert told(await put(manager, school, key="brand-then-out")) == (404, "not_found")


async def test_managers_and_admins_set_it_and_nobody_else(app: Running) -> None:
    school, _ = await branded(app)
    manager = await school.join(Person(app), "manager")
    member, stranger, root = await school.join(Person(app)), Person(app), Person(app, "admin")
    assert (await put(manager, school)).status_code == 200
    assert (await put(root, school)).status_code == 200
    assert told(await put(member, school)) == (403, "organisation_role_missing")
    assert told(await put(stranger, school)) == (404, "not_found")
    assert told(await stranger.get(f"{school.at}/brand")) == (404, "not_found")
    assert told(await member.get(f"{school.at}/brand")) == (403, "organisation_role_missing")


async def test_without_the_tier_it_is_told_which_have_it(app: Running) -> None:
    school = await found(app)
    await licensed(app, school, STARTER)
    refused = await put(school.owner, school)
    assert told(refused) == (403, "white_label_missing")
    assert "professional or enterprise" in problem(refused)["detail"]
    unset = (await school.owner.get(f"{school.at}/brand")).json()
    assert (unset["active"], unset["inactive_reason"], unset["name"]) == (False, "not_set", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "\u2060"),
        ("name", "מכללה"),
        ("text_colour", "white"),
        ("logo_url", "http://example.org/logo.png"),
        ("logo_url", "https://user:secret@example.org/logo.png"),
        ("logo_url", "https://169.254.169.254/latest"),
        ("logo_url", "https://localhost/logo.png"),
        ("logo_url", "https://example.org:0/logo.png"),
        ("logo_url", "https://example.org/" + "x" * 500),
        ("domain", "https://example.org"),
        ("domain", "127.0.0.1"),
        ("domain", "-a.example"),
        ("domain", "lakeside"),
    ],
)
async def test_what_a_brand_cannot_be_is_named(app: Running, field: str, value: str) -> None:
    """Before anything is asked of anybody."""
    refused = await put(Person(app), School(Person(app), "org_none"), **{field: value})
    assert told(refused) == (422, "invalid")
    assert [one["pointer"] for one in problem(refused)["errors"]] == [f"/{field}"]
    assert "secret" not in refused.text


async def test_a_text_that_cannot_be_read_is_refused(app: Running) -> None:
    school, _ = await branded(app)
    refused = await put(school.owner, school, background_colour="#ffff00")
    assert told(refused) == (422, "invalid_brand")
    assert "1.07 : 1, and 4.5 : 1" in problem(refused)["detail"]


async def certificate_of(app: Running, person: Person) -> str:
    """Its PDF's address, for a learner with the plan for it."""
    assert (await person.caller.subscribe("pro")).status_code == 201
    assert (await person.caller("PUT", "/api/me", json={"name": "Pia"})).status_code == 200
    course_id = await free_course(app.services)
    await enrolled(app.services, person.id, course_id)
    done = await report(person.caller, course_id, "itm_1", "itm_2")
    return f"/api/certificates/{done.json()['certificate_id']}/pdf"


async def test_a_members_certificate_and_receipt_have_the_brand_until_the_tier_goes(app: Running) -> None:
    school, licence_id = await branded(app)
    member = await school.join(Person(app))
    at = await certificate_of(app, member)
    (invoice,) = await member.listed("/api/invoices")
    receipt = f"/api/invoices/{invoice['invoice_id']}/receipt"

    async def seen() -> tuple[bool, bool]:
        printed, page = await member.get(at), await member.caller.get(receipt, headers=HTML)
        assert (printed.status_code, page.status_code) == (200, 200)
        return b"Lakeside Academy" in printed.content, "Lakeside Academy" in page.text

    async def etags() -> list[str]:
        return [(await member.get(path)).headers["etag"] for path in (at, receipt)]

    assert await seen() == (True, True)
    with_brand = await etags()
    await do(app.services, SuspendLicence, licence_id)
    assert await seen() == (False, False)
    assert not set(with_brand) & set(await etags())
    await licensed(app, school)
    assert await seen() == (True, True)
    assert await etags() == with_brand
    assert (await member.post(f"{school.at}/leave")).status_code == 200
    await app.projected()
    assert await seen() == (False, False)


async def test_of_two_organisations_it_is_the_one_whose_seat_somebody_has(app: Running) -> None:
    (one, first), (other, second) = await branded(app, name="One"), await branded(app, name="Other")
    member = await other.join(await one.join(Person(app)))
    await app.projected()
    assert await brand_for(app.services, member.id) is None
    await seated(app, other, second, member.id)
    shown = await brand_for(app.services, member.id)
    assert shown is not None
    assert shown.name == "Other"
    await seated(app, one, first, member.id)
    assert await brand_for(app.services, member.id) is None


async def test_a_brand_is_erased_with_what_who_set_it_wrote(app: Running) -> None:
    school, _ = await branded(app)
    manager = await school.join(Person(app), "manager")
    assert (await put(manager, school)).status_code == 200
    assert (await manager.delete("/api/me")).status_code == 204
    await app.projected()
    shown = (await school.owner.get(f"{school.at}/brand")).json()
    assert (shown["active"], shown["inactive_reason"], shown["name"]) == (False, "erased", None)
    assert (shown["logo_url"], shown["domain"]) == (None, None)
    assert await brand_for(app.services, manager.id) is None
    assert (await put(school.owner, school)).json()["active"]


async def test_the_service_asks_no_logo(app: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a picture is kept and shown, and its host is nobody's to look up."""
    asked: list[Any] = []
    look_up = socket.getaddrinfo

    def noted(*of: Any, **more: Any) -> Any:
        asked.append(of)
        return look_up(*of, **more)

    monkeypatch.setattr("socket.getaddrinfo", noted)
    school, _ = await branded(app, logo_url="https://logo.example.org/a.png")
    assert (await school.owner.get(f"{school.at}/brand")).json()["active"]
    assert "logo.example.org" not in str(asked)
