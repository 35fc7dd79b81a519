"""What is wrong with a request is told in words, all of it at once, and alike at every address."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, Literal

import httpx
import msgspec
import pytest
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from msgspec import Meta

from api.app import HANDLERS
from api.http import document
from api.http.access import TABLE
from api.http.coding import Inflated
from api.http.json_body import check
from api.http.problems import MOST_ERRORS, Malformed, Unprocessable
from api.words import PATTERNS, allowed, in_words
from ledger.chart import CHART
from ledger.domains import DECIDERS
from ledger.ids import new_id
from tests.api.conftest import OpenApp
from tests.api.support import Caller, Running, problem

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def app(refusing: Running) -> Running:
    return refusing


DOCUMENT = document.make(HANDLERS)


def schemas(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema of the document, wherever it stands."""
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schemas(each)


def parameters() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Of queries, with the address."""
    for path, method, operation in document.operations(DOCUMENT):
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                assert method == "get"
                yield path, parameter


def test_each_time_that_a_query_takes_is_of_a_day_of_the_books_or_exact() -> None:
    """A report that is not listed here decides which: docs/decisions/0035."""
    times = {
        path
        for path, parameter in parameters()
        if any(one.get("format") == "date-time" for one in variants(parameter["schema"]))
    }
    of_days = {"/api/revenue/deferred", "/api/ledger/entries", "/api/ledger/trial-balance"}
    exact = {"/api/revenue/mrr", "/api/revenue/churn", "/api/payments/history", "/api/enterprise/licenses"}
    exact |= {"/api/disputes", "/api/payouts", "/api/subscriptions"}
    assert times == of_days | exact


def variants(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema, or those of which it is one."""
    yield from schema.get("oneOf", schema.get("anyOf", [schema]))


def address(path: str, **query: str) -> str:
    """With all that the address requires."""
    required = {name: value for name, value in REQUIRED.items() if name in NEEDS.get(path, ())}
    return str(httpx.URL(path, params={**required, **query}))


REQUIRED = {"account": "1010", "currency": "usd", "from": "2026-01-01T00:00:00Z"}
NEEDS = {
    "/api/ledger/explain": ("account", "currency"),
    "/api/revenue/churn": ("from",),
    "/api/revenue/deferred": ("from",),
}
SPANS = sorted({path for path, parameter in parameters() if parameter["name"] == "to"})
ENUMS = sorted(
    (path, parameter["name"], tuple(variant["enum"]))
    for path, parameter in parameters()
    for variant in variants(parameter["schema"])
    if "enum" in variant
)


def test_every_pattern_of_a_request_has_words() -> None:
    found = {schema["pattern"] for schema in schemas(DOCUMENT) if isinstance(schema.get("pattern"), str)}
    assert found == PATTERNS.keys()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_words_of_a_pattern_show_none_and_give_an_example_that_holds(pattern: str) -> None:
    kind = Annotated[str, Meta(pattern=pattern)]
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert("\0", kind)
    words = in_words(str(refused.value), kind)
    assert not set("^$[]\\") & set(words)
    if "such as " in words:
        msgspec.convert(words.rpartition("such as ")[2], kind)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, "12", "must be an integer, not a string"),
        (int, 1.5, "must be an integer, not a number with a point or an exponent"),
        (int | None, True, "must be an integer or null, not a boolean"),
        (bool, 1, "must be true or false, not an integer"),
        (str, None, "must be a string, not null"),
        (str, [], "must be a string, not an array"),
        (Annotated[int, Meta(ge=1)], 0, "must be at least 1"),
        (Annotated[int, Meta(le=9)] | None, 10**30, "must be at most 9"),
        (Annotated[str, Meta(min_length=1)], "", "must have at least 1 character"),
        (Annotated[str, Meta(max_length=3)], "four", "must have at most 3 characters"),
        (Annotated[list[int], Meta(min_length=1)], [], "must have at least 1 item"),
        (Annotated[list[int], Meta(max_length=2)] | None, [1, 2, 3], "must have at most 2 items"),
        (Annotated[dict[str, int], Meta(min_length=1)], {}, "must have at least 1 member"),
        (Literal["a", "b"] | None, "c", "must be one of a, b"),
        (Annotated[Literal["a", "b"], Meta(description="")], 7, "must be one of a, b"),
    ],
)
def test_what_msgspec_says_is_told_in_words(kind: Any, value: object, words: str) -> None:
    struct = msgspec.defstruct("Body", [("field", kind)])
    with pytest.raises(Unprocessable) as refused:
        check(msgspec.json.encode({"field": value}), msgspec.json.Decoder(struct))
    [error] = refused.value.errors
    assert (error.pointer, error.detail) == ("/field", words)


