"""The tables of orders are what the rules make of the facts, and what is owed ties to the books."""

from __future__ import annotations

import random
from datetime import datetime

import psycopg
import pytest

from api.doctor import books
from ledger.orders.stream import stream_of
from ledger.store import conninfo
from projections.live import check
from projections.queries.licences import Receivables, ageing
from projections.queries.revenue import deferred_rollforward
from projections.queries.ties import untied_receivables
from tests.ledger.order_examples import DAY, NEW_YEAR, SHARED, Ordered, line
from tests.ledger.test_orders import step
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, select

KINDS = ("pay", "pay", "given", "declined", "returned", "drop", "write_off")
LATER = NEW_YEAR + 365 * DAY


def by_chance(chance: random.Random, number: int) -> Ordered:
    order_id = f"ord_{number:08}"
    lines = [
        line(
            f"crs_{one}",
            *("usr_ann", "usr_ben")[: chance.randint(1, 2)],
            price=chance.randint(1, 9_999),
            tax=chance.choice([0, 321]),
            instructors=SHARED,
            order_id=order_id,
        )
        for one in range(2)
    ]
    ordered = Ordered(*lines, order_id=order_id, org_id=f"org_{number % 2}", net_days=chance.choice([0, 14]))
    for _ in range(chance.randrange(8)):
        step(ordered, chance.choice(KINDS), chance.randint(1, 10_000))
    return ordered


def stored(url: str, seed: int, batch: int) -> list[Ordered]:
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    made = [by_chance(chance, number) for number in range(12)]
    for ordered in made:
        history.add(stream_of(ordered.order.order_id), *ordered.facts, effective_at=NEW_YEAR)
    append(url, history.recorded)
    assert catch_up(url, batch=batch).errors == {}
    return made


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
async def test_each_row_is_as_the_rules_have_it_and_what_is_owed_ties(
    database_url: str, seed: int, batch: int
) -> None:
    made = {one.order.order_id: one.order for one in stored(database_url, seed, batch)}
    rows = select(database_url, "SELECT * FROM orders")
    assert {row["order_id"] for row in rows} == made.keys()
    told = ("paid_minor", "credited_minor", "written_off_minor", "open_minor", "owed_minor", "released")
    for row in rows:
        order = made[row["order_id"]]
        assert {name: row[name] for name in told} == {name: getattr(order, name) for name in told}
    for row in select(database_url, "SELECT * FROM order_items"):
        assert row["status"] == made[row["order_id"]].items[row["item_id"]].status
    assert check(database_url, ["orders"]).differences == ()
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        assert untied_receivables(conn) == []
    left = sum(order.open_minor for order in made.values())
    assert sum(one.total_minor for one in await _aged(database_url, LATER)) == left
    unshared = sum(
        one.net_minor + one.tax_minor - one.paid_minor
        for order in made.values()
        for one in order.lines.values()
    )
    assert unshared == left


async def _aged(url: str, at: datetime) -> list[Receivables]:
    async with await psycopg.AsyncConnection.connect(conninfo(url, role="liberation_auditor")) as conn:
        return list(await ageing(conn, at))


async def test_what_is_sold_and_not_shared_out_has_a_kind_of_its_own_in_no_month(database_url: str) -> None:
    stored(database_url, 16, 100)
    async with await psycopg.AsyncConnection.connect(conninfo(database_url)) as conn:
        (whole,) = await deferred_rollforward(conn, NEW_YEAR, LATER)
    assert whole.other_minor == 0
    assert min(whole.billed_minor, whole.recognised_minor, whole.credited_minor, whole.written_off_minor) > 0
    gone = whole.recognised_minor + whole.credited_minor + whole.written_off_minor
    assert whole.closing_minor == whole.billed_minor - gone


def test_an_organisation_whose_debt_is_not_what_the_books_have_is_named(database_url: str) -> None:
    stored(database_url, 5, 100)
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        well = books.receivables(conn)
        assert (well.level, "What organisations and users owe" in well.said) == ("ok", True)
        conn.execute("UPDATE orders SET open_minor = open_minor + 1 WHERE org_id = 'org_1'")
        told = books.receivables(conn)
        assert (told.level, "What org_1 owes is" in told.said) == ("wrong", True)
        assert "replay --check" in told.todo
        conn.execute("DELETE FROM positions WHERE application_name = 'orders'")
        assert books.receivables(conn).level == "skipped"
