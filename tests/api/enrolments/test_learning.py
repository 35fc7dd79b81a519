"""Learning over HTTP: progress, completion, certificates, started courses, and tickets for content.

One application for all: each test has learners and courses of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from jwt import PyJWKSet
from psycopg.sql import SQL

from api.courses.resources import ERASED
from api.enrolments import certificates
from api.enrolments.certifying import Certifying
from api.settings import Settings
from api.stripe.delivery import Postponed
from api.stripe.gateway import StripeGateway
from api.tickets import AUDIENCE, Tickets
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.effects import CertifyCompletion
from ledger.ids import new_id
from tests.api.courses import ways
from tests.api.enrolments.learners import (
    IVY,
    WORKER,
    CertifyingStripe,
    ask_back,
    claim,
    completed,
    content_of,
    enrolled,
    enrolment,
    free_course,
    report,
    without_items,
)
from tests.api.support import Caller, Running, problem, running
from tests.databases import clone, drop


@pytest.fixture(scope="module")
async def app(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("learning")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, CertifyingStripe(url)) as opened:
        yield opened
    drop(server, url)


@pytest.fixture
def ann(app: Running) -> Caller:
    """On the plan free, and nameless."""
    return app.caller(new_id("usr"), "student")


@pytest.fixture
async def pia(app: Running) -> Caller:
    """On the plan pro, and with a name."""
    caller = app.caller(new_id("usr"), "student")
    assert (await caller.subscribe("pro")).status_code == 201
    await named(caller)
    return caller


@pytest.fixture
def service(app: Running) -> Caller:
    return app.caller("svc_lms", "service")


@pytest.fixture
def root(app: Running) -> Caller:
    return app.caller("usr_root", "admin")


async def named(caller: Caller, name: str = "Pia Ĉapelo") -> None:
    assert (await caller("PUT", "/api/me", json={"name": name})).status_code == 200


async def bought(app: Running, caller: Caller, **changes: Any) -> tuple[str, str]:
    """A course and its payment; a free one's is empty."""
    course_id = await ways.course_of(app.services, IVY, ways.PUBLISHED, **changes)
    answer = await caller.buy(course_id, "pm_ok")
    assert answer.status_code == 201, answer.text
    return course_id, answer.json()["enrolment"]["payment_id"]


async def checked(app: Running, certificate_id: str) -> dict[str, Any]:
    """What anybody sees of it."""
    await app.projected()
    answer = await app.client.get(f"/api/certificates/{certificate_id}")
    assert answer.status_code == 200
    shown: dict[str, Any] = answer.json()
    return shown


# ----------------------------------------------------------------------------------------------- progress


async def test_a_course_is_learnt_item_by_item_to_its_certificate(app: Running, pia: Caller) -> None:
    course_id, _ = await bought(app, pia)
    half = (await report(pia, course_id, "itm_1")).json()
    assert (half["status"], half["progress_percent"], half["certificate_id"]) == ("active", 50, "")
    whole = (await report(pia, course_id, "itm_1", "itm_2")).json()
    assert (whole["status"], whole["progress_percent"], whole["completed_revision"]) == ("completed", 100, 1)
    shown = await checked(app, whole["certificate_id"])
    assert (shown["status"], shown["name"], shown["erased"]) == ("valid", "Pia Ĉapelo", False)
    assert (shown["course"], shown["level"], shown["revision"]) == ("Statistics", "beginner", 1)
    assert shown["completed_at"] == whole["completed_at"]
    assert pia.user_id not in str(shown)


async def test_the_same_report_has_the_same_answer_and_what_is_known_records_nothing(
    app: Running, pia: Caller
) -> None:
    course_id, _ = await bought(app, pia)
    first = await report(pia, course_id, "itm_1", key="once")
    head = await app.services.store.head()
    again = await report(pia, course_id, "itm_1", key="once")
    known = await report(pia, course_id, "itm_1")
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json() == again.json() == known.json()
    assert await app.services.store.head() == head


async def test_the_purchase_of_what_was_completed_since_has_its_answer(app: Running, ann: Caller) -> None:
    course_id = await ways.course_of(app.services, IVY, ways.PUBLISHED)
    await ann.buy(course_id, "pm_ok", key="mine")
    await report(ann, course_id, "itm_1", "itm_2")
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    again = await ann.buy(course_id, "pm_ok", key="mine")
    assert (again.status_code, again.json()["enrolment"]["status"]) == (201, "completed")
    assert problem(await ann.buy(course_id, "pm_ok"))["code"] == "already_enrolled"