def test_a_type_that_is_no_choice_allows_no_list_of_values() -> None:
    assert allowed(Any) == allowed(str | None) == []


class Part(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    unit: Literal["m", "cm"] = "m"


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    part: Part | None
    parts: list[Part] = []


def test_all_that_is_wrong_is_told_at_once_each_at_its_place() -> None:
    body = b'{"part": {"unit": "km", "a/b": 1}, "parts": [{"size": "x"}], "nmae": 1}'
    with pytest.raises(Unprocessable) as refused:
        check(body, msgspec.json.Decoder(Whole))
    assert {error.pointer: error.detail for error in refused.value.errors} == {
        "/name": "is required",
        "/part/size": "is required",
        "/part/unit": "must be one of m, cm",
        "/part/a~1b": "no field of this body: known are size, unit",
        "/parts/0/size": "must be an integer, not a string",
        "/nmae": "no field of this body: known are name, part, parts",
    }


def test_of_thousands_of_faults_some_are_told() -> None:
    body = msgspec.json.encode({f"f{n}": n for n in range(1000)})
    with pytest.raises(Unprocessable, match=r"and 982 more\.$") as refused:
        check(body, msgspec.json.Decoder(Whole))
    assert len(refused.value.errors) == MOST_ERRORS


@pytest.mark.parametrize("body", [b"[" * 5_000, b'{"a":' * 5_000, b"[1,", b'{"name": 1'])
def test_a_fault_before_the_end_hides_no_broken_end(body: bytes) -> None:
    with pytest.raises(Malformed, match="no JSON"):
        check(body, msgspec.json.Decoder(Whole))


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_a_body_of_any_depth_is_refused_in_words(depth: int) -> None:
    """How deep is too deep for JSON depends on the Python."""
    with pytest.raises((Malformed, Unprocessable), match=r"no JSON|must be an object"):
        check(b"[" * depth + b"]" * depth, msgspec.json.Decoder(Whole))


def test_a_number_of_any_length_is_a_number() -> None:
    with pytest.raises(Unprocessable, match="/size: is out of range"):
        check(b'{"size": %s}' % (b"9" * 5_000), msgspec.json.Decoder(Part))


async def test_each_field_that_is_missing_is_named(student: Caller) -> None:
    answer = await student("POST", "/api/payments/process", key="k", json={"amount": 5})
    assert answer.status_code == 422
    assert [each["pointer"] for each in problem(answer)["errors"]] == [
        "/amount_minor",
        "/currency",
        "/payment_method",
        "/amount",
    ]
    for pointer in ("/amount_minor", "/currency", "/payment_method", "/amount"):
        assert f"{pointer}: " in problem(answer)["detail"]


async def test_what_is_wrong_in_different_ways_is_told_together(student: Caller) -> None:
    body = b'{"amount_minor": "1", "amount_minor": "2", "currency": "dollars", "payment_method": 4242}'
    answer = await student("POST", "/api/payments/process", key="k", content=body, headers=JSON)
    assert [(each["pointer"], each["detail"]) for each in problem(answer)["errors"]] == [
        ("/amount_minor", "must be an integer, not a string"),
        ("/currency", "must be the three letters of a currency by ISO 4217, such as usd"),
        ("/payment_method", "must be a string, not an integer"),
        ("/amount_minor", "given more than once"),
    ]


async def test_each_parameter_that_is_missing_or_unknown_is_named(admin: Caller) -> None:
    answer = await admin.get("/api/ledger/explain?acount=1010&limit=1&limit=2")
    assert answer.status_code == 422
    known = "known are account, currency, cursor, limit, party"
    assert problem(answer)["errors"] == [
        {"detail": "is required", "parameter": "account"},
        {"detail": "is required", "parameter": "currency"},
        {"detail": f"no parameter of this address: {known}", "parameter": "acount"},
        {"detail": "given more than once", "parameter": "limit"},
    ]


async def test_a_number_that_is_null_is_not_taken_for_one_that_is_left_out(admin: Caller) -> None:
    answer = await admin.get("/api/courses/list?max_price=null&q=null")
    assert answer.status_code == 422
    fault = {"detail": "cannot be null: leave it out instead", "parameter": "max_price"}
    assert problem(answer)["errors"] == [fault]


@pytest.mark.parametrize("path", NEEDS)
async def test_what_is_required_is_asked_for_where_nothing_is_sent(admin: Caller, path: str) -> None:
    answer = await admin.get(path)
    assert answer.status_code == 422
    assert problem(answer)["errors"] == [{"detail": "is required", "parameter": name} for name in NEEDS[path]]


async def test_a_missing_key_is_named(student: Caller) -> None:
    answer = await student("POST", "/api/payments/process", json={})
    assert (answer.status_code, problem(answer)["code"]) == (400, "idempotency_key_missing")
    assert problem(answer)["errors"] == [{"detail": "is required", "parameter": "Idempotency-Key"}]


@pytest.mark.parametrize(("path", "name", "values"), ENUMS)
async def test_a_value_that_is_none_of_a_list_shows_the_list(
    app: Running, admin: Caller, path: str, name: str, values: tuple[str | None, ...]
) -> None:
    if any(access.feature for access in TABLE if access.path == path):
        admin = app.caller(new_id("usr"), "admin")
        assert (await admin.subscribe("enterprise")).status_code == 201
    answer = await admin.get(address(path, **{name: "none_of_them"}))
    assert answer.status_code == 422
    listed = ", ".join(value for value in values if value is not None)
    assert problem(answer)["errors"] == [{"detail": f"must be one of {listed}", "parameter": name}]


@pytest.mark.parametrize(
    ("path", "body", "pointer", "listed"),
    [
        (
            "/api/payments/refund",
            {"reason": "mood"},
            "/reason",
            "requested_by_customer, duplicate, fraudulent",
        ),
        ("/api/subscriptions/create", {"tier": "gold"}, "/tier", "free, pro, enterprise"),
        ("/api/subscriptions/create", {"interval": "week"}, "/interval", "month, year"),
        ("/api/subscriptions/preview", {"tier": None}, "/tier", "free, pro, enterprise"),
    ],
)
async def test_a_field_that_is_none_of_a_list_shows_the_list(
    student: Caller, path: str, body: dict[str, object], pointer: str, listed: str
) -> None:
    errors = problem(await student("POST", path, key="k", json=body))["errors"]
    assert {"detail": f"must be one of {listed}", "pointer": pointer} in errors


WRONG_TOGETHER = (
    ("/api/ledger/trial-balance?at=yesterday&by=foo&nope=1", {"at", "by", "nope"}),
    (
        "/api/ledger/entries?account=9999&stream=x&from=now&limit=0&cursor=!",
        {"account", "stream", "from", "limit", "cursor"},
    ),
    ("/api/ledger/entries?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z&by=foo", {"from", "to", "by"}),
    ("/api/ledger/entries?from=2026-02-01T00:00:00Z&to=soon", {"to"}),
    ("/api/audit?type=foo&stream=&limit=many", {"type", "stream", "limit"}),
    ("/api/payments/history?currency=xxx&status=lost&from=", {"currency", "status", "from"}),
    ("/api/ledger/explain?account=9999", {"account", "currency"}),
    ("/api/revenue/deferred?to=soon", {"from", "to"}),
    ("/api/revenue/mrr?at=2026-01-01T00:00:00%2002:00&at_=1", {"at", "at_"}),
)


@pytest.mark.parametrize(("path", "wrong"), WRONG_TOGETHER)
async def test_of_a_query_all_is_named_whoever_finds_it(admin: Caller, path: str, wrong: set[str]) -> None:
    answer = await admin.get(path)
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid")
    assert {each["parameter"] for each in problem(answer)["errors"]} == wrong


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("PUT", "/api/me", b'{"email": "nope", "time_zone": "Mars/X"}', {"/email", "/time_zone"}),
        ("PUT", "/api/me", b'{"nope": 1, "time_zone": "Mars/X"}', {"/nope", "/time_zone"}),
        ("PUT", "/api/me", b'{"name": "a", "name": "b", "time_zone": "X"}', {"/name", "/time_zone"}),
        ("PUT", "/api/me", b'{"time_zone": "Mars/X"}', {"/time_zone"}),
        (
            "POST",
            "/api/payments/process",
            b'{"amount_minor": 0, "currency": "xxx", "payment_method": "pm_ok"}',
            {"/amount_minor", "/currency"},
        ),
    ],
)
async def test_of_a_body_all_is_named_whoever_finds_it(
    student: Caller, method: str, path: str, body: bytes, wrong: set[str]
) -> None:
    answer = await student(method, path, key="k", content=body, headers=JSON)
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid")
    assert {each["pointer"] for each in problem(answer)["errors"]} == wrong


