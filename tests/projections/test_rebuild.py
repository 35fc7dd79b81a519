"""Live tables are what a rebuild makes of the same facts, also while the service runs."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import MapperDeserialisationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import ChainBroken
from ledger.store import conninfo
from ledger.store.recorder import APPEND, NewRow, append_arguments
from projections import live
from projections.engine import rebuild as rebuilding
from projections.engine.projection import CannotProject
from projections.engine.rebuild import RebuildRunning
from projections.engine.runner import BatchRunner
from projections.live import check, rebuild
from projections.payments.projection import Payments
from projections.registry import PROJECTIONS, REBUILDABLE, UnknownProjection
from tests.projections.histories import append, history, random_history, succeeded
from tests.projections.tables import EMPTY_THE_STORE, catch_up, contents, select, until

FACTS = random_history(seed=11, payments=120)


def owner(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(conninfo(url, role=None), autocommit=True)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), payments=st.integers(1, 40), batch=st.integers(1, 60))
def test_live_is_rebuilt_after_any_history(database_url: str, seed: int, payments: int, batch: int) -> None:
    facts = random_history(seed, payments)
    with owner(database_url) as conn:
        conn.execute("TRUNCATE positions, payments, payment_receipts, refunds, disputes, customers")
        conn.execute("TRUNCATE payment_methods, webhooks")
        conn.execute(
            "TRUNCATE payouts, enrolments, learning, certificates, entries, postings, balances, audit, "
            "outbox, public_events"
        )
        conn.execute("SET session_replication_role = replica")
        for statement in EMPTY_THE_STORE:
            conn.execute(statement)
    append(database_url, facts)
    catch_up(database_url, batch=batch)
    live = contents(database_url)

    assert check(database_url).differences == ()
    assert rebuild(database_url) == len(facts)
    assert contents(database_url) == live


def test_a_rebuild_replaces_the_tables_and_the_runner_goes_on(database_url: str) -> None:
    append(database_url, FACTS[:300])
    runner = live.runner(database_url)
    runner.catch_up()
    spoil(database_url)
    reached: list[tuple[int, int]] = []

    assert rebuild(database_url, progress=lambda at, aim: reached.append((at, aim))) == 300
    append(database_url, FACTS[300:])
    runner.catch_up()
    runner.stop()

    assert reached == [(300, 300)]
    assert set(runner.positions().values()) == {len(FACTS)}
    assert check(database_url).differences == ()


def spoil(url: str) -> None:
    with owner(url) as conn:
        conn.execute("UPDATE balances SET debit_minor = debit_minor + 1 WHERE account = '1010'")
        conn.execute("DELETE FROM refunds WHERE position = (SELECT min(position) FROM refunds)")


def test_a_check_names_each_table_that_is_not_what_the_facts_say(database_url: str) -> None:
    append(database_url, FACTS)
    catch_up(database_url)
    spoil(database_url)
    checked = check(database_url)

    assert [(one.projection, one.table) for one in checked.differences] == [
        ("payments", "refunds"),
        ("journal", "balances"),
    ]
    assert checked.positions == dict.fromkeys(REBUILDABLE, len(FACTS))
    assert checked.differences[0].live != checked.differences[0].rebuilt


def test_a_check_of_some_looks_at_those_alone(database_url: str) -> None:
    append(database_url, FACTS)
    catch_up(database_url)
    spoil(database_url)

    assert check(database_url, ["audit", "payments"]).digests.keys() == {
        "audit",
        "payments",
        "refunds",
        "disputes",
    }


def test_projections_at_different_positions_are_each_checked_at_their_own(database_url: str) -> None:
    append(database_url, FACTS[:100])
    catch_up(database_url, {"audit": PROJECTIONS["audit"]})
    append(database_url, FACTS[100:])
    catch_up(database_url, {"payments": Payments})
    checked = check(database_url)

    assert checked.differences == ()
    assert (checked.positions["audit"], checked.positions["payments"]) == (100, len(FACTS))
    assert checked.positions["journal"] == 0


def test_a_rebuild_of_one_that_lags_brings_it_to_the_head(database_url: str) -> None:
    append(database_url, FACTS[:100])
    catch_up(database_url)
    append(database_url, FACTS[100:])

    assert rebuild(database_url, ["audit"]) == len(FACTS)
    runner = catch_up(database_url)
    assert set(runner.positions().values()) == {len(FACTS)}
    assert check(database_url).differences == ()


def test_rebuild_and_check_are_exact_while_facts_keep_coming(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "CHUNK", 50)
    monkeypatch.setattr(rebuilding, "_CLOSE", 5)
    append(database_url, FACTS[:200])
    rest = iter(range(200, len(FACTS), 20))

    def append_more(*_: int) -> None:
        """The service records facts between any two chunks, and its runner folds them."""
        if (start := next(rest, None)) is not None:
            append(database_url, FACTS[start : start + 20])
            until(lambda: runner.position() >= start)

    with BatchRunner(database_url, PROJECTIONS, poll_s=0.002, batch=7) as runner:
        until(lambda: runner.position() == 200)
        for _ in range(3):
            assert check(database_url, progress=append_more).differences == ()
            rebuild(database_url, progress=append_more)
        for start in rest:
            append(database_url, FACTS[start : start + 20])
        until(lambda: runner.position() == len(FACTS))
        assert (runner.errors, runner.trouble) == ({}, "")

    assert check(database_url).differences == ()


def test_a_rebuild_never_goes_behind_what_a_reader_could_see(database_url: str) -> None:
    append(database_url, FACTS[:200])
    catch_up(database_url)

    def overtake(*_: int) -> None:
        append(database_url, FACTS[200:260])
        catch_up(database_url)

    assert rebuild(database_url, progress=overtake) == 260
    assert check(database_url).differences == ()


def test_a_reader_that_holds_a_table_delays_the_swap_and_sees_the_old_one(database_url: str) -> None:
    append(database_url, FACTS)
    catch_up(database_url)
    done = threading.Event()

    def rebuild_meanwhile() -> None:
        rebuild(database_url)
        done.set()

    with psycopg.connect(conninfo(database_url)) as reader:
        reader.execute("SELECT count(*) FROM balances")
        thread = threading.Thread(target=rebuild_meanwhile)
        thread.start()
        until(lambda: bool(select(database_url, _WAITING)))
        assert reader.execute("SELECT count(*) FROM payments").fetchone() == (120,)
    thread.join(20)

    assert done.is_set()
    assert check(database_url).differences == ()


_WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"


def test_a_fact_that_cannot_be_projected_leaves_the_live_tables_as_they_are(database_url: str) -> None:
    append(database_url, history(("payment-pay_1", (succeeded("pay_1"),))))

    with pytest.raises(CannotProject, match="position 1"):
        rebuild(database_url, ["payments"])
    assert select(database_url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%%rebuild'") == []


def test_one_at_a_time(database_url: str) -> None:
    append(database_url, FACTS[:10])

    def again(*_: int) -> None:
        with pytest.raises(RebuildRunning, match="wait for that to end"):
            check(database_url)

    rebuild(database_url, progress=again)


def tamper(url: str, *statements: str) -> None:
    """As a superuser would."""
    with owner(url) as conn:
        for trigger in ("append_only", "append_only_whole"):
            conn.execute(f"ALTER TABLE events DISABLE TRIGGER {trigger}".encode())
        for statement in statements:
            conn.execute(statement.encode())


_CUT = (
    "DELETE FROM events WHERE position > 90",
    "UPDATE head SET position = 90, hash = (SELECT hash FROM events WHERE position = 90)",
)
_BEFORE_THE_FIRST = """
    INSERT INTO events
    SELECT -1, 'forged', 1, type, data, metadata, recorded_at, 'forged', 0, hash
    FROM events
    WHERE position = 1
