"""Tables of subscriptions and invoices: live is rebuilt, in batches of any size; and what waits in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from ledger.invoices.events import InvoiceCredited, InvoiceFinalized, InvoicePaid
from ledger.message import Recorded
from ledger.store import conninfo
from projections.live import check, rebuild
from projections.queries import due
from tests.projections.histories import START, History, append
from tests.projections.subscription_histories import DAY, random_subscriptions
from tests.projections.tables import EMPTY_THE_STORE, TABLES, catch_up, contents, select
from tests.projections.test_invoices import failed, finalized, line, paid, recognised, settled
from tests.projections.test_subscriptions import requested, stands, started

FACTS = random_subscriptions(seed=3, users=60)
OURS = (
    *("subscriptions", "subscription_movements"),
    *("invoices", "invoice_lines", "credit_notes", "invoice_disputes"),
)


def start_over(url: str) -> None:
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        for table in (*TABLES, "positions"):
            conn.execute(SQL("TRUNCATE {}").format(Identifier(table)))


def empty_the_store(url: str) -> None:
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        for statement in EMPTY_THE_STORE:
            conn.execute(statement)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), users=st.integers(1, 8), batch=st.integers(5, 60))
def test_live_is_rebuilt_after_any_history(database_url: str, seed: int, users: int, batch: int) -> None:
    facts = random_subscriptions(seed, users)
    start_over(database_url)
    empty_the_store(database_url)
    append(database_url, facts)
    runner = catch_up(database_url, batch=batch, far_behind_batch=batch)
    live = contents(database_url)

    assert runner.errors == {}
    assert check(database_url).differences == ()
    assert rebuild(database_url) == len(facts)
    assert contents(database_url) == live


@pytest.mark.parametrize("batch", [1, 7])
def test_the_size_of_batches_does_not_matter(batch: int, database_url: str) -> None:
    append(database_url, FACTS[:250])
    catch_up(database_url, batch=batch, far_behind_batch=batch)
    one_size = contents(database_url)
    start_over(database_url)
    catch_up(database_url)

    assert contents(database_url) == one_size


def test_a_prefix_and_then_the_suffix_is_the_whole(database_url: str) -> None:
    half = len(FACTS) // 2
    append(database_url, FACTS[:half])
    catch_up(database_url)
    rebuild(database_url, ["invoices"])
    append(database_url, FACTS[half:])
    catch_up(database_url)
    in_two = contents(database_url)
    start_over(database_url)
    catch_up(database_url)

    assert contents(database_url) == in_two
    assert all(select(database_url, _ANY[table]) for table in OURS)


_ANY: dict[str, Any] = {table: f"SELECT 1 FROM {table} LIMIT 1" for table in OURS}  # noqa: S608  # our names


def test_the_books_and_the_invoices_agree(database_url: str) -> None:
    append(database_url, FACTS[: len(FACTS) // 2])
    catch_up(database_url)
    in_books = select(database_url, _LIABILITY)
    of_invoices = select(database_url, _DEFERRED)

    assert in_books == of_invoices
    assert len(in_books) > 10


_LIABILITY = """
    SELECT party, currency, credit_minor - debit_minor AS minor
    FROM balances
    WHERE account = '2000' AND credit_minor <> debit_minor
    ORDER BY party, currency
"""
_DEFERRED = """
    SELECT subscription_id AS party, settlement_currency AS currency, sum(deferred_minor)::bigint AS minor
    FROM invoices
    GROUP BY subscription_id, settlement_currency
    HAVING sum(deferred_minor) <> 0
    ORDER BY party, currency