@pytest.mark.parametrize("path", SPANS)
async def test_a_span_that_ends_before_it_begins_is_refused_and_an_empty_one_is_empty(
    admin: Caller, path: str
) -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"
    turned = await admin.get(address(path, **{"from": late, "to": early}))
    assert turned.status_code == 422
    assert [each["parameter"] for each in problem(turned)["errors"]] == ["from", "to"]
    empty = await admin.get(address(path, **{"from": early, "to": "2026-01-01T02:00:00+02:00"}))
    assert (empty.status_code, empty.json()["items"]) == (200, [])


def test_there_are_spans_and_lists_of_values_to_try() -> None:
    assert len(SPANS) == 7
    assert len(ENUMS) > 5


async def test_a_time_says_what_it_is_written_like(admin: Caller) -> None:
    for path in SPANS:
        for wrong in ("yesterday", "2026-01-01", "2026-01-01T00:00:00", "0.3", ""):
            answer = await admin.get(address(path, **{"from": wrong}))
            assert answer.status_code == 422, wrong
            assert problem(answer)["errors"] == [
                {"detail": "must be a time with a zone, such as 2026-01-31T00:00:00Z", "parameter": "from"}
            ]
    both = await admin.get("/api/payments/history?from=x&to=y")
    assert [each["parameter"] for each in problem(both)["errors"]] == ["from", "to"]
    for beyond in ("0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-12:00"):
        answer = await admin.get(f"/api/payments/history?from={beyond}")
        assert (answer.status_code, problem(answer)["errors"][0]["parameter"]) == (422, "from")
        assert "year 9999" in answer.json()["detail"]
    for path in SPANS:
        far = await admin.get(address(path, **{"from": "0001-01-02T23:59:00+23:59"}))
        assert far.status_code == 200, "PostgreSQL takes no such offset"
    spaced = await admin.get("/api/payments/history?from=2026-01-01T00:00:00+02:00")
    assert "%2B" in problem(spaced)["detail"]


