"""Tampering: whatever is changed in whatever column is named, and a cut tail by a checkpoint."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from ledger.errors import ChainBroken
from ledger.store import chain, checkpoint, conninfo
from tests.ledger.store.purse import ANN, fill, open_purses, spend

EVENTS = 12
AT = datetime(2026, 3, 1, tzinfo=UTC)


async def _make_history(url: str) -> None:
    async with open_purses(url) as store:
        await store.handle(fill(coins=50), ANN)
        for _ in range(5):
            await store.handle(spend(), ANN)
        await store.handle(spend(times=EVENTS - 6), ANN)


@pytest.fixture
def history(database_url: str) -> Iterator[Connection[Any]]:
    """The owner's connection to a ledger with twelve events."""
    asyncio.run(_make_history(database_url))
    with psycopg.connect(conninfo(database_url, role=None), autocommit=True) as conn:
        yield conn


@contextmanager
def tampering(conn: Connection[Any]) -> Iterator[None]:
    """As somebody would who owns the database; all that was changed is put back at the end."""
    with conn.transaction(force_rollback=True):
        conn.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        conn.execute("ALTER TABLE events DROP CONSTRAINT events_stream_version")
        conn.execute("ALTER TABLE events DROP CONSTRAINT events_pkey")
        conn.execute("ALTER TABLE events DROP CONSTRAINT events_version_check")
        conn.execute("ALTER TABLE events DROP CONSTRAINT events_command_index_check")
        conn.execute("DROP INDEX events_command")
        yield


def verify(conn: Connection[Any]) -> chain.Head:
    """`chain.verify` within the test's own transaction, so that it sees what is not committed."""
    head = chain.read_head(conn)
    return chain.recompute(conn, head)


def test_the_schema_and_python_agree_on_every_hash(history: Connection[Any]) -> None:
    head = chain.verify(history)
    assert head.position == EVENTS
    assert head.hash == chain.hash_at(history, EVENTS)


def test_an_empty_ledger_verifies(database_url: str) -> None:
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        head = chain.verify(conn)
    assert (head.position, head.hash) == (0, chain.genesis(head.ledger_id))


def test_verifying_tells_how_far_it_is(history: Connection[Any]) -> None:
    told: list[tuple[int, int]] = []
    chain.verify(history, lambda done, total: told.append((done, total)))
    assert told[-1] == (EVENTS, EVENTS)


FLIP_A_BYTE = {
    "bytea": """
        UPDATE events
        SET {c} = set_byte({c}, %(at)s %% octet_length({c}),
            get_byte({c}, %(at)s %% octet_length({c})) # %(bit)s)
        WHERE position = %(p)s
    """,
    "text": """
        UPDATE events
        SET {c} = overlay({c}
            PLACING chr(ascii(substr({c}, 1 + %(at)s %% length({c}), 1)) # 1)
            FROM 1 + %(at)s %% length({c}) FOR 1)
        WHERE position = %(p)s
    """,
    "number": "UPDATE events SET {c} = {c} # (1 << (%(at)s %% 20)) WHERE position = %(p)s",
    "time": "UPDATE events SET {c} = {c} + %(bit)s * interval '1 microsecond' WHERE position = %(p)s",
}
COLUMNS = {
    "stream": "text",
    "version": "number",
    "type": "text",
    "data": "bytea",
    "metadata": "bytea",
    "recorded_at": "time",
    "command_id": "text",
    "command_index": "number",
    "hash": "bytea",
}


def test_every_column_is_in_the_chain(history: Connection[Any]) -> None:
    query = """
        SELECT attname FROM pg_attribute
        WHERE attrelid = 'events'::regclass AND attnum > 0 AND NOT attisdropped
    """
    assert {name for (name,) in history.execute(query)} == {*COLUMNS, "position"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    column=st.sampled_from(sorted(COLUMNS)),
    position=st.integers(1, EVENTS),
    at=st.integers(0, 400),
    bit=st.integers(0, 7).map(lambda i: 1 << i),
)
def test_any_changed_byte_is_named(
    history: Connection[Any], column: str, position: int, at: int, bit: int
) -> None:
    with tampering(history):
        query = FLIP_A_BYTE[COLUMNS[column]].format(c=column)
        changed = history.execute(query.encode(), {"at": at, "bit": bit, "p": position})
        assert changed.rowcount == 1
        with pytest.raises(ChainBroken) as caught:
            verify(history)
    assert caught.value.position == position
    assert chain.verify(history).position == EVENTS, "put back, it is whole again"


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("UPDATE events SET position = 99 WHERE position = 4", 4),
        ("DELETE FROM events WHERE position = 7", 7),
        ("DELETE FROM events WHERE position > 9", 10),
        ("UPDATE head SET position = 9", 10),
        ("UPDATE head SET hash = sha256(hash)", EVENTS),
        ("UPDATE head SET ledger_id = gen_random_uuid()", 1),
        (
            "UPDATE events SET data = (SELECT data FROM events WHERE position = 3) WHERE position = 1",
            1,
        ),
    ],
)
def test_rows_that_were_moved_or_removed_are_named(
    history: Connection[Any], statement: str, position: int
) -> None:
    with tampering(history):
        history.execute(statement.encode())
        with pytest.raises(ChainBroken) as caught:
            verify(history)
    assert caught.value.position == position


