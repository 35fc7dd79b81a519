"""Tokens and streaks over HTTP: earned by what is learnt, taught and written, given by hand, and taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from api.settings import Settings
from api.streaks.zones import ContactZones
from api.tokens.settling import settle_tokens
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.effects import FollowCompletion
from ledger.enrolments.commands import RevokeEnrolment
from ledger.ids import new_id
from ledger.message import Origin
from ledger.rewards import DEFAULT_RULES, Rule
from ledger.store import conninfo
from ledger.tokens.decider import TOKENS
from ledger.tokens.stream import stream_of
from tests.api.courses import ways
from tests.api.enrolments.learners import IVY, enrolment, free_course, report
from tests.api.enrolments.learners import enrolled as enrol
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))


@pytest.fixture(scope="module")
def shared() -> FakeStripe:
    return FakeStripe()


@pytest.fixture(scope="module")
async def app(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory, shared: FakeStripe
) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("tokens")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, shared) as opened:
        shared.zones = ContactZones(opened.services.point_reads)
        yield opened
    drop(server, url)


@pytest.fixture(autouse=True)
def now(shared: FakeStripe) -> None:
    """Time begins at the beginning of a month, so that no test is in two of them."""
    first = datetime.now(UTC).replace(day=1, hour=12, minute=0) + timedelta(days=40)
    shared.offset = first.replace(day=1) - datetime.now(UTC)


@pytest.fixture
def ann(app: Running) -> Caller:
    return app.caller(new_id("usr"), "student")


@pytest.fixture
async def pia(app: Running) -> Caller:
    """On the plan pro: 500 tokens a month."""
    caller = app.caller(new_id("usr"), "student")
    assert (await caller.subscribe("pro")).status_code == 201
    return caller


@pytest.fixture
def root(app: Running) -> Caller:
    return app.caller("usr_root", "admin")


@pytest.fixture
def eve(app: Running) -> Caller:
    return app.caller("usr_eve", "admin")


@pytest.fixture
def service(app: Running) -> Caller:
    return app.caller("svc_forum", "service")


async def post(caller: Caller, path: str, *, key: str | None = None, **body: Any) -> Any:
    return await caller("POST", f"/api/tokens/{path}", key=key or new_id("key"), json=body)


async def balance(caller: Caller) -> dict[str, Any]:
    answer = await caller.get("/api/tokens/balance")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def sums(caller: Caller) -> tuple[int, int, int]:
    found = await balance(caller)
    return found["balance"], found["pending"], found["debt"]


async def history(app: Running, caller: Caller, query: str = "") -> list[dict[str, Any]]:
    await app.projected()
    items: list[dict[str, Any]] = (await caller.get(f"/api/tokens/history{query}")).json()["items"]
    return items


# ------------------------------------------------------------------------------------------------- learning


async def test_a_course_that_is_completed_is_awarded_once(app: Running, pia: Caller) -> None:
    course_id = await free_course(app.services)
    await enrol(app.services, pia.user_id, course_id)
    await app.projected()
    for _ in range(2):
        assert (await report(pia, course_id, "itm_1", "itm_2")).status_code == 200
    assert await sums(pia) == (100, 0, 0)
    [movement] = await history(app, pia)
    assert (movement["kind"], movement["rule"], movement["source_ref"]) == (
        "awarded",
        "course_completed",
        course_id,
    )
    assert (movement["change"], movement["balance"]) == (100, 100)


async def test_a_paid_course_is_pending_until_it_can_be_refunded_no_more(
    app: Running, pia: Caller, shared: FakeStripe
) -> None:
    course_id = await ways.course_of(app.services, IVY, ways.PUBLISHED)
    await app.projected()
    assert (await pia.buy(course_id)).status_code == 201
    await app.projected()
    await report(pia, course_id, "itm_1", "itm_2")
    found = await balance(pia)
    assert (found["balance"], found["pending"], found["cap_left"]) == (0, 100, 400)
    [waiting] = found["maturing"]
    assert (waiting["amount"], waiting["source_ref"]) == (100, course_id)
    shared.offset += timedelta(days=31)
    assert await sums(pia) == (100, 0, 0), "it counts at once"


async def test_a_refund_claws_the_award_back_and_what_was_spent_is_owed(
    app: Running, pia: Caller, root: Caller, shared: FakeStripe
) -> None:
    course_id = await ways.course_of(app.services, IVY, ways.PUBLISHED)
    await app.projected()
    assert (await pia.buy(course_id)).status_code == 201
    payment_id = (await enrolment(app.services, pia.user_id, course_id)).payment_id
    await app.projected()
    await report(pia, course_id, "itm_1", "itm_2")
    shared.offset += timedelta(days=31)
    assert (await post(root, "penalise", user_id=pia.user_id, amount=30, reason="Copied")).status_code == 201
    refunded = await root.refund(payment_id, note="Goodwill", reason="requested_by_customer")
    assert refunded.status_code == 201, refunded.text
    assert await sums(pia) == (0, 0, 30)
    kinds = [one["kind"] for one in await history(app, pia)]
    assert kinds == ["clawed_back", "penalised", "matured", "awarded"]


async def test_what_an_enrolment_came_to_before_its_award_was_recorded_is_seen_after_it(
    app: Running, pia: Caller
) -> None:
    """The award was decided on the completion, and recorded behind the loss of the access."""
    course_id = await ways.course_of(app.services, IVY, ways.PUBLISHED)
    await app.projected()
    assert (await pia.buy(course_id)).status_code == 201
    payment_id = (await enrolment(app.services, pia.user_id, course_id)).payment_id
    await app.projected()
    await report(pia, course_id, "itm_1", "itm_2")
    revoked = RevokeEnrolment(
        command_id=new_id("cmd"),
        effective_at=app.services.now(),
        course_id=course_id,
        learner_id=pia.user_id,
        payment_id=payment_id,
        as_of=1_000,
        cause="refunded",
        cause_id="re_late",
    )
    await app.services.store.handle(revoked, SYSTEM)
    effect, gateway = FollowCompletion(course_id, pia.user_id), app.services.gateway
    fact = (await app.services.store.read_stream(stream_of(pia.user_id)))[-1]
    await gateway.deliver_now(effect, SYSTEM, fact)
    assert await sums(pia) == (0, 0, 0)
    await gateway.deliver_now(effect, SYSTEM, fact)
    assert len(await history(app, pia)) == 2


async def test_a_course_that_is_published_is_awarded_to_its_author_once(app: Running, root: Caller) -> None:
    ivy = app.caller(new_id("usr"), "instructor")
    assert (await ivy.subscribe("pro")).status_code == 201
    course_id = await ways.course_of(app.services, ivy.user_id, ("submit", "approve"))
    await app.projected()
    path = f"/api/courses/{course_id}"
    assert (await ivy("POST", f"{path}/publish", key=new_id("key"), json={})).status_code == 200
    assert await sums(ivy) == (500, 0, 0)
    for step in ("archive", "unarchive"):
        answer = await ivy("POST", f"{path}/{step}", key=new_id("key"), json={})
        assert answer.status_code == 200, answer.text
    assert await sums(ivy) == (500, 0, 0)
    assert (await root.get(f"/api/tokens/balance?user_id={ivy.user_id}")).json()["cap_left"] == 0


async def test_a_review_that_three_found_helpful_is_awarded_once(app: Running, ann: Caller) -> None:
    course_id = await free_course(app.services)
    await enrol(app.services, ann.user_id, course_id)
    await app.projected()
    await report(ann, course_id, "itm_1")
    path = f"/api/courses/{course_id}/reviews"
    posted = await ann("POST", path, key=new_id("key"), json={"rating": 5, "text": "Clear and kind"})
    assert posted.status_code == 201, posted.text
    await app.projected()
    helpful = f"{path}/{posted.json()['review_id']}/helpful"
    for earned in (0, 0, 10, 10):
        voter = app.caller(new_id("usr"), "student")
        assert (await voter("POST", helpful, key=new_id("key"), json={})).status_code == 200
        assert (await balance(ann))["balance"] == earned


# -------------------------------------------------------------------------------------------------- by hand


async def test_an_admin_gives_tokens_by_hand_and_a_repeat_gives_them_once(ann: Caller, root: Caller) -> None:
    body: dict[str, Any] = {"user_id": ann.user_id, "amount": 120, "reason": "For answers in the forum"}
    first = await post(root, "award", key="gift", **body)
    assert first.status_code == 201
    given = first.json()
    assert (given["status"], given["asked"], given["granted"]) == ("granted", 120, 120)
    again = await post(root, "award", key="gift", **body)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (given, "true")
    assert await sums(ann) == (120, 0, 0)
    found = await balance(ann)
    assert (found["tier"], found["cap"], found["cap_left"]) == ("free", 50, 50), "by hand uses no cap"


async def test_a_source_is_awarded_once_and_the_same_again_is_a_repeat(ann: Caller, service: Caller) -> None:
    body: dict[str, Any] = {"user_id": ann.user_id, "rule": "helpful_review", "source_ref": "rvw_elsewhere"}
    first = await post(service, "award", **body)
    again = await post(service, "award", **body)
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.json() == again.json()
    assert await sums(ann) == (10, 0, 0)
    other = problem(await post(service, "award", **body, reason="Another"))
    assert (other["status"], other["code"]) == (409, "source_used")


async def test_beyond_the_cap_what_is_left_is_granted_and_then_nothing(ann: Caller, service: Caller) -> None:
    granted = []
    for number in range(2):
        body: dict[str, Any] = {
            "user_id": ann.user_id,
            "rule": "course_completed",
            "source_ref": f"elsewhere_{number}",
        }
        answer = await post(service, "award", **body)
        granted.append(answer.json()["granted"] if answer.status_code == 201 else problem(answer)["code"])
    assert granted == [50, "cap_reached"]
    found = await balance(ann)
    assert (found["cap_used"], found["cap_left"]) == (50, 0)


async def test_a_rule_gives_so_much_on_a_day(app: Running, pia: Caller, service: Caller) -> None:
    answers = []
    for number in range(6):
        body: dict[str, Any] = {
            "user_id": pia.user_id,
            "rule": "helpful_review",
            "source_ref": f"rvw_{number}",
        }
        answers.append(await post(service, "award", **body))
    assert [answer.status_code for answer in answers] == [201] * 5 + [409]
    assert problem(answers[-1])["code"] == "daily_limit_reached"


async def test_more_than_an_admin_may_give_waits_for_another(
    app: Running, ann: Caller, root: Caller, eve: Caller
) -> None:
    body: dict[str, Any] = {"user_id": ann.user_id, "amount": 900, "reason": "For a year of answers"}
    asked = (await post(root, "award", **body)).json()
    assert (asked["status"], asked["granted"], asked["lot_id"]) == ("waiting", 0, None)
    assert asked["confirm"] == f"/api/tokens/awards/{asked['request_id']}/confirm"
    assert asked["waits_for"].startswith("Another administrator")
    await app.projected()
    [waiting] = [
        one for one in (await eve.get("/api/tokens/awards")).json()["items"] if one["user_id"] == ann.user_id
    ]
    assert (waiting["requested_by"], waiting["amount"], waiting["status"]) == ("usr_root", 900, "waiting")
    path = f"awards/{asked['request_id']}"
    own = problem(await post(root, f"{path}/confirm"))
    assert (own["status"], own["code"]) == (403, "same_admin")
    confirmed = await post(eve, f"{path}/confirm", key="yes")
    assert (confirmed.status_code, confirmed.json()["granted"]) == (201, 900)
    assert (await post(eve, f"{path}/confirm", key="yes")).json() == confirmed.json()
    await app.projected()
    for caller, how in ((eve, "decline"), (app.caller("usr_max", "admin"), "confirm")):
        late = problem(await post(caller, f"{path}/{how}"))
        assert (late["status"], late["code"]) == (409, "award_decided")
        assert late["detail"] == f"The award {asked['request_id']} was confirmed already."
    assert await sums(ann) == (900, 0, 0)
    for nobodys in ("%00", "awr_%00", "x" * 3_000):
        assert (await post(eve, f"awards/{nobodys}/confirm")).status_code == 404
    unknown = problem(await post(eve, "awards/awr_none/confirm"))
    assert (unknown["status"], unknown["detail"]) == (404, "There is no award 'awr_none'.")


async def test_no_admin_gives_themselves_tokens_alone(root: Caller, eve: Caller) -> None:
    body: dict[str, Any] = {"user_id": eve.user_id, "amount": 1, "reason": "For a year of answers"}
    asked = (await post(eve, "award", **body)).json()
    assert (asked["status"], asked["granted"]) == ("waiting", 0)
    assert "themselves" in asked["waits_for"]
    assert (await post(root, f"awards/{asked['request_id']}/confirm")).json()["granted"] == 1
    asked = (await post(root, "award", **{**body, "amount": 900})).json()
    own = problem(await post(eve, f"awards/{asked['request_id']}/confirm"))
    assert (own["status"], own["code"]) == (403, "same_admin")
    by_rule = problem(await post(eve, "award", user_id=eve.user_id, rule="course_published", source_ref="1"))
    assert (by_rule["status"], by_rule["code"]) == (403, "forbidden")


async def test_what_a_second_admin_confirms_keeps_within_the_operators_limits(
    app: Running, ann: Caller, root: Caller, eve: Caller
) -> None:
    rules = {**DEFAULT_RULES.rules, "by_hand": Rule(amount=0, counts=False, a_day=600)}
    tokens = replace(DEFAULT_RULES, rules=rules)
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, tokens=tokens))
    asked = [
        (await post(root, "award", user_id=ann.user_id, amount=501, reason="A prize")).json()["request_id"]
        for _ in range(3)
    ]
    granted = [(await post(eve, f"awards/{one}/confirm")).json()["granted"] for one in asked[:2]]
    assert granted == [501, 99]
    assert problem(await post(eve, f"awards/{asked[2]}/confirm"))["code"] == "daily_limit_reached"


async def test_an_award_that_is_declined_gives_nothing(ann: Caller, root: Caller, eve: Caller) -> None:
    body: dict[str, Any] = {"user_id": ann.user_id, "amount": 501, "reason": "Too much"}
    asked = (await post(root, "award", **body)).json()
    assert (await post(root, f"awards/{asked['request_id']}/decline")).status_code == 204
    late = problem(await post(eve, f"awards/{asked['request_id']}/confirm"))
    assert (late["status"], late["code"]) == (409, "award_decided")
    assert await sums(ann) == (0, 0, 0)


async def test_what_is_given_in_parts_and_by_several_admins_is_one_day_of_the_user(
    ann: Caller, root: Caller, eve: Caller, shared: FakeStripe
) -> None:
    """Also when both are given at once, and until the next day (UTC) begins."""
    gift: dict[str, Any] = {"user_id": ann.user_id, "amount": 300, "reason": "Thanks"}
    given = await asyncio.gather(*(post(admin, "award", **gift) for admin in (root, eve)))
    assert sorted(answer.json()["status"] for answer in given) == ["granted", "waiting"]
    rest = await post(root, "award", **{**gift, "amount": 200})
    more = await post(eve, "award", **{**gift, "amount": 1})
    assert [one.json()["status"] for one in (rest, more)] == ["granted", "waiting"]
    assert await sums(ann) == (500, 0, 0)
    shared.offset += timedelta(hours=12)
    assert (await post(eve, "award", **gift)).json()["status"] == "granted"


async def test_an_award_that_is_declined_leaves_no_trace_in_tokens_nor_uses_a_limit(
    app: Running, ann: Caller, root: Caller, eve: Caller
) -> None:
    gift: dict[str, Any] = {"user_id": ann.user_id, "amount": 600, "reason": "Thanks"}
    asked = (await post(root, "award", **gift)).json()
    await app.projected()
    assert (await post(eve, f"awards/{asked['request_id']}/decline")).status_code == 204
    assert await history(app, ann) == []
    assert await _outstanding(app, ann.user_id) == []
    assert (await post(root, "award", **{**gift, "amount": 500})).json()["status"] == "granted"
    assert await sums(ann) == (500, 0, 0)


# --------------------------------------------------------------------------------------- unusually much


async def suspicions(app: Running, caller: Caller, user_id: str) -> list[dict[str, Any]]:
    await app.projected()
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await caller.get(f"/api/tokens/velocity?limit=2{cursor}")).json()
        items += page["items"]
        if not page["has_more"]:
            return [one for one in items if one["user_id"] == user_id]
        cursor = f"&cursor={page['next_cursor']}"


async def test_who_is_given_unusually_much_is_shown_with_what_was_seen_and_since_when(
    app: Running, ann: Caller, root: Caller, shared: FakeStripe
) -> None:
    for _ in range(6):
        await post(root, "award", user_id=ann.user_id, amount=75, reason="Thanks")
    day = shared.now().replace(hour=0, minute=0, second=0, microsecond=0)
    near, often = sorted(await suspicions(app, root, ann.user_id), key=lambda one: str(one["limit"]))
    assert near == {
        "user_id": ann.user_id,
        "limit": "alone_bp",
        "allowed": 450,
        "times": 6,
        "tokens": 450,
        "admin_id": None,
        "since": f"{day:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{day + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    assert (often["limit"], often["allowed"], often["times"], often["admin_id"]) == (
        "by_one_admin",
        5,
        6,
        "usr_root",
    )


async def test_who_earns_as_others_do_is_not_shown(app: Running, ann: Caller, root: Caller) -> None:
    for _ in range(5):
        await post(root, "award", user_id=ann.user_id, amount=80, reason="Thanks")
    assert await suspicions(app, root, ann.user_id) == []


async def test_a_cursor_of_another_list_is_refused(root: Caller) -> None:
    assert (await root.get("/api/tokens/velocity?cursor=WzFd")).status_code == 422


@pytest.mark.parametrize(
    ("role", "body", "status", "code"),
    [
        ("service", {"amount": 5, "reason": "x"}, 403, "forbidden"),
        ("admin", {"amount": 5}, 422, "invalid_tokens"),
        ("admin", {"reason": "x"}, 422, "invalid_tokens"),
        ("admin", {"rule": "quiz", "source_ref": "q"}, 422, "unknown_rule"),
        ("service", {"rule": "helpful_review"}, 422, "invalid_tokens"),
        ("service", {"rule": "helpful_review", "source_ref": "r", "amount": 5}, 422, "invalid_tokens"),
        ("student", {"amount": 5, "reason": "x"}, 403, "forbidden"),
    ],
)
async def test_what_cannot_be_awarded_so(
    app: Running, ann: Caller, role: str, body: dict[str, Any], status: int, code: str
) -> None:
    sender = app.caller(f"usr_{role}", role)
    refused = problem(await post(sender, "award", user_id=ann.user_id, **body))
    assert (refused["status"], refused["code"]) == (status, code)
    assert await sums(ann) == (0, 0, 0)


async def test_a_penalty_beyond_the_balance_is_debt_that_later_awards_repay(
    ann: Caller, root: Caller
) -> None:
    await post(root, "award", user_id=ann.user_id, amount=20, reason="Thanks")
    taken = await post(root, "penalise", user_id=ann.user_id, amount=50, reason="Copied answers")
    assert taken.status_code == 201
    shown = taken.json()
    assert (shown["taken"], shown["owed"], shown["balance"], shown["debt"]) == (20, 30, 0, 30)
    given = await post(root, "award", user_id=ann.user_id, amount=100, reason="Thanks again")
    assert given.json()["repaid"] == 30
    assert await sums(ann) == (70, 0, 0)
    blank = problem(await post(root, "penalise", user_id=ann.user_id, amount=1, reason=" "))
    assert blank["code"] == "invalid_tokens"


async def test_many_awards_at_once_to_one_account_are_all_of_them(
    app: Running, ann: Caller, root: Caller
) -> None:
    """And what a source is worth is given once, however many ask for it."""
    once: dict[str, Any] = {"user_id": ann.user_id, "amount": 5, "reason": "Once", "source_ref": "quiz"}
    answers = await asyncio.gather(*(post(root, "award", **once) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    each: dict[str, Any] = {"user_id": ann.user_id, "amount": 2, "reason": "Each"}
    await asyncio.gather(*(post(root, "award", **each) for _ in range(50)))
    assert await sums(ann) == (105, 0, 0)
    [books] = await _outstanding(app, ann.user_id)
    assert books == 105


async def _outstanding(app: Running, user_id: str) -> list[int]:
    await app.projected()
    query = "SELECT credit_minor - debit_minor FROM balances WHERE account = '9100' AND party = %s"
    async with app.services.reading() as connection:
        return [row[0] for row in await (await connection.execute(query, (user_id,))).fetchall()]


async def test_the_books_have_tokens_in_a_unit_of_their_own(app: Running, ann: Caller, root: Caller) -> None:
    await post(root, "award", user_id=ann.user_id, amount=40, reason="Thanks")
    await post(root, "penalise", user_id=ann.user_id, amount=50, reason="Copied")
    await app.projected()
    query = {"account": "9100", "currency": "tok", "party": ann.user_id}
    explained = (await root.get("/api/ledger/explain", params=query)).json()
    assert (explained["name"], explained["currency"]) == ("Tokens outstanding", "TOK")
    assert (explained["closing_minor"], len(explained["parts"])) == (10, 2), "owed by the user"
    trial = (await root.get("/api/ledger/trial-balance")).json()
    [total] = [one for one in trial["totals"] if one["currency"] == "TOK"]
    assert total["debit_minor"] == total["credit_minor"]
    assert {one["currency"] for one in trial["items"] if one["account"] >= "9000"} == {"TOK"}


# ------------------------------------------------------------------------------------------ expiry, reading


async def test_what_expires_counts_at_once_and_is_recorded_by_the_worker(
    app: Running, ann: Caller, root: Caller, shared: FakeStripe
) -> None:
    await post(root, "award", user_id=ann.user_id, amount=40, reason="Thanks")
    shared.offset += timedelta(days=340)
    [soon] = (await balance(ann))["expiring"]
    assert soon["amount"] == 40
    shared.offset += timedelta(days=30)
    assert await sums(ann) == (0, 0, 0)
    await app.projected()
    dsn = conninfo(app.services.database_url, schema=app.services.settings.schema)
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        assert await settle_tokens(connection, app.services.store, shared) >= 1
        await app.projected()
        assert await settle_tokens(connection, app.services.store, shared) == 0
    newest, _ = await history(app, ann)
    assert (newest["kind"], newest["change"], newest["balance"]) == ("expired", -40, 0)
    state = await app.services.store.state(TOKENS, stream_of(ann.user_id))
    assert state.balance == 0


async def test_the_history_is_read_in_pages_and_is_the_users_own(
    app: Running, ann: Caller, pia: Caller, root: Caller
) -> None:
    for number in range(3):
        await post(root, "award", user_id=ann.user_id, amount=number + 1, reason="Thanks")
    await app.projected()
    first = (await ann.get("/api/tokens/history?limit=2")).json()
    rest = (await ann.get(f"/api/tokens/history?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["balance"] for one in (*first["items"], *rest["items"])] == [6, 3, 1]
    assert first["items"][0]["reason"] == "Thanks"
    for path in ("balance", "history", "streak"):
        assert (await pia.get(f"/api/tokens/{path}?user_id={ann.user_id}")).status_code == 404
        assert (await root.get(f"/api/tokens/{path}?user_id={ann.user_id}")).status_code == 200


# ---------------------------------------------------------------------------------------------- streaks


async def learnt(app: Running, caller: Caller, course_id: str, item: str) -> None:
    assert (await report(caller, course_id, item)).status_code == 200
    await app.projected()


async def streak(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = (await caller.get("/api/tokens/streak")).json()
    return found


async def test_a_streak_of_seven_days_is_awarded_and_is_told_until_when_today_counts(
    app: Running, pia: Caller, shared: FakeStripe
) -> None:
    none = await streak(pia)
    assert (none["current"], none["longest"], none["today_counts"], none["kept_until"]) == (0, 0, False, None)
    for day in range(7):
        course_id = await free_course(app.services)
        await enrol(app.services, pia.user_id, course_id)
        await app.projected()
        await learnt(app, pia, course_id, "itm_1")
        assert (await streak(pia))["current"] == day + 1
        shared.offset += timedelta(days=1)
    found = await streak(pia)
    assert (found["current"], found["today_counts"], found["time_zone"]) == (7, False, "UTC")
    assert found["kept_until"] == found["today_ends_at"]
    assert await sums(pia) == (50, 0, 0)
    [bonus] = await history(app, pia)
    assert bonus["rule"] == "streak_7"
    shared.offset += timedelta(days=1)
    lost = await streak(pia)
    assert (lost["current"], lost["longest"]) == (0, 7)


async def test_days_begin_where_the_learner_is(app: Running, ann: Caller, shared: FakeStripe) -> None:
    """Kiritimati is 14 hours ahead: at noon (UTC) it is tomorrow there."""
    kept = await ann("PUT", "/api/me", json={"time_zone": "Pacific/Kiritimati"})
    assert kept.status_code == 200
    course_id = await free_course(app.services)
    await enrol(app.services, ann.user_id, course_id)
    await app.projected()
    await learnt(app, ann, course_id, "itm_1")
    found = await streak(ann)
    tomorrow = (shared.now() + timedelta(days=1)).date().isoformat()
    assert (found["today"], found["today_counts"], found["time_zone"]) == (
        tomorrow,
        True,
        "Pacific/Kiritimati",
    )


async def test_the_zone_changes_once_a_day_and_nothing_of_a_refused_change_is_kept(
    ann: Caller, shared: FakeStripe
) -> None:
    first = {"name": "Ann", "time_zone": "Europe/Berlin"}
    assert (await ann("PUT", "/api/me", json=first)).status_code == 200
    assert (await ann("PUT", "/api/me", json=first)).status_code == 200, "it is the same zone"
    refused = problem(await ann("PUT", "/api/me", json={"name": "Anna", "time_zone": "Asia/Tokyo"}))
    assert (refused["status"], refused["code"]) == (409, "time_zone_changed_lately")
    kept = (await ann.get("/api/me")).json()
    assert (kept["name"], kept["time_zone"]) == ("Ann", "Europe/Berlin")
    assert (await ann("PUT", "/api/me", json={"name": "Anna"})).status_code == 200
    shared.offset += timedelta(hours=24)
    assert (await ann("PUT", "/api/me", json={"time_zone": "Asia/Tokyo"})).status_code == 200


async def test_erasing_contact_data_is_never_refused_and_is_no_way_round_the_limit(
    ann: Caller, shared: FakeStripe
) -> None:
    await ann("PUT", "/api/me", json={"time_zone": "Europe/Berlin"})
    assert (await ann("DELETE", "/api/me")).status_code == 204
    assert (await ann("PUT", "/api/me", json={"time_zone": "Asia/Tokyo"})).status_code == 409
    shared.offset += timedelta(hours=24)
    assert (await ann("PUT", "/api/me", json={"time_zone": "Asia/Tokyo"})).status_code == 200
