"""Effects keep their names, policies their keys; one that comes later starts at a stated position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec
import psycopg
import pytest

from ledger import policies
from ledger.effects import FORMER_TAGS, CreatePaymentIntent, Effect, ResolvePayment, kind_of
from ledger.errors import Invalid
from ledger.message import Recorded
from ledger.payments.events import PaymentInitiated
from ledger.policies import Policy
from ledger.store import conninfo, migrate, migrations
from projections import outbox
from projections.outbox import Key, backfill
from projections.outbox.backfilling import UnknownPolicy
from projections.outbox.stored import Unreadable, decode
from tests.projections.histories import append, history, initiated
from tests.projections.tables import catch_up, select
from tests.projections.test_outbox import connected, unclear_payments
from tests.service import ROOT

STORED = [
    line
    for file in sorted((ROOT / "tests" / "history" / "effects").glob("*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
NAMES = (
    "payments",
    "webhooks",
    "customers",
    "subscriptions",
    "invoices",
    "authors",
    "courses",
    "enrolments",
    "coupons",
    "earnings",
    "accounts",
    "streaks",
    "tokens",
    "redemptions",
    "seats",
    "licences",
    "orders",
    "disputes",
    "email",
)


def reminding(recorded: Recorded) -> tuple[Effect, ...]:
    """A policy of a later version: it looks again at each payment that was begun."""
    event = recorded.event
    return (ResolvePayment(payment_id=event.payment_id),) if isinstance(event, PaymentInitiated) else ()


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes this the later version, which has a policy more, before the others."""

    def to_later_version() -> None:
        known = (Policy("reminders", reminding), *policies.POLICIES)
        for module in ("ledger.policies", "projections.outbox.starts", "projections.outbox.backfilling"):
            monkeypatch.setattr(f"{module}.POLICIES", known)

    return to_later_version


def rows(url: str) -> list[tuple[Any, ...]]:
    found = select(url, "SELECT position, policy, effect_index, kind FROM outbox ORDER BY position, policy")
    return [tuple(row.values()) for row in found]


FACTS = history(*((f"payment-pay_{number}", (initiated(f"pay_{number}"),)) for number in range(5)))


def test_tags_are_said_once_and_are_no_names_of_classes() -> None:
    kinds = [effect.__struct_config__.tag for effect in get_args(Effect)]
    assert len(set(kinds)) == len(kinds)
    assert all("." in kind and kind == kind.lower() for kind in kinds)
    assert {policy.name for policy in policies.POLICIES} == set(NAMES)


@pytest.mark.parametrize("stored", STORED)
def test_effects_of_all_versions_are_read_for_ever(stored: str) -> None:
    effect = decode(stored)
    told = msgspec.json.decode(msgspec.json.encode(effect))
    assert {**msgspec.json.decode(stored), "type": kind_of(effect)} == told


def test_bytes_are_kept_of_every_effect_by_all_its_tags() -> None:
    kinds = {effect.__struct_config__.tag for effect in get_args(Effect)}
    assert {msgspec.json.decode(stored)["type"] for stored in STORED} == kinds | set(FORMER_TAGS)


@pytest.mark.parametrize(
    "stored",
    [
        '{"type": "FromTheFuture"}',
        '{"payment_id": "pay_1"}',
        '{"type": "CreateRefund", "payment_id": 1}',
        "[]",
        "null",
        '"x"',
    ],
)
def test_what_cannot_be_read_says_so(stored: str) -> None:
    with pytest.raises(Unreadable, match="this version cannot read it: "):
        decode(stored)


async def test_what_cannot_be_read_is_parked_until_a_version_comes_that_can(database_url: str) -> None:
    unclear_payments(database_url, 2)
    [known] = select(database_url, "SELECT effect::text FROM outbox WHERE position = 2")
    async with connected(database_url) as conn:
        await conn.execute("""UPDATE outbox SET effect = '{"type": "FromTheFuture"}' WHERE position = 2""")
        [readable] = await outbox.claim(conn, 10, 60)
        assert readable.key == Key(4, "payments", 0)
        [parked] = await outbox.parked(conn)
        assert parked.key == Key(2, "payments", 0)
        assert "cannot read it" in parked.last_error

        assert await outbox.take_up_unreadable(conn) == 0
        await conn.execute("UPDATE outbox SET effect = %s WHERE position = 2", (known["effect"],))
        assert await outbox.take_up_unreadable(conn) == 1
        [again] = await outbox.claim(conn, 10, 60)
    assert (again.key, again.effect, again.attempts) == (parked.key, ResolvePayment(payment_id="pay_0"), 1)


