"""What every answer has, whatever it is an answer to."""

from __future__ import annotations

import io
import logging
from typing import Any

import msgspec
import pytest
import structlog

from api import log
from api.http.client_address import ClientAddresses
from api.http.json_body import check
from api.http.problems import Unprocessable
from api.networks import Network
from api.settings import Settings
from ledger.errors import LedgerError, StoreUnavailable
from tests.api.conftest import OpenApp
from tests.api.support import Caller, FakeStripe, Running, problem

EVERYWHERE = (
    ("GET", "/livez", 200),
    ("GET", "/nowhere", 404),
    ("DELETE", "/livez", 405),
    ("GET", "/api/me", 401),
    ("OPTIONS", "/api/me", 204),
    ("HEAD", "/nowhere", 404),
)


@pytest.mark.parametrize(("method", "path", "status"), EVERYWHERE)
async def test_headers_that_every_answer_has(refusing: Running, method: str, path: str, status: int) -> None:
    answer = await refusing.client.request(method, path)
    assert answer.status_code == status
    headers = answer.headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["strict-transport-security"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"]
    assert len(headers["x-request-id"]) == 32
    assert int(headers["ledger-position"]) >= 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [("req-12345678", True), ("short", False), ("a b c d e f g h", False), ("x" * 129, False)],
)
async def test_a_request_id_is_the_callers_if_it_can_be_one(
    refusing: Running, given: str, *, kept: bool
) -> None:
    answer = await refusing.client.get("/nowhere", headers={"X-Request-Id": given})
    assert (answer.headers["x-request-id"] == given) is kept
    assert problem(answer)["code"] == "not_found"


async def test_the_request_is_on_the_facts_that_it_caused(
    app: Running, student: Caller, admin: Caller
) -> None:
    await student(
        "POST",
        "/api/payments/process",
        key="k",
        headers={"X-Request-Id": "req-from-caller"},
        json={"amount_minor": 50, "currency": "usd", "payment_method": "pm_ok"},
    )
    await app.projected()
    found = (await admin.get("/api/audit?request_id=req-from-caller")).json()["items"]
    assert [(item["type"], item["actor"], item["roles"]) for item in found] == [
        ("payments.initiated.v1", "usr_student", ["student"])
    ]


