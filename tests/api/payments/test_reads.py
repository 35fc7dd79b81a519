"""Reads: pages that stay put, answers that need not be sent twice, and seeing one's own writes."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode

import psycopg
import pytest
from psycopg.sql import SQL

from api.http.positions import Positions
from api.http.problems import TooSlow, status_of
from api.operations.oversight import _AUDIT
from api.services import projected_and_head
from ledger.store import conninfo
from ledger.streaks.events import TimeZoneChanged
from tests.api.conftest import OpenApp
from tests.api.support import Caller, Running, problem, until


async def test_pages_join_to_the_whole_list_while_new_payments_arrive(app: Running, student: Caller) -> None:
    made = [(await student.pay(amount_minor=100 + n)).json()["payment_id"] for n in range(5)]
    await app.projected()
    seen, cursor = [], ""
    while True:
        page = (await student.get(f"/api/payments/history?limit=2{cursor}")).json()
        seen += [item["payment_id"] for item in page["items"]]
        await student.pay()  # newer than all of the list
        await app.projected()
        if not page["has_more"]:
            assert page["next_cursor"] is None
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=%00",
        "cursor=" + urlsafe_b64encode(b"[1,2]").decode(),
        "cursor=" + urlsafe_b64encode(b'["a"]').decode(),
        "cursor=" + urlsafe_b64encode(b"[99999999999999999999]").decode(),
        "limit=0",
        "limit=101",
        "limit=x",
        "status=lost",
        "currency=dollar",
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "user_id=%00",
        "statsu=succeeded",
        "services=1",
        "limit=1&limit=2",
    ],
)
async def test_a_query_that_cannot_be_is_refused_at_the_parameter(refused: Caller, query: str) -> None:
    answer = await refused.get(f"/api/payments/history?{query}")
    assert answer.status_code == 422, answer.text
    assert problem(answer)["errors"][0]["parameter"] == query.partition("=")[0]


async def test_filters(app: Running, student: Caller) -> None:
    await student.pay("pm_ok", currency="eur")
    await student.pay("pm_funds")
    await app.projected()

    async def count(query: str) -> int:
        answer = await student.get(f"/api/payments/history?{query}")
        assert answer.status_code == 200, answer.text
        return len(answer.json()["items"])

    assert await count("status=succeeded") == 1
    assert await count("status=failed") == 1
    assert await count("currency=EUR") == 1
    assert await count("from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00%2B02:00") == 2
    assert await count("to=2020-01-01T00:00:00Z") == 0
    assert await count("user_id=usr_student") == 2


async def test_what_the_caller_has_is_not_sent_again(app: Running, student: Caller, admin: Caller) -> None:
    payment_id = (await student.pay()).json()["payment_id"]
    await app.projected()
    path = f"/api/payments/{payment_id}"
    first = await student.get(path)
    etag = first.headers["etag"]
    for wanted in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = await student.get(path, headers={"If-None-Match": wanted})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == etag
    assert (await student.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    assert (await admin.get(path, headers={"If-None-Match": etag})).status_code == 200, "an admin sees more"
    assert first.headers["cache-control"] == "private, no-cache"

    await student.refund(payment_id)
    await app.projected()
    changed = await student.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_a_read_sees_the_write_it_asks_for(app: Running, student: Caller) -> None:
    for _ in range(10):
        write = await student.pay()
        position = write.headers["ledger-position"]
        read = await student.get("/api/payments/history?limit=1", headers={"Ledger-Position": position})
        assert read.json()["items"][0]["payment_id"] == write.json()["payment_id"]
        assert int(read.headers["ledger-position"]) >= int(position)


async def test_a_position_that_is_not_projected_in_time_is_503(open_app: OpenApp) -> None:
    app = await open_app(read_your_writes_timeout_s=0.05)
    student = app.caller("usr_1", "student")
    app.services.positions.appended(1_000_000)  # nobody projects it
    answer = await student.get("/api/me", headers={"Ledger-Position": "1000000"})
    assert (answer.status_code, problem(answer)["code"]) == (503, "position_not_reached")
    assert answer.headers["retry-after"] == "1"
    for wrong in ("-1", "x", "1" * 40, "\u0661"):
        refused = await student.get("/api/me", headers={"Ledger-Position": wrong.encode()})
        assert refused.status_code == 422, wrong


async def test_a_position_beyond_the_ledger_is_refused_without_waiting(app: Running, student: Caller) -> None:
    app.services.positions._timeout_s = 3600.0
    answer = await student.get("/api/me", headers={"Ledger-Position": "1000000"})
    assert answer.status_code == 422
    assert problem(answer)["errors"] == [
        {"detail": "beyond the ledger's end", "parameter": "Ledger-Position"}
    ]


async def test_what_needs_no_credential_waits_for_no_position(refusing: Running) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/api/plans", "/schema"):
        answer = await refusing.client.get(path, headers={"Ledger-Position": "1000000"})
        assert answer.status_code == 200, path


async def test_all_that_wait_share_one_question() -> None:
    asked, answers = 0, asyncio.Event()

    async def fetch() -> tuple[int, int]:
        nonlocal asked
        asked += 1
        if asked > 1:
            await answers.wait()
            return 7, 7
        return 0, 7

    positions = Positions(fetch, 5.0)
    waiting = [asyncio.create_task(positions.wait(7)) for _ in range(100)]
    waiting[0].cancel()
    await until(lambda: _is(asked == 2))
    answers.set()
    await asyncio.gather(*waiting[1:])
    assert asked == 2, "one for the head and one look, for all of them"


async def test_a_question_older_than_the_write_refuses_nothing() -> None:
    asked, held = 0, asyncio.Event()

    async def fetch() -> tuple[int, int]:
        nonlocal asked
        asked += 1
        if asked == 1:
            await held.wait()
            return 0, 0
        return 5, 5

    positions = Positions(fetch, 5.0)
    waiting = [asyncio.create_task(positions.wait(5)) for _ in range(2)]
    await until(lambda: _is(asked == 1))
    held.set()
    await asyncio.gather(*waiting)


async def test_what_comes_just_as_the_time_is_over_is_there() -> None:
    async def fetch() -> tuple[int, int]:
        return 7, 7

    await Positions(fetch, 0.0).wait(7)


async def _is(condition: bool) -> bool:  # noqa: FBT001  what `until` takes
    return condition


FACTS = """
    INSERT INTO audit (position, stream, version, type, command, command_id, actor, roles, correlation_id,
        causation_id, effective_at, recorded_at)
    SELECT n, 's' || n, 1, CASE n WHEN 1 THEN 'payouts.failed.v1' ELSE 'payments.initiated.v1' END, '', '',
        '', '{}', '', '', now(), now()
    FROM generate_series(1, 20000) AS n
