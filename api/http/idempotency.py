"""The same request twice is one deed and one answer.

Two things work together. The *command id*, derived from caller, method, path and `Idempotency-Key`, is what
the ledger knows a deed by: it makes every retry safe, also after a crash at any point. The *stored answer*
makes the retry look like the first time. Only the ledger is durable. Claims and answers are written with
`synchronous_commit = off`, which is safe because a lost row only makes the request run again, and the
ledger then says that it was done.

Only results are kept: what was done, and refusals that are final. Nothing else is, so that the same key does
the work later: an answer of 500 and above, 202, which says that the outcome is not known yet, and a refusal
that is `passing`. Under that key another body is as good, too, as nothing was decided of the first one
(docs/decisions/0034-what-is-kept-under-a-key.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from psycopg.types.json import Jsonb

from api.http.problems import IdempotencyInFlight, on_ledger_error
from ledger.errors import IdempotencyMismatch, LedgerError
from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher

POLL_S = 0.05
SERVER_ERROR = 500
UNDECIDED = 202
ASYNCHRONOUS_OPTIONS = "-c synchronous_commit=off"
CLAIM_LIFE_S = 60.0
"""A claim older than this is free even if its session lives: it is no lock, only a courtesy."""

Work = Callable[[str], Awaitable[Response[Any]]]
_encode = msgspec.json.Encoder(order="deterministic").encode


class Claim(msgspec.Struct, frozen=True):
    id: bytes
    """SHA-256 of caller, method, path and key, with NUL between, which only the path can contain. The ledger
    knows deeds by it, and ids derive from it: it never changes.
    """
    digest: bytes
    """SHA-256 of the decoded body: spaces and the case of a currency make no other request."""
    user_id: str
    """Whose it is, for the day when they want it erased."""


class Unkept(Response[Any]):
    """An answer that is shared with whoever waits for it now, and stored nowhere, as it has a secret in it or
    will not be true any more. A later repeat runs again, on what the ledger knows of it.
    """


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Found(msgspec.Struct, frozen=True):
    """What is in the table. `mine`: this caller has just claimed it, or may claim it again."""

    mine: bool
    digest: bytes
    answer: Answer | None = None


class Idempotency:
    """`batcher` writes, on a connection of its own, as it does not wait for the disk."""

    def __init__(self, batcher: QueryBatcher, wait_s: float) -> None:
        self._batcher = batcher
        self._wait_s = wait_s
        self._in_flight: dict[bytes, tuple[bytes, asyncio.Future[Answer | None]]] = {}

    async def run(
        self, request: Request[Any, Any, Any], key: str, body: msgspec.Struct, work: Work
    ) -> Response[Any]:
        """`work(command_id)`, or the answer that it gave the first time.

        Raises `IdempotencyMismatch` for the same key with another body, `IdempotencyInFlight` when the
        first one takes too long.
        """
        scope = f"{request.user.caller}\0{request.method}\0{request.url.path}\0{key}"
        digest = sha256(_encode(body)).digest()
        claim = Claim(sha256(scope.encode()).digest(), digest, request.user.id)
        deadline = time.monotonic() + self._wait_s
        while (first := self._in_flight.get(claim.id)) is not None:
            _same(first[0], claim.digest)
            if (answer := await _until(first[1], deadline)) is not None:
                return _replay(answer)
        done: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._in_flight[claim.id] = (claim.digest, done)
        answer = None
        try:
            response, answer = await self._first(request, claim, deadline, work)
            return response
        finally:
            del self._in_flight[claim.id]
            done.set_result(answer)

    async def _first(
        self, request: Request[Any, Any, Any], claim: Claim, deadline: float, work: Work
    ) -> tuple[Response[Any], Answer | None]:
        """The first of this process. The answer is None when those who wait should try themselves."""
        found = await self._claim(claim, deadline)
        if found.answer is not None:
            return _replay(found.answer), found.answer
        try:
            response = await _attempt(request, work, f"api:{claim.id.hex()}")
            return response, await self._keep(claim, response)
        except Exception:
            # what went wrong here must not bar the repeat, also when the work was done and only its answer
            # could not be kept: the ledger knows the deed by the command's id
            self._batcher.tell(RELEASE, claim.id)
            raise

    async def _claim(self, claim: Claim, deadline: float) -> Found:
        """Waits for another process that is at it."""
        while True:
            found = await self._batcher.ask(CLAIM, claim)
            _same(found.digest, claim.digest)
            if found.mine or found.answer is not None:
                return found
            if time.monotonic() >= deadline:
                raise _in_flight()
            await asyncio.sleep(POLL_S)

    async def _keep(self, claim: Claim, response: Response[Any]) -> Answer | None:
        answer = _answer(response)
        if not _is_result(response, answer.status):
            await self._batcher.ask(RELEASE, claim.id)
            return answer if answer.status < SERVER_ERROR else None
        await self._batcher.ask(KEEP, (claim, answer))
        return answer


def _is_result(response: Response[Any], status: int) -> bool:
    return status < SERVER_ERROR and status != UNDECIDED and not isinstance(response, Unkept)


async def _attempt(request: Request[Any, Any, Any], work: Work, command_id: str) -> Response[Any]:
    """A refusal is an answer too. One that says no status has its route's, as it would without a key."""
    try:
        response = await work(command_id)
    except LedgerError as error:
        refused = on_ledger_error(request, error)
        return _unkept(refused) if error.passing else refused
    if response.status_code is None:
        handler = request.scope["route_handler"]
        assert isinstance(handler, HTTPRouteHandler), "as only requests have keys"
        response.status_code = handler.status_code
    return response