async def test_an_enrolment_is_shown_with_what_is_done_to_its_learner(
    app: Running, ann: Caller, root: Caller
) -> None:
    course_id, _ = await bought(app, ann)
    enrolment_id = (await report(ann, course_id, "itm_2")).json()["enrolment_id"]
    await app.projected()
    path = f"/api/enrolments/{enrolment_id}"
    for caller in (ann, root):
        shown = (await caller.get(path)).json()
        assert (shown["items_done"], shown["progress_percent"]) == (["itm_2"], 50)
    stranger = app.caller("usr_stranger", "student")
    assert problem(await stranger.get(path))["code"] == "not_found"
    assert problem(await ann.get("/api/enrolments/enr_none"))["code"] == "not_found"
    assert problem(await ann.get("/api/enrolments/'"))["code"] == "not_found"
    [listed] = (await ann.get("/api/enrolments?status=active")).json()["items"]
    assert listed["progress_percent"] == 50


async def test_who_gave_a_course_sees_that_it_is_had_and_not_what_is_learnt(
    app: Running, ann: Caller, root: Caller
) -> None:
    bob = app.caller(new_id("usr"), "student")
    course_id = await ways.course_of(app.services, IVY, ways.PUBLISHED)
    given = (await bob.buy(course_id, "pm_ok", gift_to=ann.user_id, key="mine")).json()["enrolment"]
    path = f"/api/enrolments/{given['enrolment_id']}"
    await app.projected()
    before = (await bob.get(path)).json()
    assert (before["status"], before["progress_percent"]) == ("active", 0)
    await report(ann, course_id, "itm_1", "itm_2")
    await app.projected()
    assert (await bob.get(path)).json() == before
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    again = await bob.buy(course_id, "pm_ok", gift_to=ann.user_id, key="mine")
    assert again.json()["enrolment"] == given
    for caller in (ann, root):
        assert (await caller.get(path)).json()["status"] == "completed"


async def test_items_that_are_not_the_courses_are_named(app: Running, ann: Caller) -> None:
    course_id, _ = await bought(app, ann)
    refused = problem(await report(ann, course_id, "itm_1", "itm_7"))
    assert (refused["status"], refused["code"], refused["items"]) == (422, "unknown_items", ["itm_7"])
    assert (await enrolment(app.services, ann.user_id, course_id)).learning.of("").percent == 0


@pytest.mark.parametrize("body", [{}, {"items_done": ["itm_1"], "percent": 5}, {"percent": 101}])
async def test_a_report_says_one_thing(app: Running, service: Caller, ann: Caller, body: Any) -> None:
    course_id, _ = await bought(app, ann)
    assert problem(await report(service, course_id, user_id=ann.user_id, **body))["status"] == 422


async def test_a_percentage_is_a_services_word_for_a_course_without_items(
    app: Running, ann: Caller, service: Caller
) -> None:
    course_id, _ = await bought(app, ann)
    await without_items(app.services, course_id)
    assert problem(await report(ann, course_id, percent=50))["code"] == "forbidden"
    told = await report(service, course_id, percent=50, user_id=ann.user_id)
    assert (told.status_code, told.json()["progress_percent"]) == (200, 50)
    assert problem(await report(ann, course_id, "itm_1"))["code"] == "wrong_measure"


async def test_nobody_reports_for_another(app: Running, ann: Caller, pia: Caller) -> None:
    course_id, _ = await bought(app, ann)
    assert problem(await report(pia, course_id, "itm_1", user_id=ann.user_id))["code"] == "not_found"
    assert problem(await report(pia, course_id, "itm_1"))["code"] == "not_found"
    assert problem(await report(pia, "crs_none", "itm_1"))["code"] == "not_found"