async def test_what_was_parked_for_another_reason_stays_parked(database_url: str) -> None:
    unclear_payments(database_url)
    async with connected(database_url) as conn:
        await outbox.park(conn, Key(2, "payments", 0), "Stripe said no")
        assert await outbox.take_up_unreadable(conn) == 0


def test_a_policy_that_comes_later_shifts_no_keys(database_url: str, upgrade: Callable[[], None]) -> None:
    upgrade()
    append(database_url, FACTS[:1])
    catch_up(database_url)
    assert rows(database_url) == [
        (1, "payments", 0, "payments.create_payment_intent"),
        (1, "reminders", 0, "payments.resolve_payment"),
    ]


@pytest.fixture
def began_later(database_url: str, upgrade: Callable[[], None]) -> str:
    """Three payments before the policy is there, two after."""
    append(database_url, FACTS[:3])
    catch_up(database_url)
    upgrade()
    append(database_url, FACTS[3:])
    catch_up(database_url)
    return database_url


def reminded(url: str) -> list[int]:
    return [position for position, policy, *_ in rows(url) if policy == "reminders"]


def test_a_policy_that_comes_later_starts_where_it_came(began_later: str) -> None:
    assert reminded(began_later) == [4, 5]
    with psycopg.connect(conninfo(began_later), autocommit=True) as conn:
        conn.execute("DELETE FROM positions WHERE application_name = 'outbox'")
    catch_up(began_later)
    assert reminded(began_later) == [4, 5], "also when the facts are folded again"


def test_a_backfill_is_shown_before_it_is_done(began_later: str) -> None:
    shown = backfill(began_later, "reminders", 2)
    assert (shown.first, shown.last, shown.effects, shown.applied) == (
        2,
        3,
        {"payments.resolve_payment": 2},
        False,
    )
    assert reminded(began_later) == [4, 5]

    done = backfill(began_later, "reminders", 2, apply=True)
    assert msgspec.structs.replace(done, applied=False) == shown
    assert reminded(began_later) == [2, 3, 4, 5]


def test_what_was_asked_is_never_asked_again(began_later: str) -> None:
    backfill(began_later, "reminders", 2, apply=True)
    with psycopg.connect(conninfo(began_later), autocommit=True) as conn:
        conn.execute("DELETE FROM outbox WHERE policy = 'reminders'")  # as pruning does
    assert backfill(began_later, "reminders", 2, apply=True).effects == {}
    assert backfill(began_later, "reminders", 1, apply=True).effects == {"payments.resolve_payment": 1}
    assert reminded(began_later) == [1]
    assert backfill(began_later, "payments", 1, apply=True).effects == {}, "it was there from the beginning"


def test_a_backfill_in_chunks_is_the_same(began_later: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.outbox.backfilling.CHUNK", 1)
    assert backfill(began_later, "reminders", 1, apply=True).effects == {"payments.resolve_payment": 3}
    assert reminded(began_later) == [1, 2, 3, 4, 5]


def test_a_policy_or_a_position_that_is_none_is_refused(database_url: str) -> None:
    with pytest.raises(UnknownPolicy, match="choose from payments"):
        backfill(database_url, "reminders", 1)
    with pytest.raises(Invalid, match="begin with 1"):
        backfill(database_url, "payments", 0)


def test_a_policy_that_has_not_begun_says_so(database_url: str, upgrade: Callable[[], None]) -> None:
    upgrade()
    with pytest.raises(UnknownPolicy, match="has not begun"):
        backfill(database_url, "reminders", 1)


async def test_waiting_rows_of_the_version_before_are_delivered(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their keys are given the policy that must have asked for them."""
    find = migrations.find_migrations
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("DROP SCHEMA liberation CASCADE")
    with monkeypatch.context() as before:
        before.setattr(
            migrations, "find_migrations", lambda name: [one for one in find(name) if one.number <= 10]
        )
        migrate(database_url)
    stored = (ROOT / "tests" / "history" / "effects" / "0.1.0.jsonl").read_text(encoding="utf-8").splitlines()
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        conn.cursor().executemany(
            "INSERT INTO outbox (position, effect_index, kind, effect, due_at) VALUES (%s, 0, %s, %s, now())",
            [(position, msgspec.json.decode(line)["type"], line) for position, line in enumerate(stored, 1)],
        )
    migrate(database_url)

    async with connected(database_url) as conn:
        claimed = await outbox.claim(conn, 100, 60)
    assert len(claimed) == len(stored)
    for one in claimed:
        assert kind_of(one.effect).startswith(f"{one.key.policy}."), one.effect
    assert claimed[0].effect == CreatePaymentIntent(payment_id="pay_1")