"""


async def test_rare_facts_are_found_without_reading_the_frequent_ones(app: Running, admin: Caller) -> None:
    unfiltered = dict.fromkeys(("actor", "on_behalf_of", "stream", "request_id"))
    rare = {**unfiltered, "type": "payouts.failed.v1", "before": 10**9, "limit": 21}
    async with app.services.reading() as connection:
        await connection.execute(FACTS)
    async with await psycopg.AsyncConnection.connect(
        conninfo(app.services.database_url, role=None), autocommit=True
    ) as owner:
        await owner.execute("ANALYZE audit")
    for _ in range(10):  # then the driver has prepared it
        found = await admin.get("/api/audit?type=payouts.failed.v1")
        assert [item["position"] for item in found.json()["items"]] == [1]
    async with app.services.reading() as connection:
        plan = await (await connection.execute(SQL("EXPLAIN {}").format(_AUDIT), rare)).fetchall()
    assert "audit_of_type" in str(plan)


async def test_a_list_that_takes_too_long_is_ended(app: Running) -> None:
    async with app.services.reading() as connection:
        [(limit,)] = await (await connection.execute("SHOW statement_timeout")).fetchall()
        assert limit == "5s"

    async def slow() -> None:
        async with app.services.reading() as connection:
            await connection.execute("SET statement_timeout = 10")
            await connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(TooSlow, match="Narrow it"):
        await slow()
    assert status_of(TooSlow) == 503


async def test_where_nobody_tells_of_an_advance_the_database_is_asked(app: Running, student: Caller) -> None:
    """As in a process that serves without projecting."""
    position = int((await student.pay()).headers["ledger-position"])
    alone = Positions(lambda: projected_and_head(app.services.reads), 5.0)
    await alone.wait(position)
    assert alone.current() >= position


async def test_contact_data_is_set_and_erased_and_never_a_fact(
    app: Running, student: Caller, other: Caller
) -> None:
    nothing = {"email": None, "name": None, "time_zone": "UTC", "language": "en", "visibility": "listed"}
    assert (await student.get("/api/me")).json() == nothing
    contact = {"email": "ada@example.org", "name": "Ada", "time_zone": "Europe/Berlin"}
    kept = {**contact, "language": "en", "visibility": "listed"}
    assert (await student("PUT", "/api/me", json=contact)).json() == kept
    assert (await student.get("/api/me")).json() == kept
    assert (await other.get("/api/me")).json() == nothing
    assert (await student("DELETE", "/api/me")).status_code == 204
    assert (await student.get("/api/me")).json() == nothing
    facts = await app.services.store.read(0, 10)
    assert [type(fact.event) for fact in facts] == [TimeZoneChanged] * 2, (
        "which zone it is, none of them says"
    )
    assert not [word for word in ("ada@", "Ada", "Berlin") if word in repr(facts)]


async def test_contact_data_that_are_left_out_are_kept_and_null_removes(student: Caller) -> None:
    contact: dict[str, str | None] = {
        "email": "ada@example.org",
        "name": "Ada",
        "time_zone": "Europe/Berlin",
    }
    changes: tuple[dict[str, str | None], ...] = (
        {"name": "Ada L."},
        {"email": None},
        {"time_zone": None},
        {"name": None},
        {},
    )
    await student("PUT", "/api/me", json=contact)
    for change in changes:
        contact |= change
        contact["time_zone"] = contact["time_zone"] or "UTC"
        kept = {**contact, "language": "en", "visibility": "listed"}
        assert (await student("PUT", "/api/me", json=change)).json() == kept
        assert (await student.get("/api/me")).json() == kept


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "no address"}, "/email"),
        ({"name": ""}, "/name"),
        ({"name": "a\0"}, "/name"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "localtime"}, "/time_zone"),
        ({"phone": "1"}, "/phone"),
    ],
)
async def test_contact_data_that_cannot_be(student: Caller, body: dict[str, str], pointer: str) -> None:
    answer = await student("PUT", "/api/me", json=body)
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["pointer"] == pointer