async def test_while_the_money_is_asked_back_and_after_it_went_nothing_is_learnt(
    app: Running, ann: Caller, root: Caller
) -> None:
    course_id, payment_id = await bought(app, ann)
    await ask_back(app.services, ann.user_id, course_id)
    assert problem(await report(ann, course_id, "itm_1"))["code"] == "learning_frozen"
    assert problem(await content_of(ann, course_id))["code"] == "learning_frozen"
    assert (await root.refund(payment_id, note="asked")).status_code == 201
    assert problem(await report(ann, course_id, "itm_1"))["code"] == "access_ended"
    assert problem(await content_of(ann, course_id))["code"] == "access_ended"


# ------------------------------------------------------------------------------------------- certificates


async def test_a_certificate_is_claimed_once_plan_and_name_are_there(app: Running, ann: Caller) -> None:
    course_id, _ = await bought(app, ann)
    await report(ann, course_id, "itm_1")
    assert problem(await claim(ann, course_id))["code"] == "not_completed"
    done = (await report(ann, course_id, "itm_2")).json()
    assert (done["status"], done["certificate_id"]) == ("completed", "")
    refused = problem(await claim(ann, course_id))
    assert (refused["status"], refused["code"], refused["feature"]) == (
        403,
        "feature_missing",
        "certificates",
    )
    await ann.subscribe("pro")
    assert problem(await claim(ann, course_id, key="again"))["code"] == "name_missing"
    await named(ann, "Ann")
    answers = await asyncio.gather(claim(ann, course_id, key="again"), claim(ann, course_id))
    ids = {answer.json()["certificate_id"] for answer in answers}
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(ids) == 1
    assert (await claim(ann, course_id)).headers["location"] == f"/api/certificates/{ids.pop()}"


async def test_who_completed_nothing_has_nothing_to_claim(app: Running, ann: Caller) -> None:
    course_id = await free_course(app.services)
    assert problem(await claim(ann, course_id))["code"] == "not_found"
    assert problem(await app.client.get("/api/certificates/crt_none"))["code"] == "not_found"


async def test_a_certificate_is_printed_by_its_holder_with_the_address_that_proves_it(
    app: Running, pia: Caller, ann: Caller, root: Caller
) -> None:
    course_id, _ = await bought(app, pia)
    certificate_id = (await report(pia, course_id, "itm_1", "itm_2")).json()["certificate_id"]
    path = f"/api/certificates/{certificate_id}/pdf"
    printed = await pia.get(path)
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    assert printed.content.startswith(b"%PDF-")
    assert (await root.get(path)).content == printed.content
    kept = await pia.get(path, headers={"If-None-Match": printed.headers["etag"]})
    assert kept.status_code == 304
    assert problem(await ann.get(path))["code"] == "not_found"


async def test_a_refund_revokes_the_certificate_and_everybody_sees_it(
    app: Running, pia: Caller, root: Caller
) -> None:
    course_id, payment_id = await bought(app, pia)
    certificate_id = (await report(pia, course_id, "itm_1", "itm_2")).json()["certificate_id"]
    assert (await root.refund(payment_id, note="asked")).status_code == 201
    shown = await checked(app, certificate_id)
    assert shown["status"] == "revoked"
    assert shown["revoked_at"] >= shown["issued_at"]
    assert (
        problem(await pia.get(f"/api/certificates/{certificate_id}/pdf"))["code"] == "certificate_unprintable"
    )
    again = (await pia.buy(course_id, "pm_ok")).json()["enrolment"]
    assert (again["status"], again["progress_percent"], again["certificate_id"]) == ("active", 0, "")


async def test_a_certificate_is_found_by_keys_alone(app: Running) -> None:
    async with app.services.reading() as connection, connection.transaction(force_rollback=True):
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        asked = await connection.execute(SQL("EXPLAIN {}").format(certificates._FULL), ("crt_1",))
        plan = "\n".join(line for (line,) in await asked.fetchall())
    assert "Seq Scan" not in plan
    for table in ("certificates", "certificate_words", "course_revisions", "course_words"):
        assert f"using {table}_pkey" in plan


