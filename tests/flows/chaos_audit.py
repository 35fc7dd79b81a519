"""What must hold when everything is up again, as sentences about what does not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import psycopg

from ledger.errors import ChainBroken
from ledger.message import Recorded
from ledger.payments.events import (
    PaymentFailed,
    PaymentInitiated,
    PaymentSucceeded,
    RefundRequested,
    RefundSucceeded,
)
from ledger.store import Reader, conninfo
from ledger.store.chain import verify
from projections.live import check
from tests.flows.chaos import City, Stripe
from tests.flows.chaos_load import Told

_UNFINISHED = """
    SELECT 'payment ' || payment_id || ' is ' || status
    FROM payments
    WHERE status IN ('initiated', 'processing', 'unknown')
    UNION ALL
    SELECT 'refund ' || refund_id || ' is ' || status
    FROM refunds
    WHERE status IN ('requested', 'pending', 'unknown')
    UNION ALL
    SELECT 'payment ' || payment_id || ' has given back ' || refunded_minor || ' of ' || captured_minor
    FROM payments
    WHERE refunded_minor + refund_pending_minor > captured_minor
    UNION ALL
    SELECT kind || ' of position ' || position || ' is parked: ' || last_error
    FROM outbox
    WHERE parked_at IS NOT NULL
"""
_UNBALANCED = """
    SELECT 'the entry at ' || position || ' is out of balance in ' || currency
    FROM postings
    GROUP BY position, currency
    HAVING sum(amount_minor) <> 0
    UNION ALL
    SELECT 'the books are out of balance in ' || currency
    FROM balances
    GROUP BY currency
    HAVING sum(debit_minor) <> sum(credit_minor)
"""
_NOT_EARNED = """
    SELECT 'the books owe ' || user_id || ' ' || sum(booked) || ' ' || currency || ', not ' || sum(earned)
    FROM (
        SELECT party AS user_id, currency, credit_minor - debit_minor AS booked, 0 AS earned
        FROM balances
        WHERE account IN ('2100', '1210')
        UNION ALL
        SELECT user_id, currency, 0, amount_minor - transferred_minor
        FROM earnings_days
    ) AS owed
    GROUP BY user_id, currency
    HAVING sum(booked) <> sum(earned)
"""
_AT_STRIPE = """
    SELECT currency, sum(debit_minor - credit_minor)::bigint
    FROM balances
    WHERE account IN ('1010', '1011', '1012')
    GROUP BY currency