async def test_currencies_are_taken_in_either_case_and_must_exist(
    app: Running, student: Caller, admin: Caller
) -> None:
    await student.pay(currency="gBp")
    await app.projected()
    for code in ("gbp", "GBP", "Gbp"):
        assert len((await student.get(f"/api/payments/history?currency={code}")).json()["items"]) == 1
        found = (await admin.get(f"/api/ledger/explain?account=1010&currency={code}")).json()
        assert (found["currency"], len(found["parts"])) == ("gbp", 1)
    for path in ("/api/payments/history", "/api/ledger/explain"):
        for code, why in (("xqq", "no currency"), ("xau", "no currency"), ("dollars", "three letters")):
            answer = await admin.get(address(path, currency=code))
            assert (answer.status_code, problem(answer)["errors"][0]["parameter"]) == (422, "currency")
            assert why in problem(answer)["detail"]
    body = problem(await student.pay(currency="xqq"))
    assert body["errors"][0]["pointer"] == "/currency"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("/api/ledger/explain?account=9999&currency=usd", f"known are {', '.join(CHART)}"),
        ("/api/ledger/entries?account=9999", "known are 1000, 1010"),
        ("/api/ledger/entries?account=pending", "four digits"),
        ("/api/ledger/explain?party=usr_nobody&account=2000&currency=usd", "nothing was ever posted"),
        ("/api/ledger/accounts?party=usr_nobody", "nothing was ever posted"),
        ("/api/ledger/entries?stream=pay_1", "begins with payment-, "),
        ("/api/ledger/entries?stream=payment-", "no stream"),
        ("/api/audit?stream=nonsense", "no stream"),
        ("/api/audit?type=payments.suceeded.v1", "payments.succeeded.v1"),
        ("/api/audit?type=", "one is written as accounts.closed.v1"),
        ("/api/audit?type=foo", "one is written as accounts.closed.v1"),
        ("/api/audit?type=payments.created", "like it are payments."),
    ],
)
async def test_a_filter_that_nothing_can_match_is_a_mistake(admin: Caller, query: str, why: str) -> None:
    answer = await admin.get(query)
    assert answer.status_code == 422, answer.text
    [error] = problem(answer)["errors"]
    assert error["parameter"] in {"account", "party", "stream", "type"}
    assert why in error["detail"]