"""
_TAMPERINGS = {
    "a changed fact": (("UPDATE events SET data = data || ' ' WHERE position = 50",), 50),
    "a fact that nobody can read": (("UPDATE events SET data = 'noise' WHERE position = 50",), 50),
    "a type that nobody knows": (("UPDATE events SET type = 'payments.forged.v1' WHERE position = 50",), 50),
    "changed metadata": (("UPDATE events SET metadata = metadata || ' ' WHERE position = 100",), 100),
    "a changed time": (("UPDATE events SET recorded_at = now() WHERE position = 1",), 1),
    "a deleted fact": (("DELETE FROM events WHERE position = 50",), 50),
    "a cut tail": (("DELETE FROM events WHERE position > 90",), 91),
    "a cut tail with a forged head": (_CUT, 91),
    "everything deleted": (("TRUNCATE events",), 1),
    "a forged hash of the last fact": (("UPDATE events SET hash = sha256(hash) WHERE position = 100",), 100),
    "another head": (("UPDATE head SET hash = sha256(hash)",), 100),
    "a head that says less": (("UPDATE head SET position = 99",), 100),
    "another ledger": (("UPDATE head SET ledger_id = gen_random_uuid()",), 1),
    "a fact before the first": (
        (
            "ALTER TABLE events DROP CONSTRAINT events_position_check",
            _BEFORE_THE_FIRST,
        ),
        1,
    ),
}


@pytest.mark.parametrize("name", _TAMPERINGS)
def test_nothing_is_rebuilt_or_compared_with_a_history_that_was_tampered_with(
    name: str, database_url: str
) -> None:
    append(database_url, FACTS[:100])
    catch_up(database_url)
    live = contents(database_url)
    statements, position = _TAMPERINGS[name]
    tamper(database_url, *statements)

    for names in ((), ("customers",)):
        for work in (rebuild, check):
            with pytest.raises(ChainBroken) as caught:
                work(database_url, names)
            assert caught.value.position == position, work
    assert contents(database_url) == live


def test_a_cut_tail_is_known_by_what_any_projection_has_seen(database_url: str) -> None:
    append(database_url, FACTS[:100])
    catch_up(database_url)
    with owner(database_url) as conn:
        conn.execute("UPDATE positions SET notification_id = 50 WHERE application_name = 'customers'")
    tamper(database_url, *_CUT)

    for work in (rebuild, check):
        with pytest.raises(ChainBroken, match="the tail was cut"):
            work(database_url, ["customers"])


def test_what_no_projection_has_read_yet_is_verified_too(database_url: str) -> None:
    append(database_url, FACTS[:50])
    catch_up(database_url)
    append(database_url, FACTS[50:100])
    tamper(database_url, "UPDATE events SET metadata = metadata || ' ' WHERE position = 80")

    with pytest.raises(ChainBroken, match="position 80"):
        check(database_url)


def test_facts_that_are_appended_during_a_rebuild_must_be_chained_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "CHUNK", 50)
    append(database_url, FACTS[:100])
    catch_up(database_url)
    live = contents(database_url)

    def go_on_and_tamper(reached: int, _: int) -> None:
        if reached == 100:
            append(database_url, FACTS[100:120])
            tamper(database_url, "UPDATE events SET stream = 'payment-forged' WHERE position = 110")

    with pytest.raises(ChainBroken, match="position 110"):
        rebuild(database_url, progress=go_on_and_tamper)
    assert contents(database_url) == live


def test_what_was_read_for_a_rebuild_cannot_be_replaced_behind_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new tables and the chain speak of the same facts, also when the table changes in between."""
    monkeypatch.setattr(rebuilding, "CHUNK", 50)
    append(database_url, FACTS[:100])
    catch_up(database_url)

    def replace_the_tail(reached: int, _: int) -> None:
        if reached == 100:
            tamper(
                database_url,
                "DELETE FROM events WHERE position > 99",
                "UPDATE head SET position = 99, hash = (SELECT hash FROM events WHERE position = 99)",
            )
            append(database_url, FACTS[120:130])

    with pytest.raises(ChainBroken, match="position 101"):
        rebuild(database_url, progress=replace_the_tail)