def _unkept(response: Response[bytes]) -> Unkept:
    return Unkept(
        response.content,
        status_code=response.status_code,
        headers=response.headers,
        media_type=response.media_type,
    )


async def _until(first: asyncio.Future[Answer | None], deadline: float) -> Answer | None:
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            return await asyncio.shield(first)
    except TimeoutError:
        raise _in_flight() from None


def _in_flight() -> IdempotencyInFlight:
    return IdempotencyInFlight(
        "The first request with this Idempotency-Key is still at work: send it again soon."
    )


def _same(first: bytes, second: bytes) -> None:
    if first != second:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used with another body: use a new key for a new intent."
        )


def _answer(response: Response[Any]) -> Answer:
    content = response.content
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    media_type = str(response.media_type or "application/json")
    status = response.status_code
    assert status is not None, "as was seen to when it was made"
    return Answer(status, {**response.headers, "Content-Type": media_type}, body)


def _replay(answer: Answer) -> Response[bytes]:
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=answer.headers["Content-Type"],
        headers={**headers, "Idempotent-Replayed": "true"},
    )


_INSERT = """
    INSERT INTO idempotency_keys (id, digest, user_id)
    SELECT * FROM unnest(%s::bytea[], %s::bytea[], %s::text[])
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""
_SELECT = """
    SELECT id, digest, status, headers, body
    FROM idempotency_keys
    WHERE id = ANY(%s)
"""
# A claim is free when the session that made it is gone (its process died) or when it is old. Two that
# take it over at once cannot both succeed: the second finds `claimed_at` changed. The body is then that of
# who takes it over: what the first one did the ledger knows by the command's id, and it refuses another.
_TAKE_OVER = """
    UPDATE idempotency_keys AS k
    SET digest = c.digest, claimed_at = clock_timestamp(), claimed_by = pg_backend_pid()
    FROM unnest(%s::bytea[], %s::bytea[]) AS c (id, digest)
    WHERE k.id = c.id
        AND status IS NULL
        AND (
            claimed_at < clock_timestamp() - make_interval(secs => %s)
            OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = claimed_by)
        )
    RETURNING k.id