def test_text_that_is_no_text_any_more_is_named_too(history: Connection[Any]) -> None:
    """No SQL stores such a text, a failing disk does: here the row is damaged on its way."""
    with history.cursor(binary=True) as cursor:
        rows = cursor.execute(chain.SELECT_LINKS).fetchall()
    rows[2] = (*rows[2][:4], b"\xff\x00", *rows[2][5:])
    with pytest.raises(ChainBroken) as caught:
        chain.follow(chain.read_head(history), iter(rows))
    assert caught.value.position == 3


class TestCheckpoint:
    key = Ed25519PrivateKey.generate()

    def made(self, conn: Connection[Any]) -> checkpoint.Checkpoint:
        return checkpoint.sign(chain.verify(conn), AT, self.key)

    def test_it_holds_while_history_only_grows(
        self, history: Connection[Any], database_url: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "checkpoint.json"
        file.write_bytes(msgspec.json.encode(self.made(history)))
        asyncio.run(_make_history(database_url))
        checkpoint.check(history, checkpoint.read(file), self.key.public_key().public_bytes_raw())

    def test_a_cut_tail_with_a_forged_head_is_named(self, history: Connection[Any]) -> None:
        kept = self.made(history)
        with tampering(history):
            history.execute("DELETE FROM events WHERE position > 9")
            history.execute(
                "UPDATE head SET position = 9, hash = (SELECT hash FROM events WHERE position = 9)"
            )
            assert verify(history).position == 9, "the chain alone shows nothing"
            with pytest.raises(ChainBroken, match="tail was cut") as caught:
                checkpoint.check(history, kept)
        assert caught.value.position == 10

    def test_a_rewritten_history_is_named(self, history: Connection[Any]) -> None:
        kept = self.made(history)
        with tampering(history):
            history.execute("DELETE FROM events WHERE position > 11")
            history.execute(
                "UPDATE head SET position = 11, hash = (SELECT hash FROM events WHERE position = 11)"
            )
            history.execute(
                "SELECT append('{purse-a}', '{12}', '{purse.spent.v1}',"
                " ARRAY['{}'::bytea], ARRAY['{}'::bytea], '{x}', '{0}')"
            )
            assert verify(history).position == EVENTS
            with pytest.raises(ChainBroken, match="replaced"):
                checkpoint.check(history, kept)

    def test_a_changed_or_foreign_checkpoint_is_refused(self, history: Connection[Any]) -> None:
        kept = self.made(history)
        moved = msgspec.structs.replace(kept, statement=msgspec.structs.replace(kept.statement, position=3))
        with pytest.raises(checkpoint.CheckpointError, match="changed after signing"):
            checkpoint.check(history, moved)
        with pytest.raises(checkpoint.CheckpointError, match="another key"):
            checkpoint.check(history, kept, trusted=bytes(32))
        garbled = msgspec.structs.replace(kept, signature=base64.b64encode(bytes(64)).decode())
        with pytest.raises(checkpoint.CheckpointError, match="changed after signing"):
            checkpoint.check(history, garbled)
        foreign = msgspec.structs.replace(
            chain.verify(history), ledger_id="00000000-0000-0000-0000-000000000000"
        )
        with pytest.raises(checkpoint.CheckpointError, match="is of ledger"):
            checkpoint.check(history, checkpoint.sign(foreign, AT, self.key))

    def test_a_file_that_is_no_checkpoint_is_said_so(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("{}")
        with pytest.raises(checkpoint.CheckpointError, match="is no checkpoint"):
            checkpoint.read(tmp_path / "x")
        with pytest.raises(checkpoint.CheckpointError, match="cannot be read"):
            checkpoint.read(tmp_path / "y")

    def test_the_key_is_made_once_and_kept_from_others(self, tmp_path: Path) -> None:
        file = tmp_path / "keys" / "checkpoint.pem"
        made = checkpoint.load_or_make_key(file)
        assert file.stat().st_mode & 0o077 == 0
        again = checkpoint.load_or_make_key(file)
        public = made.public_key().public_bytes_raw()
        assert again.public_key().public_bytes_raw() == public
        assert checkpoint.load_public_key(file) == public
