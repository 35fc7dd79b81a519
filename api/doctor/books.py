"""Whether the books and what they are made up of say the same."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from api.doctor.finding import Finding, ok, skipped, wrong
from ledger.chart import RECEIVABLE, TOKENS_OUTSTANDING
from projections.queries.ties import untied, untied_receivables

CHECK = "books.tokens"
RECEIVABLES = "books.receivables"


def tokens(conn: Connection[Any]) -> Finding:
    found = untied(conn, 1)
    if found is None:
        return skipped(CHECK, "the tables of tokens and of the books are not equally far, see work")
    if not found:
        return ok(CHECK, f"Users' tokens are what account {TOKENS_OUTSTANDING.number} has of them.")
    todo = "Run `liberation replay --check`, which names each user and the tables that are to be rebuilt."
    return wrong(CHECK, found[0].said, todo)


def receivables(conn: Connection[Any]) -> Finding:
    found = untied_receivables(conn, 1)
    if found is None:
        return skipped(RECEIVABLES, "the tables of invoices and of the books are not equally far, see work")
    if not found:
        return ok(
            RECEIVABLES, f"What organisations and users owe is what account {RECEIVABLE.number} has of it."
        )
    todo = "Run `liberation replay --check`, which names each of them and the tables that are to be rebuilt."
    return wrong(RECEIVABLES, found[0].said, todo)
