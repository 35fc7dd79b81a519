"""Where a number in the books comes from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.books.accounting import TAGS, Party
from api.http.body import UnitParameter, unit_of
from api.http.checks import Check
from api.http.known import account_fault, check_party
from api.http.paging import LARGEST, Cursor, Limit, Page, before_key, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.words import ACCOUNT
from ledger.chart import CHART

AccountNumber = Annotated[
    str, QueryParameter(pattern=ACCOUNT, description="By the chart: 1010."), Check(account_fault)
]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One posting, its fact and its hash in the chain, and the balance after it."""

    position: int
    leg: int
    party: str
    amount_minor: int
    balance_after_minor: int
    description: str
    type: str
    stream: str
    hash: str
    source: str
    effective_at: datetime
    recorded_at: datetime


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`opening_minor` and the amounts of `parts` add up to `closing_minor`; on the first page that is the
    balance that the account shows. Newest first.
    """

    account: str
    name: str
    currency: str
    party: str | None
    opening_minor: int
    closing_minor: int
    parts: list[Part]
    has_more: bool
    next_cursor: str | None


# One statement, so that the balance and its parts are of one moment. A later page knows its closing balance
# from the cursor, since what was posted before a position never changes.
_EXPLAIN = """
    WITH balance AS (
        SELECT coalesce(sum(debit_minor - credit_minor), 0)::bigint AS minor
        FROM balances
        WHERE account = %(account)s AND currency = %(currency)s
            AND (%(party)s::text IS NULL OR party = %(party)s)
    )
    SELECT balance.minor, p.position, p.leg, p.party, p.amount_minor,
        e.description, e.type, e.stream, encode(f.hash, 'hex'), e.source, e.effective_at, e.recorded_at
    FROM balance
    LEFT JOIN LATERAL (
        SELECT *
        FROM postings
        WHERE account = %(account)s AND currency = %(currency)s
            AND (%(party)s::text IS NULL OR party = %(party)s)
            AND (position, leg) < (%(position)s, %(leg)s)
        ORDER BY position DESC, leg DESC
        LIMIT %(limit)s
    ) AS p ON true
    LEFT JOIN entries AS e ON e.position = p.position
    LEFT JOIN events AS f ON f.position = p.position
    ORDER BY p.position DESC, p.leg DESC
"""


@get(
    "/api/ledger/explain",
    operation_id="explainBalance",
    summary="Where a balance comes from",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def explain_balance(
    services: NamedDependency[Services],
    account: AccountNumber,
    currency: UnitParameter,
    party: Party = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Explanation]:
    """From an account's balance to its postings, to the facts behind them with their place and hash in the
    chain, to Stripe's objects.
    """
    currency = unit_of(currency)
    position, leg, closing = before_key(cursor, (LARGEST, LARGEST, 0)) if cursor else (LARGEST, LARGEST, None)
    arguments = {
        "account": account,
        "currency": currency,
        "party": party,
        "position": position,
        "leg": leg,
        "limit": limit + 1,
    }
    async with services.reading() as connection:
        found = await (await connection.execute(_EXPLAIN, arguments)).fetchall()
        await check_party(connection, party)
    closing = found[0][0] if closing is None else closing
    parts = _parts([row[1:] for row in found if row[1] is not None], closing)
    of_page: Page[Part] = page(parts, limit, _key)
    shown = of_page.items
    return Read(
        Explanation(
            account=account,
            name=CHART[account].name,
            currency=currency,
            party=party,
            opening_minor=closing - sum(part.amount_minor for part in shown),
            closing_minor=closing,
            parts=shown,
            has_more=of_page.has_more,
            next_cursor=of_page.next_cursor,
        )
    )


def _key(part: Part) -> tuple[int, int, int]:
    return part.position, part.leg, part.balance_after_minor - part.amount_minor


def _parts(found: Sequence[Sequence[Any]], closing: int) -> list[Part]:
    parts = []
    for position, leg, party, amount, description, type_, stream, hash_, source, effective, recorded in found:
        part = Part(
            position=position,
            leg=leg,
            party=party,
            amount_minor=amount,
            balance_after_minor=closing,
            description=description,
            type=type_,
            stream=stream,
            hash=hash_,
            source=source,
            effective_at=effective,
            recorded_at=recorded,
        )
        parts.append(part)
        closing -= amount
    return parts


HANDLERS = (explain_balance,)