"""


class Audit(msgspec.Struct):
    """`findings` is empty when all is well; the rest shows that there was something to look at."""

    findings: list[str]
    acknowledged: int
    events: int
    charges: int
    refunds: int
    unclear: int
    """Payments and refunds whose outcome was unknown for a while."""


def audit(city: City, told: Sequence[Told]) -> Audit:
    """Of a settled city, for all that was `told` since its beginning."""
    with city.database_url() as url:
        facts = _facts(url)
        charges = [one for one in city.stripe.all("charges") if one["status"] == "succeeded"]
        refunds = city.stripe.all("refunds")
        findings = [
            *_writes(facts, told),
            *_charges(facts, charges),
            *_refunds(facts, refunds),
            *_answers(told, charges, refunds),
            *_books(url, city.stripe),
        ]
    return Audit(
        findings,
        acknowledged=sum(1 for one in told if one.status),
        events=len(facts),
        charges=len(charges),
        refunds=len(refunds),
        unclear=sum(1 for fact in facts if "unknown" in fact.event.TYPE),
    )


def sound(city: City) -> list[str]:
    """What is wrong in a settled city whoever asked for what: as findings, none when all is well."""
    with city.database_url() as url:
        facts = _facts(url)
        charges = [one for one in city.stripe.all("charges") if one["status"] == "succeeded"]
        payments = [one for one in charges if one["metadata"].get("payment_id")]
        return [
            *_twice("payment", (one["metadata"]["payment_id"] for one in payments)),
            *_refunds(facts, city.stripe.all("refunds")),
            *_books(url, city.stripe),
        ]


def _facts(url: str) -> list[Recorded]:
    facts: list[Recorded] = []
    with Reader(url) as reader:
        while batch := reader.batch(len(facts), 1000):
            facts += batch
    return facts


def _writes(facts: Sequence[Recorded], told: Sequence[Told]) -> Iterator[str]:
    """Every acknowledged write is there once, and no request was carried out twice."""
    ids: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        if isinstance(fact.event, PaymentInitiated):
            ids[fact.event.description].append(fact.event.payment_id)
        elif isinstance(fact.event, RefundRequested):
            ids[fact.event.note].append(fact.event.refund_id)
    for one in told:
        made, acknowledged = ids.pop(one.key, []), one.refund_id or one.payment_id
        if len(made) > 1:
            yield f"{one.key} was carried out {len(made)} times: {made}"
        if _is_write(one) and made != [acknowledged]:
            yield f"{one.key} was acknowledged ({one.status}) as {acknowledged}; the ledger has {made}"
        if one.status and not _is_write(one) and made:
            yield f"{one.key} was refused ({one.status}); the ledger has {made}"
        if one.position and _is_write(one) and not _stands(facts, one):
            yield f"{one.key} was acknowledged at position {one.position}, where it is not"
    yield from (f"nobody asked for {made}" for made in ids.values())


def _is_write(told: Told) -> bool:
    """A declined card, or a refund that Stripe did not make, is on record too; a refusal is not."""
    return bool(told.payment_id if told.kind == "payment" else told.refund_id)


def _stands(facts: Sequence[Recorded], told: Told) -> bool:
    return told.position <= len(facts) and facts[told.position - 1].stream == f"payment-{told.payment_id}"


def _charges(facts: Sequence[Recorded], charges: Sequence[dict[str, Any]]) -> Iterator[str]:
    """No card is charged twice, and what Stripe charged is what we know."""
    known = Counter(fact.event.charge_id for fact in facts if isinstance(fact.event, PaymentSucceeded))
    failed = {fact.stream for fact in facts if isinstance(fact.event, PaymentFailed)}
    succeeded = {fact.stream for fact in facts if isinstance(fact.event, PaymentSucceeded)}
    yield from (f"{stream} was called failed, and its card was charged" for stream in failed & succeeded)
    yield from _twice("payment", (one["metadata"].get("payment_id") for one in charges))
    yield from _twice("request", (one["description"] for one in charges))
    yield from _differences("charge", known, Counter(one["id"] for one in charges))


def _refunds(facts: Sequence[Recorded], refunds: Sequence[dict[str, Any]]) -> Iterator[str]:
    known = Counter(
        (fact.event.stripe_refund_id, fact.event.amount_minor)
        for fact in facts
        if isinstance(fact.event, RefundSucceeded)
    )
    yield from _twice("refund", (one["metadata"].get("refund_id") for one in refunds))
    yield from _differences("refund", known, Counter((one["id"], one["amount"]) for one in refunds))


def _answers(
    told: Sequence[Told], charges: Sequence[dict[str, Any]], refunds: Sequence[dict[str, Any]]
) -> Iterator[str]:
    """Who was told that money moved, or that it did not, was told the truth."""
    moved = {one["metadata"].get("payment_id") for one in charges}
    moved |= {one["metadata"].get("refund_id") for one in refunds if one["status"] == "succeeded"}
    for one in told:
        its = one.payment_id if one.kind == "payment" else one.refund_id
        if one.status not in {0, 202} and (one.status == 201) != (its in moved):
            yield f"{one.key} was answered {one.status}; did money move at Stripe: {its in moved}"


def _twice(what: str, ids: Iterator[Any]) -> Iterator[str]:
    yield from (f"{what} {one} moved money {n} times" for one, n in Counter(ids).items() if n > 1)


def _differences(what: str, known: Counter[Any], made: Counter[Any]) -> Iterator[str]:
    yield from (f"{what} {one} of Stripe's is not in the ledger" for one in (made - known))
    yield from (f"{what} {one} is in the ledger too often, or is none of Stripe's" for one in (known - made))


def _books(url: str, stripe: Stripe) -> Iterator[str]:
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        for query in (_UNFINISHED, _UNBALANCED, _NOT_EARNED):
            yield from (row[0] for row in conn.execute(query.encode()))
        ours = {row[0]: row[1] for row in conn.execute(_AT_STRIPE.encode()) if row[1]}
        theirs = {currency: amount for currency, amount in stripe.balance().items() if amount}
        if ours != theirs:
            yield f"the books say that Stripe holds {ours}; Stripe says {theirs}"
        try:
            verify(conn)
        except ChainBroken as broken:
            yield str(broken)
    yield from (
        f"{one.table} is not what a rebuild makes of the facts up to {one.position}"
        for one in check(url).differences
    )
