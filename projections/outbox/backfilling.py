"""What a policy would have asked for, had it been there earlier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
from psycopg.rows import tuple_row

from ledger.errors import Invalid, OperatorError
from ledger.message import Recorded
from ledger.policies import POLICIES, Policy, Reaction
from ledger.store import Reader, conninfo
from projections.outbox.projection import OutboxRow, insert, row_of

CHUNK = 10_000

_STARTS_AFTER = "SELECT starts_after FROM policies WHERE name = %s"
_START_EARLIER = "UPDATE policies SET starts_after = %s WHERE name = %s AND starts_after = %s"


class UnknownPolicy(OperatorError):
    """Names no policy, or one that has not begun here."""

    code = "unknown_policy"


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """`first` to `last` are the facts that the policy was not asked about; none when `first` is larger."""

    policy: str
    first: int
    last: int
    effects: dict[str, int]
    """How many of each kind."""
    applied: bool


def backfill(url: str, name: str, first: int, *, schema: str = "liberation", apply: bool = False) -> Backfill:
    """Has the policy start at the fact at `first`, with `apply`; else only says what that would ask for.

    What the policy has seen is never asked again. From its start backwards, chunk by chunk, each in one
    transaction with where the policy starts then: when this stops half way it can be begun again. The service
    may run. Raises `UnknownPolicy`, and `Invalid` for a position that is none.
    """
    policy = _policy(name)
    if first < 1:
        raise Invalid("Positions begin with 1.")
    effects: Counter[str] = Counter()
    with (
        Reader(url, schema=schema) as reader,
        psycopg.connect(conninfo(url, schema=schema, name="backfill"), row_factory=tuple_row) as conn,
    ):
        last = end = _starts_after(conn, name)
        while end >= first:
            after = max(first - 1, end - CHUNK)
            rows = [row for fact in _facts(reader, after, end) for row in _rows(policy, fact)]
            effects.update(row.kind for row in rows)
            if apply:
                _apply(conn, name, rows, after, end)
            end = after
    return Backfill(policy=name, first=first, last=last, effects=dict(effects), applied=apply)


def _policy(name: str) -> Policy:
    for policy in POLICIES:
        if policy.name == name:
            return policy
    known = ", ".join(policy.name for policy in POLICIES)
    raise UnknownPolicy(f"There is no policy {name}: choose from {known}.")


def _starts_after(conn: psycopg.Connection[tuple[Any, ...]], name: str) -> int:
    found = conn.execute(_STARTS_AFTER, (name,)).fetchone()
    conn.commit()
    if found is None:
        raise UnknownPolicy(
            f"The policy {name} has not begun here: it does with the next fact that the service projects."
        )
    return int(found[0])


def _facts(reader: Reader, after: int, until: int) -> Iterator[Recorded]:
    """A fact that cannot be read raises, and is not skipped."""
    while after < until:
        batch = reader.batch(after, until - after)
        yield from batch
        after = batch[-1].position


def _rows(policy: Policy, fact: Recorded) -> list[OutboxRow]:
    return [
        row_of(fact, Reaction(policy.name, index, effect)) for index, effect in enumerate(policy.react(fact))
    ]


def _apply(
    conn: psycopg.Connection[tuple[Any, ...]], name: str, rows: list[OutboxRow], after: int, end: int
) -> None:
    """Nothing when somebody else has come here first."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(_START_EARLIER, (after, name, end))
        if cursor.rowcount:
            insert(cursor, rows)
