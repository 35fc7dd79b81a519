"""Coupons and their uses as tables: live is what a rebuild makes of the same facts."""

from __future__ import annotations

import random
from functools import reduce
from typing import Any

import msgspec
import psycopg
import pytest

from ledger.coupons import events as facts
from ledger.coupons.state import Coupon, evolve
from ledger.coupons.stream import stream_of
from ledger.coupons.terms import Terms
from ledger.instants import EARLIEST, LATEST
from ledger.store import conninfo
from projections.live import check, rebuild
from tests.ledger.coupon_examples import CODE, SOON, terms
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, contents, select

TERMS = terms(max_uses=3, ends_at=SOON)
AT = stream_of(CODE)


def made(code: str = CODE) -> facts.CouponCreated:
    return facts.CouponCreated(code=code, user_id="usr_ivy", terms=TERMS)


def reserved(use_id: str, code: str = CODE) -> facts.CouponUseReserved:
    return facts.CouponUseReserved(
        code=code,
        use_id=use_id,
        buyer_id="usr_ann",
        learner_id="usr_ann",
        payment_id=f"pay_{use_id}",
        course_id="crs_1",
        price_minor=10000,
        currency="usd",
        discount_minor=2000,
        borne_by="instructor",
    )


def followed(
    kind: type[facts.UseFollowed], use_id: str, as_of: int = 2, code: str = CODE
) -> facts.UseFollowed:
    return kind(code=code, use_id=use_id, as_of=as_of)


def stored(url: str, history: History, **options: Any) -> None:
    append(url, history.recorded)
    assert catch_up(url, **options).errors == {}


def test_times_that_no_table_takes_are_shown_as_the_nearest_that_one_does(database_url: str) -> None:
    """Facts that have them were let in once, and must not stop what reads them."""
    told = b'{"percent_bp":2000,"scope":"platform","borne_by":"platform","starts_at":"%s","ends_at":"%s"}'
    was = msgspec.json.decode(told % (b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-12:00"), type=Terms)
    history = History()
    history.add(AT, facts.CouponCreated(code=CODE, user_id="usr_ivy", terms=was))
    stored(database_url, history)
    shown = select(database_url, "SELECT starts_at, ends_at FROM coupons")
    assert shown == [{"starts_at": EARLIEST, "ends_at": LATEST}]


def test_a_coupon_stands_with_its_terms_and_what_is_used_of_it(database_url: str) -> None:
    history = History()
    history.add(AT, made(), reserved("enr_1"), reserved("enr_2"))
    history.add(AT, followed(facts.CouponUseConfirmed, "enr_2"))
    history.add(AT, followed(facts.CouponUseReleased, "enr_3"))
    history.add(AT, facts.CouponEndedEarly(code=CODE, user_id="usr_ivy"))
    stored(database_url, history)
    [row] = select(database_url, "SELECT * FROM coupons")
    assert (row["maker"], row["percent_bp"], row["max_uses"], row["ends_at"]) == ("usr_ivy", 2000, 3, SOON)
    assert (row["scope"], row["scope_id"], row["borne_by"]) == ("course", "crs_1", "instructor")
    assert (row["reserved"], row["confirmed"], row["position"], row["last_position"]) == (1, 1, 1, 6)
    assert row["ended_at"] > row["created_at"]
    uses = select(database_url, "SELECT * FROM coupon_uses ORDER BY use_id")
    assert [(use["use_id"], use["status"], use["discount_minor"]) for use in uses] == [
        ("enr_1", "reserved", 2000),
        ("enr_2", "confirmed", 2000),
        ("enr_3", "released", 0),
    ]
    assert uses[1]["changed_at"] > uses[1]["reserved_at"]
    assert uses[2]["reserved_at"] is None


def test_uses_of_a_coupon_that_a_restore_lost_are_kept_all_the_same(database_url: str) -> None:
    history = History()
    history.add(AT, followed(facts.CouponUseConfirmed, "enr_1"))
    stored(database_url, history)
    assert select(database_url, "SELECT * FROM coupons") == []
    [use] = select(database_url, "SELECT * FROM coupon_uses")
    assert use["status"] == "confirmed"


FOLLOWED = (
    facts.CouponUseConfirmed,
    facts.CouponUseReleased,
    facts.CouponUseReturned,
    facts.CouponUseReinstated,
)


def _random_history(seed: int) -> History:
    """Uses of some coupons, and whatever becomes of them."""
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    codes = [f"CODE-{number}" for number in range(5)]
    for code in codes:
        history.add(stream_of(code), made(code))
    known: list[tuple[str, str]] = []
    for number in range(150):
        if not known or chance.random() < 0.4:
            code, use_id = chance.choice(codes), f"enr_{number}"
            known.append((code, use_id))
            history.add(stream_of(code), reserved(use_id, code))
            continue
        code, use_id = chance.choice([*known, (codes[0], f"enr_unheard_{number}")])
        history.add(stream_of(code), followed(chance.choice(FOLLOWED), use_id, number, code))
    return history


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_live_is_rebuilt_after_any_history_and_counts_as_the_rules_do(
    database_url: str, seed: int, batch: int
) -> None:
    history = _random_history(seed)
    stored(database_url, history, batch=batch)
    live = contents(database_url)
    assert check(database_url).differences == ()
    assert rebuild(database_url) == len(history.recorded)
    assert contents(database_url) == live
    for row in select(database_url, "SELECT * FROM coupons"):
        events: list[Any] = [one.event for one in history.recorded if one.stream == stream_of(row["code"])]
        assert row["reserved"] + row["confirmed"] == reduce(evolve, events, Coupon()).live


_PLANS = {
    "coupons_of_maker": "SELECT * FROM coupons WHERE maker = 'x' ORDER BY position DESC LIMIT 9",
    "coupons_position_key": "SELECT * FROM coupons WHERE position < 9 ORDER BY position DESC LIMIT 9",
    "coupons_pkey": "SELECT * FROM coupons WHERE code = 'x'",
    "coupon_uses_of_coupon": "SELECT * FROM coupon_uses WHERE code = 'x' ORDER BY position DESC LIMIT 9",
}


@pytest.mark.parametrize("index", _PLANS)
def test_each_list_is_read_by_its_index(index: str, database_url: str) -> None:
    with psycopg.connect(conninfo(database_url)) as conn:
        conn.execute("SET enable_seqscan = off")
        conn.execute("SET enable_bitmapscan = off")
        plan = conn.execute(f"EXPLAIN {_PLANS[index]}".encode()).fetchall()
    assert index in "\n".join(line for (line,) in plan)