BROKEN = (
    (b"", "The body is empty"),
    (b"{", "truncated"),
    (b'{"name": "\xff"}', "byte 10 cannot be read"),
    (b"\x00", "no JSON: invalid character (byte 0)"),
    (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
    (b'{"name": "\\ud83d"}', "\\ud83d is half a character"),
    (b'{"name": "\\ude00 and more"}', "\\ude00 is half a character"),
)


async def test_of_two_members_of_one_name_nobody_knows_which_was_meant(refused: Caller) -> None:
    json = {"Content-Type": "application/json"}
    twice = b'{"name": "Ada", "email": null, "n\\u0061me": "Eve"}'
    answer = await refused("PUT", "/api/me", content=twice, headers=json)
    assert answer.status_code == 422
    assert problem(answer)["errors"] == [{"detail": "given more than once", "pointer": "/name"}]
    with pytest.raises(Unprocessable, match=r"^/a/1/b~1c: given more than once"):
        check(b'{"a": [{"d": 1}, {"b/c": 1, "b/c": 2}]}', msgspec.json.Decoder(dict[str, Any]))


async def test_a_nul_is_named_and_not_by_a_pattern(student: Caller, admin: Caller) -> None:
    for answer in (
        await student("PUT", "/api/me", json={"name": "a\0"}),
        await admin.get("/api/audit?actor=%00"),
    ):
        assert answer.status_code == 422
        assert "NUL (U+0000)" in problem(answer)["detail"]
        assert "^" not in problem(answer)["detail"]


@pytest.mark.parametrize("path", ["//api/me", "/api/me/", "/api//me", "/api/me//", "//", "/livez/"])
async def test_an_address_is_spelt_as_declared(refused: Caller, path: str) -> None:
    answer = await refused("GET", f"http://test{path}")
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
    assert "slash" in problem(answer)["detail"]


@pytest.mark.parametrize("path", ["/", "/docs", "/api", "/api/nowhere", "//", "/schema/"])
async def test_where_nothing_is_the_reference_is_named(refusing: Running, path: str) -> None:
    answer = await refusing.client.get(f"http://test{path}")
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
    assert "The reference of those that there are is at /schema." in problem(answer)["detail"]


@pytest.mark.parametrize("method", ["FOO", "PROPFIND", "QUERY", "CONNECT"])
@pytest.mark.parametrize("path", ["/api/plans", "/nowhere"])
async def test_a_method_that_no_address_takes_is_not_implemented(
    refusing: Running, method: str, path: str
) -> None:
    answer = await refusing.client.request(method, path)
    assert (answer.status_code, problem(answer)["code"]) == (501, "not_implemented")
    assert answer.headers["connection"] == "close"


async def test_methods_and_media_types(refused: Caller) -> None:
    wrong_method = await refused("PATCH", "/api/me")
    assert (wrong_method.status_code, problem(wrong_method)["code"]) == (405, "method_not_allowed")
    assert "PUT" in wrong_method.headers["allow"]
    form = await refused("PUT", "/api/me", data={"name": "Ada"})
    assert (form.status_code, problem(form)["code"]) == (415, "unsupported_media_type")
    json = {"Content-Type": "application/json"}
    for content, why in BROKEN:
        broken = await refused("PUT", "/api/me", content=content, headers=json)
        assert (broken.status_code, problem(broken)["code"]) == (400, "malformed"), content
        assert why in problem(broken)["detail"]
    for content in (b"[]", b"null", b'"x"', b"1"):
        wrong = await refused("PUT", "/api/me", content=content, headers=json)
        assert (wrong.status_code, problem(wrong)["code"]) == (422, "invalid"), content


async def test_a_body_that_is_too_large_is_refused_with_and_without_a_length(open_app: OpenApp) -> None:
    app = await open_app(request_max_bytes=100)
    student = app.caller("usr_1", "student")
    json = {"Content-Type": "application/json"}
    declared = await student("PUT", "/api/me", content=b"x" * 101, headers=json)
    assert (declared.status_code, problem(declared)["code"]) == (413, "body_too_large")

    async def chunks() -> object:
        for _ in range(11):
            yield b"x" * 10

    streamed = await student("PUT", "/api/me", content=chunks(), headers=json)
    assert (streamed.status_code, problem(streamed)["code"]) == (413, "body_too_large")


async def test_too_many_requests_of_one_caller_do_not_touch_another(open_app: OpenApp) -> None:
    app = await open_app(rate_limit_per_minute=1, rate_limit_burst=2)
    greedy, other = app.caller("usr_greedy", "student"), app.caller("usr_other", "student")
    first = await greedy.get("/api/me")
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"default";q=2;w=120'
    assert first.headers["ratelimit"].startswith('"default";r=1;')
    await greedy.get("/api/me")
    refused = await greedy.get("/api/me")
    assert (refused.status_code, problem(refused)["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert (await other.get("/api/me")).status_code == 200
    assert (await app.client.get("/livez")).status_code == 200
    for _ in range(2):
        await app.client.get("/api/me", headers={"Authorization": "Bearer wrong"})
    assert (await app.client.get("/api/me", headers={"Authorization": "Bearer wrong"})).status_code == 429


async def test_who_guesses_waits_before_any_work_is_done(open_app: OpenApp) -> None:
    app = await open_app(rate_limit_per_minute=1, rate_limit_burst=2)
    known, new = app.caller("usr_known", "student"), app.caller("usr_new", "student")
    first = await known.get("/api/me")
    assert first.headers["ratelimit"].startswith('"default";r=1;'), "its own limit, not the address's"
    wrong = {"Authorization": "Bearer lk_wrong"}
    assert [(await app.client.get("/api/me", headers=wrong)).status_code for _ in range(2)] == [401, 401]

    async def unasked(_: bytes) -> None:
        raise AssertionError

    app.services.authenticator._find_api_key = unasked
    assert (await app.client.get("/api/me", headers=wrong)).status_code == 429
    assert (await new.get("/api/me")).status_code == 429
    assert (await known.get("/api/me")).status_code == 200, "it was verified before"


async def test_an_outage_is_no_guess(open_app: OpenApp) -> None:
    app = await open_app(rate_limit_per_minute=1, rate_limit_burst=1)

    async def away(_: bytes) -> None:
        raise StoreUnavailable("The database cannot be reached.")

    app.services.authenticator._find_api_key = away
    service = {"Authorization": "Bearer lk_right"}
    assert [(await app.client.get("/api/me", headers=service)).status_code for _ in range(3)] == [503] * 3


async def test_webhooks_are_not_limited(open_app: OpenApp) -> None:
    app = await open_app(rate_limit_per_minute=1, rate_limit_burst=1)
    for _ in range(3):
        answer = await app.client.post("/api/webhooks/stripe", content=b"{}")
        assert (answer.status_code, problem(answer)["code"]) == (400, "invalid_webhook")
    assert (await app.client.get("/api/plans")).status_code == 200
    assert (await app.client.get("/api/plans")).status_code == 429


async def test_behind_a_trusted_proxy_each_address_has_its_own_limit(open_app: OpenApp) -> None:
    app = await open_app(rate_limit_per_minute=1, rate_limit_burst=1, trusted_proxies=(Network("127.0.0.1"),))
    statuses = [
        (await app.client.get("/api/plans", headers={"X-Forwarded-For": hops})).status_code
        for hops in ("192.0.2.1", "192.0.2.2", "192.0.2.3, 192.0.2.1")
    ]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("192.0.2.9", ["198.51.100.1"], "192.0.2.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1,10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["1.1.1.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        (None, ["198.51.100.1"], "unknown"),
    ],
)
def test_the_caller_is_the_nearest_hop_that_is_no_proxy(
    client: str | None, forwarded: list[str], address: str
) -> None:
    scope = {
        "client": (client, 1) if client else None,
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }
    assert ClientAddresses((Network("10.0.0.0/8"),)).address(scope) == address


async def test_what_nobody_expected_is_500_and_tells_nothing(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    stripe.deliver_now = broken  # type: ignore[method-assign, assignment]  # to break it
    answer = await student.pay()
    assert answer.status_code == 500
    assert problem(answer)["code"] == "internal"
    assert "secret" not in answer.text


async def test_every_domain_code_has_a_status() -> None:
    """Importing the application has defined them all."""

    def below(kind: type[LedgerError]) -> set[type[LedgerError]]:
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    from api.http.problems import status_of  # beside what it is about

    statuses = {kind.code: status_of(kind) for kind in below(LedgerError) if hasattr(kind, "code")}
    assert {statuses[code] for code in ("invalid_amount", "invalid_text", "note_required")} == {422}
    assert {statuses[code] for code in ("refund_window_closed", "dispute_open", "refused")} == {409}
    assert (statuses["contended"], statuses["store_unavailable"]) == (503, 503)
    assert {status for status in statuses.values() if status >= 500} == {500, 501, 503, 505}


async def test_the_log_has_one_json_line_for_a_request_and_no_secret(open_app: OpenApp) -> None:
    stream = io.BytesIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        log.configure(Settings(), stream)
        student = (await open_app()).caller("usr_student", "student")
        await student("PUT", "/api/me", json={"email": "ada@example.org", "name": "Ada"})
        paid = await student.pay("pm_action")
        logging.getLogger("library").warning("said %s", "so")
        try:
            password = "hunter2"
            int(f"no number of length {len(password)}")
        except ValueError:
            structlog.get_logger().exception("failed")
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = before, level
    lines = [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]
    put = next(line for line in lines if line.get("method") == "PUT")
    assert (put["route"], put["status"], put["actor"], put["level"]) == (
        "/api/me",
        200,
        "usr_student",
        "info",
    )
    assert put["request_id"]
    assert any(line["event"] == "said so" and line["logger"] == "library" for line in lines)
    text = stream.getvalue().decode()
    credential = student.headers["Authorization"].removeprefix("Bearer ")
    client_secret = paid.json()["next_action"]["client_secret"]
    for secret in (credential, client_secret, "ada@example.org", "Ada", "hunter2"):
        assert secret not in text
