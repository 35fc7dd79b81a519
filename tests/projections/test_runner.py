"""The runner misses nothing and counts nothing twice, whatever happens around it."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError
from psycopg.errors import ProgramLimitExceeded

from ledger.entries import Posting
from ledger.message import Recorded
from ledger.store import Reader
from ledger.webhooks.events import WebhookReceived
from projections import journal, live
from projections.audit import Audit
from projections.engine import writer
from projections.engine.buffers import TableBuffer
from projections.engine.projection import Projection
from projections.engine.runner import BatchRunner
from projections.engine.writer import ProjectionWriter
from projections.journal import Journal
from projections.outbox import Outbox
from projections.payments.projection import Payments
from projections.registry import PROJECTIONS
from tests.projections.histories import START, append, initiated, random_history, settled, succeeded
from tests.projections.histories import history as facts_of
from tests.projections.tables import catch_up, contents, select, until

FACTS = random_history(seed=7, payments=120)


def audited(url: str) -> int:
    [found] = select(url, "SELECT count(*) AS n FROM audit")
    return int(found["n"])


def test_all_projections_reach_the_head_together(database_url: str) -> None:
    append(database_url, FACTS)
    runner = catch_up(database_url)

    assert set(runner.positions().values()) == {len(FACTS)}
    assert runner.lag(head=len(FACTS)) == 0
    assert audited(database_url) == len(FACTS)


def test_a_runner_that_has_not_begun_is_at_zero(database_url: str) -> None:
    append(database_url, FACTS[:10])
    runner = live.runner(database_url)

    assert (runner.position(), runner.lag()) == (0, 10)
    runner.stop()


@pytest.mark.parametrize("batch", [1, 7, 5000])
def test_the_size_of_batches_does_not_matter(batch: int, database_url: str) -> None:
    append(database_url, FACTS[:200])
    catch_up(database_url, batch=batch, far_behind_batch=batch)
    one_size = contents(database_url)
    _start_over(database_url)
    catch_up(database_url)

    assert contents(database_url) == one_size


def test_a_prefix_and_then_the_suffix_is_the_whole(database_url: str) -> None:
    append(database_url, FACTS[:111])
    catch_up(database_url)
    append(database_url, FACTS[111:])
    catch_up(database_url)
    in_two = contents(database_url)
    _start_over(database_url)
    catch_up(database_url)

    assert contents(database_url) == in_two


def _start_over(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET search_path = liberation")
        conn.execute(
            "TRUNCATE positions, payments, refunds, disputes, customers, payment_methods, webhooks, payouts,"
            " entries, postings, balances, audit, outbox"
        )


def _race(url: str) -> None:
    """Two runners of different batch sizes, while facts are being appended."""
    one, two = (
        BatchRunner(url, PROJECTIONS, batch=3, poll_s=0.002),
        BatchRunner(url, PROJECTIONS, batch=40, poll_s=0.002),
    )
    with one, two:
        for start in range(0, len(FACTS), 25):
            append(url, FACTS[start : start + 25])
            two.wake()
        until(lambda: min(one.position(), two.position()) == len(FACTS) or bool(one.trouble or two.trouble))
        assert (one.trouble, two.trouble, one.errors, two.errors) == ("", "", {}, {})


def test_two_runners_do_not_count_twice(database_url: str) -> None:
    _race(database_url)
    raced = contents(database_url)
    _start_over(database_url)
    catch_up(database_url)

    assert contents(database_url) == raced


def test_without_compare_and_set_a_stale_runner_would_count_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above tests something: this is what it keeps away."""
    only = {"journal": Journal}
    append(database_url, FACTS)
    stale = BatchRunner(database_url, only)
    stale._take_stock()
    catch_up(database_url, {"journal": _BalancesOnly})
    right = contents(database_url)["balances"]

    def set_without_comparing(cursor: Any, names: Sequence[str], expected: int, reached: int) -> None:
        cursor.execute("UPDATE positions SET notification_id = %s", (reached,))

    monkeypatch.setattr(writer, "compare_and_set", set_without_comparing)
    stale._projections = {"journal": _BalancesOnly}
    stale.catch_up()
    stale.stop()

    assert contents(database_url)["balances"] != right


class _BalancesOnly(Journal):
    """Sums alone: the logs' primary keys would refuse a second time."""

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._balances,)


def test_a_stale_runner_is_superseded_and_reads_the_positions_again(database_url: str) -> None:
    append(database_url, FACTS[:50])
    stale = live.runner(database_url)
    stale._take_stock()
    catch_up(database_url)

    assert stale.step()
    assert stale.position() == 50
    stale.stop()
    assert audited(database_url) == 50