async def test_an_erased_name_is_on_no_certificate_and_was_in_no_fact(app: Running, pia: Caller) -> None:
    await named(pia, "Zenobia")
    course_id, _ = await bought(app, pia)
    certificate_id = (await report(pia, course_id, "itm_1", "itm_2")).json()["certificate_id"]
    await claim(pia, course_id)
    assert (await pia("DELETE", "/api/me")).status_code == 204
    shown = await checked(app, certificate_id)
    assert (shown["status"], shown["name"], shown["erased"]) == ("valid", None, True)
    assert problem(await pia.get(f"/api/certificates/{certificate_id}/pdf"))["status"] == 409
    everything = (
        "SELECT (SELECT string_agg(convert_from(data, 'UTF8') || metadata::text, ' ') FROM events)"
        " || (SELECT coalesce(string_agg(convert_from(body, 'UTF8'), ' '), '') FROM idempotency_keys)"
        " || (SELECT coalesce(string_agg(w::text, ' '), '') FROM certificate_words AS w)"
    )
    async with app.services.reading() as connection:
        [(kept,)] = await (await connection.execute(everything)).fetchall()
    assert certificate_id in kept
    assert "Zenobia" not in kept


async def test_a_certificate_says_what_was_completed_also_when_its_author_is_gone(
    app: Running, pia: Caller
) -> None:
    course_id, _ = await bought(app, pia)
    await app.projected()
    certificate_id = (await report(pia, course_id, "itm_1", "itm_2")).json()["certificate_id"]
    said = (await checked(app, certificate_id))["course"]
    author = app.caller((await pia.get(f"/api/courses/{course_id}")).json()["author"], "instructor")
    assert (await author("DELETE", "/api/me")).status_code == 204
    assert (await checked(app, certificate_id))["course"] == said != ERASED


async def test_the_worker_issues_what_a_request_did_not(app: Running, pia: Caller) -> None:
    """By the gateway, and once; without plan or name it is left to be claimed."""
    course_id = await free_course(app.services)
    enrolment_id = await enrolled(app.services, pia.user_id, course_id)
    effect = CertifyCompletion(course_id, pia.user_id, enrolment_id)
    of_service: Any = app.services.gateway
    store, unused, clock = app.services.store, SimpleNamespace(), app.services.clock
    gateway = StripeGateway(store, unused, clock, certifier=of_service.certifying)  # type: ignore[arg-type]  # Stripe is not asked
    assert (await gateway.deliver(effect, WORKER)).outcome is None, "not completed"
    await completed(app.services, pia.user_id, course_id)
    issued = await gateway.deliver(effect, WORKER)
    assert issued.outcome is not None
    assert [type(fact.event).__name__ for fact in issued.outcome.recorded] == ["CertificateIssued"]
    assert (await gateway.deliver(effect, WORKER)).outcome is None, "issued"
    with pytest.raises(Postponed, match="nothing here"):
        await StripeGateway(store, unused, clock).deliver(effect, WORKER)  # type: ignore[arg-type]  # as above


async def test_a_certificate_waits_for_the_database(app: Running, pia: Caller) -> None:
    course_id = await free_course(app.services)
    enrolment_id = await enrolled(app.services, pia.user_id, course_id)
    await completed(app.services, pia.user_id, course_id)
    store, clock = app.services.store, app.services.clock
    away = Certifying(store, clock, DEFAULT_CATALOGUE, "host=127.0.0.1 port=1")
    with pytest.raises(Postponed, match="database"):
        await away.certify(course_id, pia.user_id, enrolment_id, WORKER)


# -------------------------------------------------------------------------------------------- view_courses


async def test_a_plan_has_so_many_free_courses_and_what_is_paid_for_is_never_counted(
    app: Running, ann: Caller
) -> None:
    courses = [await free_course(app.services) for _ in range(6)]
    for course_id in courses:
        await enrolled(app.services, ann.user_id, course_id)
    for course_id in courses[:5]:
        assert (await report(ann, course_id, "itm_1")).status_code == 200
    told = (await ann.get("/api/features/view_courses/check")).json()
    assert (told["allowed"], told["reason"], told["used"], told["limit"]) == (False, "limit_reached", 5, 5)
    for refused in (await report(ann, courses[5], "itm_1"), await content_of(ann, courses[5])):
        why = problem(refused)
        assert (why["status"], why["code"]) == (403, "course_limit_reached")
        assert (why["feature"], why["used"], why["limit"]) == ("view_courses", 5, 5)
    assert (await report(ann, courses[0], "itm_2")).json()["status"] == "completed", "it is started"
    paid, _ = await bought(app, ann)
    assert (await report(ann, paid, "itm_1")).status_code == 200
    await ann.subscribe("pro")
    assert (await report(ann, courses[5], "itm_1")).status_code == 200


