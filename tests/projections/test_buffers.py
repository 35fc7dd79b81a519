"""Tables and the structs of their rows are the same thing, and every text survives the way there."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.store import conninfo
from projections.audit import AUDIT, AuditRow
from projections.customers import CUSTOMERS, PAYMENT_METHODS, CustomerRow, PaymentMethodRow
from projections.engine.buffers import Log, Rows, RowsByOwner, Sums
from projections.engine.tables import Table
from projections.journal import BALANCES
from tests.projections.histories import START
from tests.projections.tables import TABLES, select

AWKWARD = "tab\t, new\nline, \\N, \\.,  quote\" {brace,comma} 'é' 💶"


@pytest.mark.parametrize("name", sorted(TABLES.keys() - {"outbox"}))
def test_a_rows_fields_are_the_tables_columns_in_their_order(name: str, database_url: str) -> None:
    columns = select(
        database_url,
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
        name,
    )

    assert tuple(one["column_name"] for one in columns) == TABLES[name].columns


def test_text_survives_both_ways_of_writing(database_url: str) -> None:
    with connect(database_url) as conn, conn.cursor(binary=True) as cursor:
        upserted, copied = Rows(CUSTOMERS), Rows(CUSTOMERS)
        upserted.put("usr_1", CustomerRow("usr_1", AWKWARD))
        upserted.write(cursor)
        copied.put("usr_2", CustomerRow("usr_2", AWKWARD))
        copied.copy(cursor)
        loaded = Rows(CUSTOMERS).load(cursor, ["usr_1", "usr_2", "usr_3"])

    assert sorted(loaded, key=lambda row: row.user_id) == [
        CustomerRow("usr_1", AWKWARD),
        CustomerRow("usr_2", AWKWARD),
    ]


@pytest.mark.parametrize("roles", [[], ["student"], ["student", "instructor", AWKWARD]])
def test_roles_survive_the_copy(roles: list[str], database_url: str) -> None:
    row: tuple[Any, ...] = (1, "s", 1, "t", "c", "id", "usr_1", roles, AWKWARD, "", START, START, "")
    with connect(database_url) as conn, conn.cursor() as cursor:
        log = Log(AUDIT)
        log.add(row)
        log.write(cursor)

    [found] = select(database_url, "SELECT * FROM audit")
    assert AuditRow(**found) == AuditRow(*row)


def test_a_row_that_is_written_twice_to_a_log_is_refused(database_url: str) -> None:
    with connect(database_url) as conn, conn.cursor() as cursor:
        log = Log(AUDIT)
        for _ in range(2):
            log.add((1, "s", 1, "t", "c", "id", "usr_1", [], "", "", START, START, ""))

        with pytest.raises(psycopg.errors.UniqueViolation):
            log.write(cursor)


def test_sums_add_to_what_is_there_and_forget_what_they_wrote(database_url: str) -> None:
    with connect(database_url) as conn, conn.cursor() as cursor:
        sums = Sums(BALANCES)
        for _ in range(2):
            sums.of(("1010", "", "usd"))[0] += 7
            sums.of(("1010", "", "eur"))[1] += 5
            sums.write(cursor)
        sums.write(cursor)

    found = select(database_url, "SELECT * FROM balances ORDER BY currency DESC")
    assert [(one["debit_minor"], one["credit_minor"]) for one in found] == [(14, 0), (0, 10)]


def test_a_removed_row_is_gone_also_when_it_came_back_and_went_again(database_url: str) -> None:
    with connect(database_url) as conn, conn.cursor() as cursor:
        rows = Rows(CUSTOMERS)
        rows.put("usr_1", CustomerRow("usr_1", "cus_1"))
        rows.write(cursor)
        rows.remove("usr_1")
        rows.put("usr_1", CustomerRow("usr_1", "cus_2"))
        rows.remove("usr_1")
        rows.write(cursor)

    assert select(database_url, "SELECT * FROM customers") == []


def test_rows_are_found_by_what_they_belong_to_be_they_new_or_loaded(database_url: str) -> None:
    saved = [PaymentMethodRow(f"pm_{n}", f"usr_{n % 2}", START, n) for n in range(4)]
    with connect(database_url) as conn, conn.cursor(binary=True) as cursor:
        for row in saved:
            (rows := RowsByOwner(PAYMENT_METHODS, "user_id")).put(row.payment_method_id, row)
            rows.write(cursor)
        rows = RowsByOwner(PAYMENT_METHODS, "user_id")
        rows.load_of(cursor, ["usr_0"])

    new = PaymentMethodRow("pm_new", "usr_0", START, 5)
    rows.put("pm_new", new)
    rows.put("pm_0", saved[0])
    assert sorted(rows.of("usr_0"), key=lambda row: row.position) == [saved[0], saved[2], new]
    assert rows.of("usr_1") == []
    rows.remove("pm_2")
    assert saved[2] not in rows.of("usr_0")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_application_writes_and_the_auditor_only_reads(table: Table[Any], database_url: str) -> None:
    [may] = select(
        database_url,
        """
        SELECT
            has_table_privilege('liberation_application', %(table)s, 'SELECT') AS reads,
            has_table_privilege('liberation_application', %(table)s, 'INSERT, UPDATE, DELETE') AS writes,
            has_table_privilege('liberation_auditor', %(table)s, 'SELECT') AS auditor_reads,
            has_table_privilege('liberation_auditor', %(table)s, 'INSERT, UPDATE, DELETE') AS auditor_writes
        """,
        table=table.name,
    )

    assert may == {"reads": True, "writes": True, "auditor_reads": True, "auditor_writes": False}


def connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(conninfo(url), autocommit=True)