"""


async def _claim(connection: Connection, claims: Sequence[Claim]) -> list[Found]:
    """One INSERT for all that wait; the rest is only for repeats."""
    ids, digests = [claim.id for claim in claims], [claim.digest for claim in claims]
    mine = await _ids(connection, _INSERT, (ids, digests, [claim.user_id for claim in claims]))
    if len(mine) == len(claims):
        return [Found(mine=True, digest=claim.digest) for claim in claims]
    theirs = [each for each in ids if each not in mine]
    rows = await (await connection.execute(_SELECT, (theirs,))).fetchall()
    known = {bytes(row[0]): row for row in rows}
    open_ = [claim for claim in claims if claim.id in theirs and _is_open(known.get(claim.id))]
    digest_of = {claim.id: claim.digest for claim in open_}
    taken = (
        await _ids(connection, _TAKE_OVER, (list(digest_of), list(digest_of.values()), CLAIM_LIFE_S))
        if open_
        else set()
    )
    return [_found(claim, mine | taken, known.get(claim.id)) for claim in claims]


def _is_open(row: tuple[Any, ...] | None) -> bool:
    return row is None or row[2] is None


async def _ids(connection: Connection, query: str, arguments: tuple[Any, ...]) -> set[bytes]:
    rows = await (await connection.execute(query.encode(), arguments)).fetchall()
    return {bytes(row[0]) for row in rows}


def _found(claim: Claim, mine: set[bytes], row: tuple[Any, ...] | None) -> Found:
    if claim.id in mine or row is None:  # claimed by us now, or released by another since
        return Found(mine=claim.id in mine, digest=claim.digest)
    _, digest, status, headers, body = row
    answer = Answer(status, headers, bytes(body)) if status is not None else None
    return Found(mine=False, digest=bytes(digest), answer=answer)


_UPDATE = """
    UPDATE idempotency_keys AS k
    SET digest = a.digest, status = a.status, headers = a.headers, body = a.body
    FROM unnest(%s::bytea[], %s::bytea[], %s::smallint[], %s::jsonb[], %s::bytea[])
        AS a (id, digest, status, headers, body)
    WHERE k.id = a.id
"""


async def _keep(connection: Connection, answers: Sequence[tuple[Claim, Answer]]) -> list[None]:
    """With the body that it is the answer to, as another one may have taken the claim over."""
    await connection.execute(
        _UPDATE,
        (
            [claim.id for claim, _ in answers],
            [claim.digest for claim, _ in answers],
            [answer.status for _, answer in answers],
            [Jsonb(dict(answer.headers)) for _, answer in answers],
            [answer.body for _, answer in answers],
        ),
    )
    return [None] * len(answers)


_DELETE = "DELETE FROM idempotency_keys WHERE id = ANY(%s) AND status IS NULL"


async def _release(connection: Connection, ids: Sequence[bytes]) -> list[None]:
    await connection.execute(_DELETE, (list(ids),))
    return [None] * len(ids)


CLAIM: BatchedQuery[Claim, Found] = BatchedQuery(_claim)
KEEP: BatchedQuery[tuple[Claim, Answer], None] = BatchedQuery(_keep)
RELEASE: BatchedQuery[bytes, None] = BatchedQuery(_release)

_PURGE = """
    DELETE FROM idempotency_keys
    WHERE claimed_at < clock_timestamp() - make_interval(days => %s)
"""


async def purge(connection: Connection, days: int) -> int:
    """Forgets old answers; how many. The command id stays in the ledger, so later too nothing doubles."""
    return (await connection.execute(_PURGE, (days,))).rowcount


_ERASE = "DELETE FROM idempotency_keys WHERE user_id = %s AND status IS NOT NULL"


async def erase(connection: Connection, user_id: str) -> None:
    """What a user was answered, as that may say who they are. What they did is known to the ledger, so that a
    repeat does nothing twice.
    """
    await connection.execute(_ERASE, (user_id,))