async def test_a_party_with_postings_elsewhere_is_known(app: Running, student: Caller, admin: Caller) -> None:
    party = (await student.subscribe()).json()["subscription_id"]
    await app.projected()
    accounts = (await admin.get(f"/api/ledger/accounts?party={party}")).json()["items"]
    assert [item["account"] for item in accounts] == ["2000"]
    for account, parts in (("2000", 1), ("1000", 0)):
        path = f"/api/ledger/explain?account={account}&currency=usd&party={party}"
        assert len((await admin.get(path)).json()["parts"]) == parts
    assert (await admin.get("/api/ledger/accounts?party=")).status_code == 200, "the platform's own"


async def test_a_stream_that_may_be_yet_to_come_is_an_empty_page(admin: Caller) -> None:
    for decider in DECIDERS:
        stream = decider.stream(_Anything())
        for path in ("/api/audit", "/api/ledger/entries"):
            answer = await admin.get(address(path, stream=stream))
            assert (answer.status_code, answer.json()["items"]) == (200, []), stream


class _Anything:
    def __getattr__(self, name: str) -> str:
        return name


ADA = b'{"name": "Ada"}'


async def put(caller: Caller, body: Any, coding: str, **headers: str) -> httpx.Response:
    sent = {**JSON, "Content-Encoding": coding, **headers}
    return await caller("PUT", "/api/me", content=body, headers=sent)


async def test_a_body_may_be_gzip(student: Caller) -> None:
    for coding in ("gzip", "GZip", "x-gzip", "gzip, identity"):
        answer = await put(student, gzip.compress(ADA), coding)
        assert (answer.status_code, answer.json()["name"]) == (200, "Ada"), coding
    for coding in ("identity", ""):
        assert (await put(student, ADA, coding)).status_code == 200
    paid = await student(
        "POST",
        "/api/payments/process",
        key="k",
        content=gzip.compress(b'{"amount_minor": 100, "currency": "usd", "payment_method": "pm_ok"}'),
        headers={**JSON, "Content-Encoding": "gzip"},
    )
    assert paid.status_code == 201
    same = await student.pay(key="k", amount_minor=100)
    assert same.json() == paid.json(), "the same request, however it was packed"


