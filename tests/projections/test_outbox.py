"""Every effect is delivered, by one worker at a time, and what was delivered stays so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from psycopg import AsyncConnection

from ledger.effects import CreatePaymentIntent, ResolvePayment
from ledger.payments.events import PaymentOutcomeUnknown
from ledger.store import conninfo
from projections import outbox
from projections.outbox import Key
from projections.outbox.stored import decode
from tests.projections.histories import append, history, initiated
from tests.projections.tables import catch_up, select

CREATE, RESOLVE = Key(1, "payments", 0), Key(2, "payments", 0)
RESOLVING = {"type": "payments.resolve_payment", "payment_id": "pay_0"}
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def unclear_payments(url: str, count: int = 1) -> None:
    """Each is two effects: one with grace for the request, one due at once."""
    unknown = PaymentOutcomeUnknown(cause="time-out")
    append(url, history(*((f"payment-pay_{i}", (initiated(f"pay_{i}"), unknown)) for i in range(count))))
    catch_up(url)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(conninfo(url), autocommit=True) as conn:
        yield conn


def waiting(url: str) -> list[dict[str, Any]]:
    return select(url, "SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY position")


def test_what_the_request_delivers_itself_is_due_after_a_grace(database_url: str) -> None:
    unclear_payments(database_url)
    [create, resolve] = waiting(database_url)
    [fact] = select(database_url, "SELECT recorded_at FROM events WHERE position = 1")

    assert (create["kind"], create["effect"]) == (
        "payments.create_payment_intent",
        {"type": "payments.create_payment_intent", "payment_id": "pay_0"},
    )
    assert create["due_at"] == fact["recorded_at"] + timedelta(seconds=30)
    assert (resolve["kind"], resolve["due_at"]) == ("payments.resolve_payment", fact["recorded_at"])


def test_where_no_request_delivers_nobody_is_waited_for(database_url: str) -> None:
    """As when the worker goes on with a purchase that a crash had cut."""
    facts = history(("payment-pay_0", (initiated("pay_0"),)))
    unasked = [replace(fact, metadata=replace(fact.metadata, correlation_id="")) for fact in facts]
    append(database_url, unasked)
    catch_up(database_url)
    [create] = waiting(database_url)
    [fact] = select(database_url, "SELECT recorded_at FROM events WHERE position = 1")
    assert (create["kind"], create["due_at"]) == ("payments.create_payment_intent", fact["recorded_at"])


async def test_only_what_is_due_is_claimed(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        [claimed] = await outbox.claim(conn, 10, 60)

    assert (claimed.key, claimed.effect, claimed.attempts) == (RESOLVE, ResolvePayment(payment_id="pay_0"), 1)


async def test_two_workers_never_claim_the_same(database_url: str) -> None:
    unclear_payments(database_url, 40)

    async def work() -> list[Key]:
        mine: list[Key] = []
        async with connected(database_url) as conn:
            while claimed := await outbox.claim(conn, 3, 60):
                mine += [one.key for one in claimed]
        return mine

    shares = await asyncio.gather(*(work() for _ in range(4)))
    assert sorted(key.position for share in shares for key in share) == list(range(2, 81, 2))


async def test_a_claim_that_is_not_finished_in_time_is_due_again(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        [first] = await outbox.claim(conn, 1, 0)
        [again] = await outbox.claim(conn, 1, 60)

        assert (again.key, again.attempts) == (first.key, 2)
        assert await outbox.claim(conn, 1, 60) == []


async def test_delivered_is_for_ever_also_when_the_facts_are_folded_again(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        await outbox.delivered(conn, [CREATE, RESOLVE])
        await conn.execute("DELETE FROM positions WHERE application_name = 'outbox'")
        catch_up(database_url)

        assert await outbox.depth(conn) == outbox.Depth(waiting=0, parked=0, oldest_overdue_s=0.0)


async def test_the_request_may_be_faster_than_the_fold(database_url: str) -> None:
    facts = history(("payment-pay_0", (initiated("pay_0"),)))
    append(database_url, facts)
    async with connected(database_url) as conn:
        await outbox.delivered_early(conn, facts[0])
        catch_up(database_url)
        assert waiting(database_url) == []

        await outbox.delivered_early(conn, facts[0])
    [row] = select(database_url, "SELECT kind, effect::text, attempts FROM outbox")
    assert row["attempts"] == 1
    assert decode(row["effect"]) == CreatePaymentIntent(payment_id="pay_0")


async def test_a_retry_waits_until_it_is_due_and_keeps_the_reason(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        [claimed] = await outbox.claim(conn, 1, 60)
        await outbox.retry(conn, claimed.key, "Stripe said 503", datetime.now(UTC) + timedelta(hours=1))
        assert await outbox.claim(conn, 1, 60) == []

        await outbox.retry(conn, claimed.key, "Stripe said 503", LONG_AGO)
        [again] = await outbox.claim(conn, 1, 60)
    assert again.attempts == 2
    assert waiting(database_url)[1]["last_error"] == "Stripe said 503"


async def test_what_is_parked_waits_for_an_operator(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        [claimed] = await outbox.claim(conn, 1, 0)
        await outbox.park(conn, claimed.key, "gave up")
        assert await outbox.claim(conn, 1, 60) == []
        [parked] = await outbox.parked(conn)
        assert (parked.key, parked.last_error, parked.effect) == (RESOLVE, "gave up", RESOLVING)

        assert await outbox.requeue(conn, claimed.key)
        assert not await outbox.requeue(conn, claimed.key)
        [again] = await outbox.claim(conn, 1, 60)
    assert again.attempts == 1


async def test_depth_tells_how_long_the_oldest_is_overdue(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        await outbox.park(conn, CREATE, "")
        await outbox.retry(conn, RESOLVE, "", datetime.now(UTC) - timedelta(hours=1))
        depth = await outbox.depth(conn)

        assert (depth.waiting, depth.parked) == (1, 1)
        assert depth.oldest_overdue_s >= 3_599
        assert await outbox.oldest_overdue(conn) >= depth.oldest_overdue_s


async def test_what_was_delivered_long_ago_is_pruned_and_nothing_else(database_url: str) -> None:
    unclear_payments(database_url, 6)
    old = "UPDATE outbox SET delivered_at = now() - interval '31 days' WHERE position = ANY(%s)"
    async with connected(database_url) as conn:
        await conn.execute(old, ([1, 2, 4, 5, 6, 12],))
        await conn.execute("UPDATE outbox SET delivered_at = now() WHERE position = 7")
        await conn.execute("UPDATE outbox SET parked_at = now() - interval '90 days' WHERE position = 3")
        assert await outbox.prune(conn, 30, batch=2) == 5
        kept = select(database_url, "SELECT position FROM outbox ORDER BY position")
        assert [row["position"] for row in kept] == [3, 7, 8, 9, 10, 11, 12], "it ends at what is young"
        assert await outbox.prune(conn, 30, batch=12) == 1, "what was behind that goes in its turn"
        assert await outbox.prune(conn, 30) == 0


async def test_what_may_be_folded_again_is_not_pruned(database_url: str) -> None:
    unclear_payments(database_url, 2)
    async with connected(database_url) as conn:
        await conn.execute("UPDATE outbox SET delivered_at = now() - interval '31 days'")
        await conn.execute("UPDATE positions SET notification_id = 1 WHERE application_name = 'outbox'")
        assert await outbox.prune(conn, 30) == 1
    catch_up(database_url)

    assert waiting(database_url) == []


async def test_a_parked_effect_of_an_unknown_kind_is_listed(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        await conn.execute(
            "UPDATE outbox SET parked_at = now(), effect = %s WHERE position = 2",
            ('{"type": "FromTheFuture", "to": ["nobody"]}',),
        )
        [one] = await outbox.parked(conn)

    assert one.effect == {"type": "FromTheFuture", "to": ["nobody"]}