async def test_a_report_that_is_refused_starts_nothing(app: Running, ann: Caller) -> None:
    course_id = await free_course(app.services)
    await enrolled(app.services, ann.user_id, course_id)
    assert (await report(ann, course_id, "itm_9")).status_code == 422
    assert (await ann.get("/api/features/view_courses/check")).json()["used"] == 0


async def test_of_two_devices_that_start_the_last_course_one_wins(app: Running, ann: Caller) -> None:
    courses = [await free_course(app.services) for _ in range(6)]
    for course_id in courses:
        await enrolled(app.services, ann.user_id, course_id)
    for course_id in courses[:4]:
        assert (await content_of(ann, course_id)).status_code == 200
    answers = await asyncio.gather(*(content_of(ann, course_id) for course_id in courses[4:]))
    assert sorted(answer.status_code for answer in answers) == [200, 403]


# ------------------------------------------------------------------------------------------------- content


async def test_content_comes_with_tickets_that_its_keeper_checks_alone(app: Running, ann: Caller) -> None:
    course_id, _ = await bought(app, ann)
    opened = await content_of(ann, course_id)
    assert (opened.status_code, opened.headers["cache-control"]) == (200, "no-store")
    item = opened.json()["items"][0]
    assert (item["item_id"], item["title"], item["content_ref"]) == ("itm_1", "One", "s3://lessons/1.mp4")
    claims = await verified(app, item["ticket"])
    assert (claims["sub"], claims["course"], claims["item"]) == (ann.user_id, course_id, "itm_1")
    assert claims["sha256"] == item["sha256"]
    assert claims["exp"] - claims["iat"] == timedelta(minutes=15).total_seconds()
    forged = app.client.get("/api/enrolments", headers={"Authorization": f"Bearer {item['ticket']}"})
    assert problem(await forged)["code"] == "unauthenticated"


async def verified(app: Running, ticket: str) -> dict[str, Any]:
    """As whoever keeps the content does it."""
    keys = PyJWKSet.from_dict((await app.client.get("/.well-known/jwks.json")).json())
    key = keys[jwt.get_unverified_header(ticket)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        ticket, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer="liberation"
    )
    return claims


async def test_tickets_for_offline_last_a_month_on_a_plan_that_has_them(
    app: Running, ann: Caller, pia: Caller
) -> None:
    course_id, _ = await bought(app, ann)
    refused = problem(await content_of(ann, course_id, offline=True))
    assert (refused["code"], refused["feature"]) == ("feature_missing", "offline_access")
    other_id, _ = await bought(app, pia)
    opened = (await content_of(pia, other_id, offline=True)).json()
    claims = await verified(app, opened["items"][0]["ticket"])
    assert claims["exp"] - claims["iat"] == timedelta(days=30).total_seconds()


async def test_content_is_for_who_has_the_course_who_teaches_it_and_admins(
    app: Running, ann: Caller, root: Caller
) -> None:
    course_id = await free_course(app.services)
    assert problem(await content_of(ann, course_id))["code"] == "not_found"
    assert problem(await content_of(ann, "crs_none"))["code"] == "not_found"
    for caller in (root, app.caller(IVY, "instructor")):
        assert (await content_of(caller, course_id)).status_code == 200
    assert (await root.get("/api/features/view_courses/check")).json()["used"] == 0


async def test_a_service_that_cannot_sign_says_so(app: Running, root: Caller, tmp_path: Any) -> None:
    course_id = await free_course(app.services)
    kept, nowhere = app.services.tickets, tmp_path / "file"
    nowhere.write_text("")
    app.replace(tickets=Tickets(nowhere / "below", "liberation"))
    assert problem(await content_of(root, course_id))["code"] == "tickets_unavailable"
    assert len((await app.client.get("/.well-known/jwks.json")).json()["keys"]) == 1
    app.replace(tickets=kept)


def test_all_processes_of_a_data_directory_sign_with_one_key(tmp_path: Any) -> None:
    first, second = (Tickets(tmp_path / "data", "liberation") for _ in range(2))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert first.jwks() == second.jwks()
    assert first.sign({"sub": "a"}, now, now) == second.sign({"sub": "a"}, now, now)