"""


def test_numbers_of_documents_have_no_gap_and_follow_the_facts(database_url: str) -> None:
    """In many batches, each of which reads the number to go on from."""
    append(database_url, FACTS)
    catch_up(database_url, batch=50, far_behind_batch=50)
    receipts = select(
        database_url,
        "SELECT stripe_invoice_id AS id FROM invoices WHERE receipt_number > 0 ORDER BY receipt_number",
    )
    [highest] = select(
        database_url,
        "SELECT max(receipt_number) AS receipt, (SELECT max(credit_note_number) FROM credit_notes) AS credit"
        " FROM invoices",
    )
    credited = [one.event.credit_id for one in FACTS if isinstance(one.event, InvoiceCredited)]
    notes = select(
        database_url,
        "SELECT credit_id FROM credit_notes WHERE credit_note_number > 0 ORDER BY credit_note_number",
    )

    assert [one["id"] for one in receipts] == list(_paid(FACTS))
    assert [one["credit_id"] for one in notes] == credited
    assert highest == {"receipt": len(receipts), "credit": len(notes)}
    assert len(receipts) > 100


def _paid(facts: Sequence[Recorded]) -> Iterator[str]:
    totals: dict[str, int] = {}
    for one in facts:
        invoice_id = one.stream.removeprefix("invoice-")
        if isinstance(one.event, InvoiceFinalized):
            totals[invoice_id] = one.event.total_minor
        elif isinstance(one.event, InvoicePaid) and totals[invoice_id] > 0:
            yield invoice_id


# ---------------------------------------------------------------------------- what is due


def stored(url: str, history: History) -> None:
    append(url, history.recorded)
    assert catch_up(url).errors == {}


async def asked(url: str, read: Any, *arguments: Any, **options: Any) -> Any:
    async with await psycopg.AsyncConnection.connect(conninfo(url)) as conn:
        return await read(conn, *arguments, **options)


def sold(history: History, invoice_id: str, start: datetime, days: int = 3) -> None:
    period = line(f"il_{invoice_id}", 300, start, start + days * DAY)
    facts = (finalized(period, invoice_id=invoice_id), paid(300), settled((f"il_{invoice_id}", 300)))
    history.add(f"invoice-{invoice_id}", *facts, effective_at=start)


async def test_retries_are_due_by_their_date_and_page_by_page(database_url: str) -> None:
    history = History()
    for number, days in ((1, 7), (2, 2), (3, 2), (4, 14)):
        opened = finalized(line(f"il_{number}", 100), invoice_id=f"in_{number}")
        history.add(f"invoice-in_{number}", opened, failed(1, 0, days))
    history.add("invoice-in_3", paid(100))
    stored(database_url, history)
    now = START + 7 * DAY

    first = await asked(database_url, due.retries_due, now, 1)
    assert first == [due.RetryDue("in_2", START + 2 * DAY)]
    rest = await asked(database_url, due.retries_due, now, 9, after=first[0])
    assert rest == [due.RetryDue("in_1", now)]


@pytest.mark.parametrize(("status", "found"), [("past_due", 1), ("canceled", 0)])
async def test_nothing_is_due_of_a_subscription_that_is_over(
    status: str, found: int, database_url: str
) -> None:
    history = History()
    history.add("subscriber-usr_1", requested(), started(), stands("past_due", past_due_since=START))
    history.add("invoice-in_1", finalized(line("il_1", 100), invoice_id="in_1"), failed(1, 0, 2))
    stored(database_url, history)
    with psycopg.connect(conninfo(database_url)) as conn:
        conn.execute("UPDATE subscriptions SET status = %s", (status,))

    assert len(await asked(database_url, due.retries_due, START + 2 * DAY, 9)) == found


@pytest.mark.parametrize(
    ("status", "days", "request_", "found"),
    [
        ("past_due", 20, "", 0),
        ("past_due", 21, "", 1),
        ("past_due", 21, "resume", 1),
        ("unpaid", 50, "", 0),
        ("unpaid", 51, "", 1),
        ("unpaid", 51, "cancel", 0),
        ("active", 60, "", 0),
    ],
)
async def test_dunning_advances_after_21_days_and_ends_after_51(
    status: str, days: int, request_: str, found: int, database_url: str
) -> None:
    since = START if status != "active" else None
    history = History()
    history.add("subscriber-usr_1", requested(), started(), stands(status, past_due_since=since))
    stored(database_url, history)
    with psycopg.connect(conninfo(database_url)) as conn:
        conn.execute("UPDATE subscriptions SET request = %s", (request_,))

    answer = await asked(database_url, due.due_for_dunning, START + days * DAY, 9)
    assert answer == [due.DunningDue("sub_1", "usr_1", status, START)] * found


async def test_days_are_open_from_the_first_that_is_not_closed_to_the_last_of_the_period(
    database_url: str,
) -> None:
    history = History()
    sold(history, "in_1", START)
    sold(history, "in_2", START)
    sold(history, "in_3", START + 20 * DAY)
    history.add("invoice-in_2", recognised(0, ("il_in_2", 50)))
    stored(database_url, history)
    day = START.date()

    assert await asked(database_url, due.open_days, day, 9) == [due.OpenDays("in_1", day, day)]
    later = [
        due.OpenDays("in_1", day, day + 3 * DAY),
        due.OpenDays("in_2", day + DAY, day + 3 * DAY),
    ]
    assert await asked(database_url, due.open_days, day + 19 * DAY, 9) == later
    assert await asked(database_url, due.open_days, day + 19 * DAY, 9, after=later[0]) == later[1:]


async def test_funds_are_due_when_stripes_hold_is_over(database_url: str) -> None:
    history = History()
    sold(history, "in_1", START)
    stored(database_url, history)
    available = START + 2 * DAY

    assert await asked(database_url, due.funds_due, available - DAY, 9) == []
    found = await asked(database_url, due.funds_due, available, 9)
    assert found == [due.FundsDue("in_1", available, "", "in_1")]
    assert await asked(database_url, due.funds_due, available, 9, after=found[0]) == []


_PLANS: dict[str, Any] = {
    "invoices_to_retry": (due._RETRIES, {"now": START}),
    "subscriptions_in_debt": (due._DUNNING, {"unpaid": START, "cancel": START}),
    "invoices_to_recognise": (due._OPEN_DAYS, {"until": START.date()}),
    "invoices_awaiting_funds": (due._FUNDS, {"now": START}),
    "invoice_parts_awaiting_funds": (due._FUNDS, {"now": START}),
}


@pytest.mark.parametrize("index", _PLANS)
def test_what_is_due_is_found_by_its_index(index: str, database_url: str) -> None:
    query, arguments = _PLANS[index]
    after = START.date() - DAY if index == "invoices_to_recognise" else START - DAY
    with psycopg.connect(conninfo(database_url)) as conn:
        conn.execute("SET enable_seqscan = off")
        conn.execute("SET enable_bitmapscan = off")
        plan = conn.execute("EXPLAIN " + query, {**arguments, "after": after, "after_id": "", "limit": 9})

        assert f"using {index}" in "\n".join(row[0] for row in plan)