def test_a_projection_that_is_new_catches_up_by_itself_and_joins(database_url: str) -> None:
    append(database_url, FACTS)
    catch_up(database_url, {"payments": Payments})
    seen: list[set[str]] = []

    class Watched(BatchRunner):
        def _advance(self, names: Sequence[str], after: int, ahead: int | None) -> bool:
            seen.append(set(names))
            return super()._advance(names, after, ahead)

    runner = Watched(database_url, {"payments": Payments, "audit": Audit}, batch=100)
    runner.catch_up()
    runner.stop()

    assert seen[0] == {"audit"}
    assert seen[-1] == {"payments", "audit"}
    assert set(runner.positions().values()) == {len(FACTS)}


def test_killed_connections_do_not_stop_the_feed(database_url: str) -> None:
    with BatchRunner(database_url, PROJECTIONS, poll_s=0.002) as runner:
        for some in (FACTS[:500], FACTS[500:]):
            append(database_url, some)
            _kill_connections(database_url)
            until(partial(_stands_at, runner, some[-1].position))

    assert audited(database_url) == len(FACTS)


def _stands_at(runner: BatchRunner, position: int) -> bool:
    return runner.position() == position


def _kill_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def test_waiting_for_the_database_is_told(database_url: str) -> None:
    class Away:
        def batch(self, after: int, limit: int) -> list[Recorded]:  # noqa: ARG002  # a feed's
            raise PersistenceError("the server is away")

        def head(self) -> int:
            return 0

        def close(self) -> None: ...

    with BatchRunner(database_url, PROJECTIONS, poll_s=0.002, reader=Away()) as runner:
        until(lambda: "the server is away" in runner.trouble)


def test_a_hint_wakes_it_before_the_next_poll(database_url: str) -> None:
    advanced = threading.Event()
    with BatchRunner(database_url, PROJECTIONS, poll_s=3600) as runner:
        until(lambda: bool(runner.positions()))
        runner.on_advance(lambda position: advanced.set() if position == 5 else None)
        append(database_url, FACTS[:5])
        runner.wake()

        assert advanced.wait(20)


class _Fussy(Projection):
    """Takes everything but one webhook."""

    NAME: ClassVar[str] = "fussy"

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return ()

    def project(self, recorded: Recorded) -> None:
        if isinstance(recorded.event, WebhookReceived) and recorded.event.stripe_event_id == "evt_bad":
            raise ValueError("not this one")


def webhook(event_id: str) -> WebhookReceived:
    return WebhookReceived(
        stripe_event_id=event_id, stripe_event_type="charge.updated", object_id="ch_1", created_at=START
    )


def test_a_fact_that_cannot_be_projected_stops_its_projection_there_and_no_other(database_url: str) -> None:
    ids = ["evt_1", "evt_2", "evt_bad", "evt_4", "evt_5"]
    append(database_url, facts_of(*((f"webhook-{one}", (webhook(one),)) for one in ids)))
    stopped: list[str] = []
    runner = BatchRunner(database_url, {**PROJECTIONS, "fussy": _Fussy})
    runner.on_stop(lambda name, _reason: stopped.append(name))
    runner.catch_up()
    runner.stop()

    assert runner.errors.keys() == {"fussy"}
    assert "webhooks.received.v1 at position 3 (webhook-evt_bad version 1)" in runner.errors["fussy"]
    assert "ValueError: not this one" in runner.errors["fussy"]
    assert runner.positions() == {**dict.fromkeys(PROJECTIONS, 5), "fussy": 2}
    assert (runner.position(), runner.lag(head=5), stopped) == (5, 3, ["fussy"])


def test_a_fact_that_the_database_refuses_is_found_by_halving(database_url: str) -> None:
    """A NUL cannot be stored as text, and the database does not say in which row it was."""
    facts = facts_of(
        *(
            (f"payment-pay_{i}", (initiated(f"pay_{i}", user_id="usr\0" if i == 5 else "usr_1"),))
            for i in range(9)
        )
    )
    append(database_url, facts)
    runner = catch_up(database_url)

    assert runner.errors.keys() == {"payments"}
    assert "position 6, payments.initiated.v1" in runner.errors["payments"]
    assert runner.positions()["payments"] == 5
    assert runner.positions()["audit"] == 9