async def test_a_gzip_in_pieces_is_one_body(student: Caller) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in gzip.compress(ADA):
            yield bytes([byte])

    assert (await put(student, pieces(), "gzip")).json()["name"] == "Ada"


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "gzip, br", "*"])
async def test_another_coding_says_which_is_taken(student: Caller, coding: str) -> None:
    answer = await put(student, gzip.compress(ADA), coding)
    assert (answer.status_code, problem(answer)["code"]) == (415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "gzip"
    assert "gzip" in problem(answer)["detail"]


async def test_two_lines_of_codings_are_two_codings(student: Caller) -> None:
    headers = [*student.headers.items(), *JSON.items(), *[("Content-Encoding", "gzip")] * 2]
    answer = await student.client.put("/api/me", content=gzip.compress(ADA), headers=headers)
    assert answer.status_code == 415


PACKED = gzip.compress(ADA, mtime=0)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (ADA, "no gzip"),
        (PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:], "damaged"),
        (zlib.compress(ADA), "no gzip"),
        (PACKED[:-1], "in the midst"),
        (PACKED[:12], "in the midst"),
        (PACKED + b"\0", "follows the end"),
        (PACKED * 2, "follows the end"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"", "is empty"),
        (gzip.compress(b'{"name": "\xff"}', mtime=0), "not UTF-8"),
    ],
    ids=range(10),
)
async def test_a_gzip_that_cannot_be_read_says_why(student: Caller, body: bytes, why: str) -> None:
    answer = await put(student, body, "gzip")
    assert (answer.status_code, problem(answer)["code"]) == (400, "malformed")
    assert why in problem(answer)["detail"]


@pytest.mark.parametrize(
    ("body", "coding"),
    [(PACKED, "identity"), (gzip.compress(PACKED, mtime=0), "gzip")],
    ids=["not said", "packed twice"],
)
async def test_what_looks_like_gzip_says_what_to_send(student: Caller, body: bytes, coding: str) -> None:
    answer = await put(student, body, coding)
    assert (answer.status_code, problem(answer)["code"]) == (400, "malformed")
    assert "send `Content-Encoding: gzip` with it, compressed once" in problem(answer)["detail"]


async def test_a_bomb_is_never_inflated(open_app: OpenApp) -> None:
    app = await open_app(request_max_bytes=2_000)
    student = app.caller("usr_1", "student")
    bomb = gzip.compress(b" " * 1_000_000)
    assert len(bomb) < 2_000
    answer = await put(student, bomb, "gzip")
    assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")
    fits = gzip.compress(ADA.ljust(2_000))
    assert (await put(student, fits, "gzip")).status_code == 200
    assert (await put(student, gzip.compress(ADA.ljust(2_001)), "gzip")).status_code == 413


async def test_no_more_is_inflated_than_a_body_may_have() -> None:
    sent = [gzip.compress(bytes(10**6)), b""]

    async def receive() -> Any:
        return {"type": "http.request", "body": sent.pop(0), "more_body": bool(sent)}

    inflated = Inflated(receive, 100)
    with pytest.raises(RequestEntityTooLarge, match="100 bytes at most"):
        await inflated()
    assert inflated._given == 101


async def test_what_inflates_to_nothing_has_its_limit_too() -> None:
    """Empty blocks of deflate: much comes in, and no byte out of it."""
    pieces = iter([gzip.compress(b"")[:10], *[b"\0\0\0\xff\xff"] * 100])

    async def receive() -> Any:
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    inflated = Inflated(receive, 100)
    given = [await inflated() for _ in range(19)]
    assert {message["body"] for message in given} == {b""}  # type: ignore[typeddict-item]  # no disconnect
    with pytest.raises(RequestEntityTooLarge):
        await inflated()


async def test_a_webhook_is_taken_as_it_was_signed(app: Running) -> None:
    for coding in ("gzip", "br", "gzip, gzip"):
        answer = await app.client.post(
            "/api/webhooks/stripe", content=gzip.compress(b"{}"), headers={"Content-Encoding": coding}
        )
        assert answer.status_code == 415
        assert answer.headers["accept-encoding"] == "identity"
        assert "signs those bytes" in problem(answer)["detail"]
    plain = await app.client.post(
        "/api/webhooks/stripe", content=b"{}", headers={"Content-Encoding": "identity"}
    )
    assert problem(plain)["code"] == "invalid_webhook"


async def test_another_media_type_says_which_is_taken(student: Caller) -> None:
    answer = await student("PUT", "/api/me", content=b"name: Ada", headers={"Content-Type": "text/yaml"})
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")