def append_noise(url: str, type_: str) -> None:
    """A fact that was appended as it is, and that no version can read."""
    row: NewRow = ("noise-1", 1, type_, b"noise", b"noise", "cmd-noise", 0)
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        conn.execute(APPEND, append_arguments([row]))


def test_facts_that_no_projection_at_hand_is_about_are_proven_but_not_read(database_url: str) -> None:
    append(database_url, FACTS[:100])
    append_noise(database_url, "customers.created.v1")

    assert rebuild(database_url, ["leaderboards"]) == 101
    with pytest.raises(MapperDeserialisationError, match="position 101"):
        rebuild(database_url, ["leaderboards", "customers"])
    with pytest.raises(MapperDeserialisationError, match="position 101"):
        rebuild(database_url, ["audit"])


def test_a_type_that_is_not_known_may_be_about_any_projection(database_url: str) -> None:
    append_noise(database_url, "tokens.of_a_later_version.v1")

    with pytest.raises(MapperDeserialisationError, match="does not know the type"):
        rebuild(database_url, ["leaderboards"])


@pytest.mark.parametrize("name", ["outbox", "leaderboard"])
def test_what_cannot_be_rebuilt_is_said(name: str, database_url: str) -> None:
    with pytest.raises(UnknownProjection, match=f"Cannot rebuild {name}: choose from payments"):
        rebuild(database_url, ["payments", name])


def test_the_new_tables_have_the_indexes_constraints_and_grants_of_the_old(database_url: str) -> None:
    append(database_url, FACTS[:50])
    catch_up(database_url)
    before = select(database_url, _SHAPE)
    rebuild(database_url)

    assert select(database_url, _SHAPE) == before
    assert len(before) > 30


_SHAPE = """
    SELECT indexdef AS part FROM pg_indexes WHERE schemaname = 'liberation'
    UNION ALL
    SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'liberation'::regnamespace
    UNION ALL
    SELECT relname || ' ' || relacl::text FROM pg_class
    WHERE relnamespace = 'liberation'::regnamespace AND relkind = 'r' AND relacl IS NOT NULL
    ORDER BY part
"""