@pytest.mark.parametrize("step", ["load", "write"])
@pytest.mark.parametrize(
    "fault",
    [OverflowError("int too big"), struct.error("'q' format"), ProgramLimitExceeded("index row size 2712")],
)
def test_whatever_a_row_cannot_be_stops_its_projection_and_no_other(
    step: str, fault: Exception, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise fault

    append(database_url, facts_of(*((f"webhook-evt_{i}", (webhook(f"evt_{i}"),)) for i in range(3))))
    monkeypatch.setattr(_Fussy, step, fail)
    runner = catch_up(database_url, {"audit": Audit, "fussy": _Fussy})

    assert runner.errors.keys() == {"fussy"}
    assert "position 1, webhooks.received.v1" in runner.errors["fussy"]
    assert runner.positions() == {"audit": 3, "fussy": 0}


def test_a_database_that_fails_stops_none_of_them(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise psycopg.OperationalError("the connection is lost")

    append(database_url, facts_of(("webhook-evt_1", (webhook("evt_1"),))))
    monkeypatch.setattr(_Fussy, "write", fail)
    with pytest.raises(PersistenceError):
        catch_up(database_url, {"fussy": _Fussy})


def test_an_entry_that_does_not_balance_cannot_be_projected(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lopsided = (Posting("1010", "usd", 100), Posting("4000", "usd", -99))
    monkeypatch.setattr(journal, "postings", lambda _: lopsided)
    append(database_url, facts_of(("payment-pay_1", (initiated("pay_1"),))))
    runner = catch_up(database_url)

    assert "sum to {'usd': 1}, not to zero" in runner.errors["journal"]
    assert select(database_url, "SELECT * FROM postings") == []


def test_a_fact_that_this_version_cannot_read_stops_all_before_it(database_url: str) -> None:
    append(database_url, FACTS[:20])
    known = {type(one.event) for one in FACTS[:3]}
    first_unknown = next(one.position for one in FACTS if type(one.event) not in known)
    reader = Reader(database_url, event_types=known)
    runner = catch_up(database_url, reader=reader)

    assert runner.errors.keys() == PROJECTIONS.keys()
    assert f"at position {first_unknown}" in runner.errors["audit"]
    assert set(runner.positions().values()) == {first_unknown - 1}


def test_a_crash_between_apply_and_commit_loses_and_doubles_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(database_url, FACTS)
    crashes = iter([True, False, True])

    class Crashing(Outbox):
        def write(self, cursor: Any) -> None:
            super().write(cursor)
            if next(crashes, False):
                raise PersistenceError("killed before the commit")

    runner = BatchRunner(database_url, {**PROJECTIONS, "outbox": Crashing}, batch=300)
    for _ in range(2):
        with pytest.raises(PersistenceError):
            runner.catch_up()
    runner.catch_up()
    runner.stop()
    crashed = contents(database_url)
    _start_over(database_url)
    catch_up(database_url)

    assert contents(database_url) == crashed


def test_a_batch_in_which_a_row_begins_and_ends_is_written_once(database_url: str) -> None:
    append(
        database_url,
        facts_of(("payment-pay_1", (initiated("pay_1"), succeeded("pay_1"), settled("pay_1")))),
    )
    catch_up(database_url)

    [row] = select(database_url, "SELECT status, last_position FROM payments")
    assert row == {"status": "succeeded", "last_position": 3}


def test_positions_are_the_librarys_tracking_table(database_url: str) -> None:
    append(database_url, FACTS[:9])
    catch_up(database_url)
    projected = ProjectionWriter(database_url)

    assert projected.max_tracking_id("journal") == 9
    assert projected.has_tracking_id("journal", 9)
    projected.close()


STOPPED = "SELECT name, position, reason FROM stopped_projections ORDER BY name"


def test_a_stopped_projection_is_tried_again_and_goes_on_once_it_can(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(database_url, facts_of(*((f"webhook-{one}", (webhook(one),)) for one in ["evt_1", "evt_bad"])))
    runner = BatchRunner(database_url, {**PROJECTIONS, "fussy": _Fussy})
    runner.retry_s = 0.01
    with runner:
        until(lambda: "fussy" in runner.errors and bool(select(database_url, STOPPED)))
        [noted] = select(database_url, STOPPED)
        assert (noted["name"], noted["position"]) == ("fussy", 2)
        assert noted["reason"] == runner.errors["fussy"]
        monkeypatch.setattr(_Fussy, "project", lambda *_: None)
        until(lambda: not runner.errors and not select(database_url, STOPPED))
        assert set(runner.positions().values()) == {2}


def test_what_a_newer_version_recorded_and_projected_stops_the_older_one_for_a_while_only(
    database_url: str,
) -> None:
    """As in a rolling upgrade."""
    append(database_url, FACTS[:20])
    known = {type(one.event) for one in FACTS[:3]}
    reader = Reader(database_url, event_types=known)
    older = BatchRunner(database_url, PROJECTIONS, reader=reader, batch=1)
    older.catch_up()
    assert older.errors.keys() == PROJECTIONS.keys()
    assert {row["name"] for row in select(database_url, STOPPED)} == PROJECTIONS.keys()
    catch_up(database_url)
    assert select(database_url, STOPPED) == [], "the newer one goes on and says so"
    older._retry_at = dict.fromkeys(older.errors, 0.0)
    older.catch_up()
    older.stop()
    assert older.errors == {}

    assert set(older.positions().values()) == {20}
    assert audited(database_url) == 20


def test_what_stopped_is_tried_only_when_its_time_has_come(database_url: str) -> None:
    append(database_url, facts_of(("webhook-evt_bad", (webhook("evt_bad"),))))
    runner = BatchRunner(database_url, {"fussy": _Fussy})
    stops: list[str] = []
    runner.on_stop(lambda name, _reason: stops.append(name))
    for _ in range(3):
        runner.catch_up()
    runner.stop()

    assert stops == ["fussy"]
