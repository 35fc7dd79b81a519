"""What is no HTTP, or not of this kind, is answered like a request all the same. Over a socket, as served."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import uvicorn

from api.background.projecting import projecting
from api.http.auth import mint
from api.serve import protocol
from api.serve.node import Server, serving
from api.serve.protocol import HEAD_MAX_BYTES, TARGET_MAX_BYTES, Protocol
from api.services import Composition
from api.settings import Settings
from tests.api.support import FakeStripe
from tests.databases import clone, drop

Say = Callable[..., Awaitable[list["Answer"]]]
HOST = b"Host: api.example\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n"


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> Any:
        return msgspec.json.decode(self.body)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("protocol"))


@pytest.fixture(scope="module")
def stripe() -> FakeStripe:
    return FakeStripe()


@pytest.fixture(scope="module")
async def say(server: str, template: str, settings: Settings, stripe: FakeStripe) -> AsyncIterator[Say]:
    """Sends the bytes and answers with all that comes until the server hangs up. One server hears all."""
    database_url = clone(server, template)
    composition = Composition(
        settings, database_url, open_stripe=stripe.open, open_runner=projecting, clock=stripe
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        async def say(*parts: bytes, ends: bool = False) -> list[Answer]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for part in parts:
                writer.write(part)
                await writer.drain()
            if ends:
                writer.write_eof()
            received = b""
            with suppress(ConnectionError):  # what we send still when it hangs up is refused by the kernel
                async with asyncio.timeout(10):
                    while part := await reader.read(65_536):
                        received += part
            writer.close()
            return _answers(received)

        async with serving(composition, listener):
            yield say
    drop(server, database_url)


def _answers(received: bytes) -> list[Answer]:
    answers = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        length = int(headers.get("content-length", "0"))
        answers.append(Answer(int(line.split()[1]), headers, rest[:length]))
        received = rest[length:]
    return answers


def request(line: bytes, headers: bytes = HOST, body: bytes = b"") -> bytes:
    return line + b"\r\n" + headers + b"\r\n" + body


PAY = b"POST /api/payments/process HTTP/1.1"
NO_METHOD = {
    "of nobody": request(b"FOO /api/plans HTTP/1.1"),
    "in small letters": request(b"get /api/plans HTTP/1.1"),
    "of WebDAV": request(b"PROPFIND /api/plans HTTP/1.1"),
    "of a cache": request(b"PURGE /nowhere HTTP/1.1"),
    "of a tunnel": request(b"CONNECT /api/plans HTTP/1.1"),
    "of a camera": request(b"DESCRIBE /api/plans RTSP/1.0"),
}
NO_TARGET = {
    "NUL": request(b"GET /api/pl\0ans HTTP/1.1"),
    "raw UTF-8": request("GET /api/plän HTTP/1.1".encode()),
    "raw UTF-8 in the query": request("GET /api/plans?ä=1 HTTP/1.1".encode()),
    "no slash": request(b"GET livez HTTP/1.1"),
    "a tunnel's": request(b"CONNECT api.example:443 HTTP/1.1"),
    "no host in it": request(b"GET http:///livez HTTP/1.1"),
}
NO_FRAME = {
    "no number": request(PAY, JSON + b"Content-Length: abc\r\n"),
    "below zero": request(PAY, JSON + b"Content-Length: -1\r\n"),
    "two lengths": request(PAY, JSON + b"Content-Length: 1\r\nContent-Length: 2\r\n", b"{}"),
    "endless": request(PAY, JSON + b"Content-Length: 99999999999999999999999999\r\n"),
    "length and coding": request(PAY, CHUNKED + b"Content-Length: 3\r\n", b"0\r\n\r\n"),
    "coding of old": request(b"POST /api/webhooks/stripe HTTP/1.0", CHUNKED, b"0\r\n\r\n"),
    "no size of a chunk": request(PAY, CHUNKED, b"ZZ\r\n\r\n"),
    "a chunk that is longer": request(
        b"POST /api/webhooks/stripe HTTP/1.1", CHUNKED, b"2\r\nabX\r\n0\r\n\r\n"
    ),
    "a header's name": request(b"GET /livez HTTP/1.1", HOST + b"X y: 1\r\n"),
    "a header's NUL": request(b"GET /livez HTTP/1.1", HOST + b"Xy: a\0b\r\n"),
    "a header on two lines": request(b"GET /livez HTTP/1.1", HOST + b"Xy: a\r\n b\r\n"),
    "line ends": b"GET /livez HTTP/1.1\nHost: api.example\n\n",
    "no host": request(b"GET /livez HTTP/1.1", b""),
    "two hosts": request(b"GET /livez HTTP/1.1", HOST + HOST),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a greeting": b"hello\r\n\r\n",
}
NO_CODING = {
    "unknown": request(PAY, JSON + b"Transfer-Encoding: nonsense\r\n"),
    "compressed": request(PAY, JSON + b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
}
NO_VERSION = {
    "of the future": request(b"GET /livez HTTP/9.9"),
    "HTTP/2 in words": request(b"GET /livez HTTP/2.0"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
}
TOO_MUCH = {
    "one header": request(b"GET /livez HTTP/1.1", HOST + b"Xy: " + b"a" * HEAD_MAX_BYTES + b"\r\n"),
    "many headers": request(b"GET /livez HTTP/1.1", HOST + b"Xy: a\r\n" * (HEAD_MAX_BYTES // 7)),
    "without an end": b"GET /livez HTTP/1.1\r\nXy: " + b"a" * 1_000_000,
}
TOO_LONG = {
    "query": request(b"GET /api/plans?" + b"a" * TARGET_MAX_BYTES + b" HTTP/1.1"),
    "longer than is parsed": request(b"GET /" + b"a" * 70_000 + b" HTTP/1.1"),
    "without an end": b"GET /" + b"a" * 1_000_000,
}


@pytest.mark.parametrize(
    ("status", "code", "cases"),
    [
        (501, "not_implemented", NO_METHOD | NO_CODING),
        (400, "malformed", NO_TARGET | NO_FRAME),
        (505, "http_version_not_supported", NO_VERSION),
        (431, "headers_too_large", TOO_MUCH),
        (414, "uri_too_long", TOO_LONG),
    ],
)
async def test_what_cannot_be_read_is_told_so(
    say: Say, status: int, code: str, cases: dict[str, bytes]
) -> None:
    for case, sent in cases.items():
        answers = await say(sent)
        assert [answer.status for answer in answers] == [status], case
        answer = answers[0]
        assert answer.headers["content-type"] == "application/problem+json", case
        assert answer.headers["connection"] == "close"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.headers["x-request-id"]) == 32
        problem = answer.problem
        assert (problem["status"], problem["code"]) == (status, code), case
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert len(problem["detail"]) < 200


async def test_it_does_not_matter_in_how_many_pieces_it_comes(say: Say) -> None:
    for sent in (NO_METHOD["of nobody"], NO_FRAME["no number"], NO_FRAME["a chunk that is longer"]):
        whole, *_ = await say(sent)
        pieces, *_ = await say(*(sent[at : at + 1] for at in range(len(sent))))
        assert (pieces.status, pieces.problem["code"]) == (whole.status, whole.problem["code"]), sent


async def test_a_request_that_ends_too_early_is_told_so_and_does_nothing(
    say: Say, settings: Settings, stripe: FakeStripe
) -> None:
    credential = mint(settings, "usr_1", ["student"]).encode()
    known = b"Authorization: Bearer " + credential + b"\r\nIdempotency-Key: k\r\nX-Request-Id: mine-12345\r\n"
    body = b'{"amount_minor": 100, "currency": "usd", "payment_method": "pm_ok"}'
    chunk = b"%x\r\n%b\r\n" % (len(body), body)
    for sent in (
        request(PAY, CHUNKED + known, chunk),
        request(PAY, CHUNKED + known, chunk + b"ZZ\r\n"),
        request(PAY, JSON + known + b"Content-Length: 100\r\n", body),
    ):
        (answer,) = await say(sent, ends=True)
        assert (answer.status, answer.problem["code"]) == (400, "malformed")
        assert answer.problem["instance"] == "/api/payments/process"
        assert answer.headers["x-request-id"] == "mine-12345", "its headers could be read"
    (half,) = await say(b"GET /livez HTTP/1.1\r\nHos", ends=True)
    assert (half.status, half.problem["code"]) == (400, "malformed")
    assert stripe.charges == 0
    (whole,) = await say(request(PAY, CHUNKED + known + b"Connection: close\r\n", chunk + b"0\r\n\r\n"))
    assert (whole.status, stripe.charges) == (201, 1)


async def test_nobody_gets_the_answer_of_another_request(say: Say) -> None:
    """Requests may be sent without waiting for answers, which come in the same order."""
    good, bad = request(b"GET /livez HTTP/1.1"), NO_METHOD["of nobody"]
    assert [answer.status for answer in await say(good + bad)] == [200, 501]
    assert [answer.status for answer in await say(good + good + bad + good)] == [200, 200, 501]
    unreadable = NO_FRAME["a chunk that is longer"]
    assert [answer.status for answer in await say(good + unreadable + good)] == [200, 400]
    assert [answer.status for answer in await say(good + TOO_LONG["query"] + good)] == [200, 414]


@pytest.mark.parametrize(
    "sent",
    [
        request(b"HEAD /livez HTTP/9.1"),
        request(b"HEAD /livez HTTP/1.1", HOST + b"Content-Length: abc\r\n"),
        request(b"HEAD /livez HTTP/1.1", HOST + b"no colon\r\n"),
    ],
)
async def test_head_has_no_body_also_where_it_cannot_be_read(say: Say, sent: bytes) -> None:
    (answer,) = await say(sent)
    assert answer.status >= 400
    assert answer.body == b""


async def test_nothing_else_is_refused(say: Say) -> None:
    closing = HOST + b"Connection: close\r\n"
    for sent in (
        request(b"GET /livez HTTP/1.1", closing),
        request(b"GET /livez HTTP/1.0", b""),
        request(b"GET http://api.example/livez HTTP/1.1", closing),
        b"\r\n" + request(b"GET /livez HTTP/1.1", closing),
        request(b"GET /livez HTTP/1.1", closing + b"Xy: " + b"a" * (HEAD_MAX_BYTES - 1000) + b"\r\n"),
        request(b"GET /livez?" + b"a" * (TARGET_MAX_BYTES - 100) + b" HTTP/1.1", closing),
    ):
        assert [answer.status for answer in await say(sent)] == [200], sent[:80]


async def empty(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that has nothing to say."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /livez HTTP/1.1\r\nHos", request(b"GET /livez HTTP/1.1")],
    ids=["none", "half", "whole"],
)
async def test_a_connection_that_is_made_while_the_server_stops_does_not_keep_it(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """It was accepted before, and is made when all others have been told already."""
    monkeypatch.setattr(protocol, "LATE_S", 0.2)
    config = uvicorn.Config(empty, http=Protocol, lifespan="off", log_config=None, access_log=False)
    config.load()
    server = Server(config)
    server.lifespan, server.servers = config.lifespan_class(config), []
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    stopping = asyncio.create_task(server.shutdown())
    await asyncio.sleep(0)  # the connections that are there are told

    def late() -> Protocol:
        return Protocol(config=config, server_state=server.server_state, app_state={})

    await asyncio.get_running_loop().connect_accepted_socket(late, theirs)
    writer.write(sent)
    async with asyncio.timeout(10):
        answered = await reader.read()
        await stopping
    assert answered.startswith(b"HTTP/1.1 204") is sent.endswith(b"\r\n\r\n")
    assert (b"connection: close" in answered) is bool(answered)
    writer.close()
