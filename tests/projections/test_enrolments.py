"""Enrolments in their table: the attempt that counts, and the reservations that are over."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from ledger.enrolments.events import (
    EnrolmentExpiring,
    EnrolmentReleased,
    ReservationSuperseded,
    ReturnRequested,
    ReturnWithdrawn,
    SurplusPaymentFound,
)
from ledger.enrolments.state import Enrolment, evolve
from ledger.message import Event, Recorded
from ledger.store import conninfo
from projections.queries import due
from tests.projections.histories import (
    START,
    activated,
    append,
    certificate,
    certificate_back,
    certificate_gone,
    completed,
    history,
    progress,
    random_history,
    released,
    reserved,
    restored,
    revoked,
)
from tests.projections.tables import catch_up, select

STREAM = "enrolment-crs_1-usr_ann"
UNTIL = START + timedelta(minutes=30)
RETURN = ReturnRequested(
    enrolment_id="enr_1", payment_id="pay_usr_ann_1", refund_id="re_1", buyer_id="usr_ann"
)
LATER = replace(RETURN, refund_id="re_2")
SURPLUS = SurplusPaymentFound(
    payment_id="pay_usr_ann_1", buyer_id="usr_ann", kept_payment_id="pay_usr_ann_2", as_of=4
)
SUPERSEDED = ReservationSuperseded(
    enrolment_id="enr_usr_ann_2", payment_id="pay_usr_ann_2", by_payment_id="pay_usr_ann_1"
)


def held(number: int = 1) -> Event:
    return reserved("crs_1", "usr_ann", number)


def active(number: int = 1) -> Event:
    return activated("crs_1", "usr_ann", number)


def expiring(learner_id: str = "usr_ann") -> Event:
    return EnrolmentExpiring(enrolment_id=f"enr_{learner_id}_1", payment_id=f"pay_{learner_id}_1")


ORDERED = replace(activated("crs_1", "usr_ann"), payment_id="", order_id="ord_1")
UNPAID = replace(revoked("usr_ann"), payment_id="", cause="order_unpaid", cause_id="ord_1")


def row(url: str, *facts: Event) -> dict[str, Any]:
    """Each fact in a batch of its own, so that all is read back that was written."""
    append(url, history(*((STREAM, (fact,)) for fact in facts)))
    assert catch_up(url, batch=1).errors == {}
    [found] = select(url, "SELECT * FROM enrolments")
    return found


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((held(),), {"status": "reserved", "attempt": 1, "amount_minor": 10_000, "expires_at": UNTIL}),
        ((held(), expiring()), {"status": "reserved", "expiring": True}),
        ((held(), expiring(), released("usr_ann")), {"status": "released", "expiring": False}),
        ((held(), released("usr_ann"), held(2)), {"attempt": 2, "payment_id": "pay_usr_ann_2"}),
        ((held(), active()), {"status": "active", "expires_at": None, "revoked_at": None, "order_id": ""}),
        ((ORDERED,), {"status": "active", "order_id": "ord_1", "payment_id": ""}),
        ((ORDERED, UNPAID), {"status": "revoked", "order_id": "ord_1"}),
        ((ORDERED, UNPAID, held(2)), {"status": "reserved", "order_id": ""}),
        ((held(), active(), RETURN), {"status": "active", "refund_id": "re_1"}),
        ((held(), active(), RETURN, restored("usr_ann")), {"status": "active", "refund_id": ""}),
        ((held(), active(), LATER, restored("usr_ann")), {"status": "active", "refund_id": "re_2"}),
        (
            (held(), active(), RETURN, ReturnWithdrawn(enrolment_id="enr_1", refund_id="re_1")),
            {"status": "active", "refund_id": ""},
        ),
        ((held(), active(), RETURN, revoked("usr_ann")), {"status": "revoked", "refund_id": ""}),
        ((held(), active(), LATER, revoked("usr_ann")), {"status": "revoked", "refund_id": "re_2"}),
        ((held(), active(), revoked("usr_ann"), LATER), {"status": "revoked", "refund_id": "re_2"}),
        ((held(), active(), revoked("usr_ann"), held(2), LATER), {"status": "reserved", "refund_id": ""}),
        ((held(), active(), revoked("usr_ann"), restored("usr_ann")), {"status": "active"}),
        (
            (held(), released("usr_ann"), held(2), SUPERSEDED, active(1)),
            {"status": "active", "attempt": 1, "payment_id": "pay_usr_ann_1", "revision": 1},
        ),
        (
            (held(), released("usr_ann"), held(2), active(2), SURPLUS),
            {"status": "active", "payment_id": "pay_usr_ann_2"},
        ),
        (
            (EnrolmentReleased(enrolment_id="pay_9", payment_id="pay_9", reason="failed", as_of=3),),
            {"status": "", "course_id": "crs_1", "learner_id": "usr_ann"},
        ),
    ],
)
def test_a_row_is_of_the_attempt_that_counts(
    facts: tuple[Event, ...], expected: dict[str, Any], database_url: str
) -> None:
    found = row(database_url, *facts)
    assert {name: found[name] for name in expected} == expected
    assert (found["position"], found["last_position"]) == (1, len(facts))


ANNS = "enr_usr_ann_1"
LEARNT = (
    held(),
    active(),
    progress(ANNS, 0, 2500),
    progress(ANNS, 2500, 10_000),
    completed(ANNS, "crs_1", "usr_ann"),
    certificate(ANNS, "crs_1", "usr_ann"),
)
LOST = (*LEARNT, revoked("usr_ann"), certificate_gone(ANNS))
NOTHING = {"progress_bp": 0, "completed_at": None, "completed_revision": None, "certificate_id": ""}
ALL = {"progress_bp": 10_000, "completed_at": START, "completed_revision": 1, "certificate_id": f"crt_{ANNS}"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((held(), active()), {"status": "active", **NOTHING}),
        (LEARNT[:3], {"status": "active", **NOTHING, "progress_bp": 2500}),
        (LEARNT[:5], {"status": "completed", **ALL, "certificate_id": ""}),
        (LEARNT, {"status": "completed", **ALL}),
        (LOST, {"status": "revoked", **ALL}),
        ((*LOST, held(2)), {"status": "reserved", **NOTHING}),
        ((*LOST, held(2), active(2)), {"status": "active", **NOTHING}),
        ((*LOST, restored("usr_ann"), certificate_back(ANNS)), {"status": "completed", **ALL}),
        ((*LOST, held(2), SUPERSEDED, restored("usr_ann")), {"status": "completed", **ALL}),
    ],
)
def test_a_row_shows_what_the_attempt_that_counts_has_learnt(
    facts: tuple[Event, ...], expected: dict[str, Any], database_url: str
) -> None:
    found = row(database_url, *facts)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("facts", "revoked_at"),
    [
        (LEARNT, None),
        (LOST, START + timedelta(seconds=8)),
        ((*LOST, restored("usr_ann"), certificate_back(ANNS)), None),
    ],
)
def test_a_certificate_is_valid_until_it_is_revoked(
    facts: tuple[Event, ...], revoked_at: Any, database_url: str
) -> None:
    row(database_url, *facts)
    [found] = select(database_url, "SELECT * FROM certificates")
    assert (found["revoked_at"], found["words_id"], found["position"]) == (revoked_at, "wrd_1", 6)


def test_access_that_is_restored_began_when_it_first_did(database_url: str) -> None:
    found = row(database_url, held(), active(), revoked("usr_ann"), restored("usr_ann"))
    assert found["activated_at"] == START + timedelta(seconds=2)


def folding(stream: str, facts: list[Recorded]) -> Enrolment:
    events: list[Any] = [one.event for one in facts if one.stream == stream]
    return reduce(evolve, events, Enrolment())


def test_the_table_says_what_the_rules_fold(database_url: str) -> None:
    facts = random_history(seed=5, payments=160)
    append(database_url, facts)
    assert catch_up(database_url, batch=7).errors == {}
    streams = {one.stream for one in facts if one.stream.startswith("enrolment-")}
    folded = {stream: folding(stream, facts) for stream in streams}
    rows = {one["stream"]: one for one in select(database_url, "SELECT * FROM enrolments")}
    assert len(streams) == 40
    for name in ("status", "enrolment_id", "payment_id", "expiring"):
        assert {stream: getattr(state, name) for stream, state in folded.items()} == {
            stream: one[name] for stream, one in rows.items()
        }
    learnt = {stream: state.learning.of(state.enrolment_id) for stream, state in folded.items()}
    assert {stream: (progress.bp, progress.completed is not None) for stream, progress in learnt.items()} == {
        stream: (one["progress_bp"], one["completed_at"] is not None) for stream, one in rows.items()
    }


async def test_reservations_are_over_by_their_time_page_by_page_and_asked_for_once(
    database_url: str,
) -> None:
    lives: dict[str, tuple[Event, ...]] = {
        "usr_a": (reserved("crs_1", "usr_a"),),
        "usr_b": (reserved("crs_1", "usr_b"),),
        "usr_c": (reserved("crs_1", "usr_c"), expiring("usr_c")),
        "usr_d": (reserved("crs_1", "usr_d"), activated("crs_1", "usr_d")),
    }
    append(database_url, history(*((f"enrolment-crs_1-{name}", facts) for name, facts in lives.items())))
    assert catch_up(database_url).errors == {}
    async with await psycopg.AsyncConnection.connect(conninfo(database_url)) as conn:
        early = await due.reservations_due(conn, UNTIL - timedelta(seconds=1), 9)
        first = await due.reservations_due(conn, UNTIL, 1)
        rest = await due.reservations_due(conn, UNTIL, 9, after=first[0])
    assert early == []
    assert [(one.learner_id, one.enrolment_id) for one in (*first, *rest)] == [
        ("usr_a", "enr_usr_a_1"),
        ("usr_b", "enr_usr_b_1"),
    ]


_PLANS: dict[str, Any] = {
    "enrolments_expiring": (
        due._RESERVATIONS,
        {"now": START, "after": START - timedelta(days=1), "after_id": "", "limit": 9},
    ),
    "enrolments_of_learner": (
        "SELECT * FROM enrolments WHERE learner_id = 'usr_1' ORDER BY position DESC LIMIT 9",
        None,
    ),
    "enrolments_given_by": (
        "SELECT * FROM enrolments WHERE buyer_id = 'x' AND buyer_id <> learner_id ORDER BY position LIMIT 9",
        None,
    ),
    "enrolments_by_id": ("SELECT * FROM enrolments WHERE enrolment_id = 'enr_1'", None),
    "learning_of_stream": ("SELECT * FROM learning WHERE stream = ANY('{enrolment-crs_1-usr_1}')", None),
    "enrolments_returning": (
        "SELECT * FROM enrolments WHERE refund_id = 're_1' AND refund_id <> ''",
        None,
    ),
    "enrolments_of_course": (
        "SELECT * FROM enrolments WHERE course_id = 'crs_1' ORDER BY position DESC LIMIT 9",
        None,
    ),
}


@pytest.mark.parametrize("index", _PLANS)
def test_each_list_is_read_by_its_index(index: str, database_url: str) -> None:
    query, arguments = _PLANS[index]
    with psycopg.connect(conninfo(database_url)) as conn:
        conn.execute("SET enable_seqscan = off")
        conn.execute("SET enable_bitmapscan = off")
        plan = conn.execute("EXPLAIN " + query, arguments).fetchall()
    assert f"using {index}" in "\n".join(line for (line,) in plan)
