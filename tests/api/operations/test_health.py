"""Alive, ready, and in numbers, when all is well and when it is not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from psycopg.conninfo import conninfo_to_dict

import api.standing
from api.operations import health
from api.standing import CLOCK, Standing
from api.stripe.gateway import Delivered
from projections.audit import Audit
from tests.api.conftest import OpenApp
from tests.api.support import Caller, FakeStripe, Running, problem, until


async def test_ready_when_all_is_well(app: Running, student: Caller) -> None:
    await student.pay()
    await app.projected()
    answer = await app.client.get("/readyz")
    assert answer.status_code == 200, answer.text
    health = answer.json()
    assert health["wrong"] == []
    assert health["position"] == await app.services.store.head()
    assert health["projections"]["payments"] == {
        "position": health["position"],
        "lag_events": 0,
        "stopped": "",
    }


async def test_not_ready_while_a_projection_is_stopped_by_a_fact_it_cannot_take(
    app: Running, student: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(*_: object) -> None:
        raise ValueError("cannot take this")

    monkeypatch.setattr(Audit, "project", poisoned)
    await student.pay()

    async def stopped() -> bool:
        return (await app.client.get("/readyz")).status_code == 503

    await until(stopped)
    body = problem(await app.client.get("/readyz"))
    assert body["code"] == "not_ready"
    assert "audit" in body["detail"]
    assert "cannot take this" in body["health"]["projections"]["audit"]["stopped"]
    assert (await app.client.get("/livez")).status_code == 200
    assert 'liberation_projection_poisoned{projection="audit"} 1.0' in (await app.client.get("/metrics")).text


async def test_every_process_says_why_a_projection_of_another_process_stopped(
    app: Running, student: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(*_: object) -> None:
        raise ValueError("cannot take this")

    monkeypatch.setattr(Audit, "project", poisoned)
    app.replace(runner=None)
    await student.pay()

    async def stopped() -> bool:
        return (await app.client.get("/readyz")).status_code == 503

    await until(stopped)
    body = problem(await app.client.get("/readyz"))
    assert body["detail"] == "projection audit stopped"
    assert "cannot take this" in body["health"]["projections"]["audit"]["stopped"]
    assert 'liberation_projection_poisoned{projection="audit"} 1.0' in (await app.client.get("/metrics")).text


async def test_not_ready_while_nobody_projects(
    app: Running, student: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert app.services.runner
    await asyncio.to_thread(app.services.runner.stop)
    app.replace(runner=None)
    await student.pay()
    assert (await app.client.get("/readyz")).status_code == 200, "it may only be late"
    monkeypatch.setattr(health, "STALLED_S", 0.05)

    async def stalled() -> bool:
        answer = await app.client.get("/readyz")
        return answer.status_code == 503 and "projection audit stopped" in answer.json()["detail"]

    await until(stalled)


async def test_webhooks_that_wait_are_counted(app: Running) -> None:
    async with app.services.reading() as connection:
        await connection.execute(WEBHOOKS)
    assert (await app.client.get("/readyz")).json()["webhooks_waiting"] == 2
    assert "liberation_webhooks_waiting 2.0" in (await app.client.get("/metrics")).text


WEBHOOKS = """
    INSERT INTO webhooks
    SELECT 'evt_' || n, 'payout.paid', 'po_1', now(), now(), CASE WHEN n > 2 THEN 'applied' ELSE '' END,
        '', false, n
    FROM generate_series(1, 5) AS n
"""


async def test_without_the_database_reads_and_writes_are_503_and_come_back(
    open_app: OpenApp, database_url: str, server: str
) -> None:
    app = await open_app()
    student = app.caller("usr_1", "student")
    await student.pay(key="before")
    name = conninfo_to_dict(database_url)["dbname"]

    def connections(*, allowed: bool) -> None:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(allowed).lower()}'.encode())
            if not allowed:
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                admin.execute(query, (name,))

    connections(allowed=False)
    try:
        ready = await app.client.get("/readyz")
        assert (ready.status_code, problem(ready)["detail"]) == (503, "the database does not answer")
        assert (await app.client.get("/livez")).status_code == 200
        assert (await app.client.get("/metrics")).status_code == 200
        for answer in (
            await student.get("/api/payments/pay_" + "0" * 32),
            await student.get("/api/payments/history"),
            await student.pay(key="during"),
        ):
            assert (answer.status_code, problem(answer)["code"]) == (503, "store_unavailable"), answer.text
            assert answer.headers["retry-after"]
    finally:
        connections(allowed=True)
    assert (await student.pay(key="during")).status_code == 201
    assert (await student.get("/api/payments/history")).status_code == 200


async def test_metrics_count_by_route_and_never_by_path(app: Running, student: Caller) -> None:
    payment_id = (await student.pay()).json()["payment_id"]
    await app.projected()
    await student.get(f"/api/payments/{payment_id}")
    await app.client.get("/nowhere/at/all")
    text = (await app.client.get("/metrics")).text
    labels = 'method="GET",route="/api/payments/{payment_id}",status="200"'
    assert f"liberation_http_request_seconds_count{{{labels}}} 1.0" in text
    assert 'route="unmatched",status="404"' in text
    assert payment_id not in text
    head = await app.services.store.head()
    assert f"liberation_events_appended_total {head}.0" in text
    assert f"liberation_append_batch_events_sum {head}.0" in text
    assert f'liberation_projection_position{{projection="journal"}} {head}.0' in text
    assert 'liberation_outbox_effects{state="parked"} 0.0' in text


async def test_parked_effects_are_shown_to_admins(
    app: Running, student: Caller, admin: Caller, stripe: FakeStripe
) -> None:
    async def nothing(*_: object) -> Delivered:
        return Delivered()

    stripe.deliver_now = nothing  # type: ignore[method-assign, assignment]  # Stripe cannot be reached
    payment = (await student.pay()).json()
    assert payment["status"] == "initiated"
    await app.projected()
    waiting = (await admin.get("/api/effects?state=waiting")).json()["items"]
    assert [item["effect"]["payment_id"] for item in waiting] == [payment["payment_id"]]
    async with app.services.reading() as connection:
        await connection.execute("UPDATE outbox SET parked_at = now(), last_error = 'Stripe: refused'")
    parked = (await admin.get("/api/effects")).json()["items"]
    assert [item["last_error"] for item in parked] == ["Stripe: refused"]
    assert (await app.client.get("/readyz")).json()["worrying"] == [
        "1 effect is parked and needs an operator"
    ]
    async with app.services.reading() as connection:
        await connection.execute("""UPDATE outbox SET effect = '{"type": "FromTheFuture", "to": ["them"]}'""")
    [unknown] = (await admin.get("/api/effects")).json()["items"]
    assert unknown["effect"] == {"type": "FromTheFuture", "to": ["them"]}
    assert (await admin.get("/api/effects?state=delivered")).json()["items"] == []


async def test_an_owner_as_login_is_worrying_where_real_money_moves(
    open_app: OpenApp, tmp_path: Path
) -> None:
    pem = (
        Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "issuer.pem").write_bytes(pem)
    live = await open_app(stripe_api_key="rk_live_1", jwks=str(tmp_path / "issuer.pem"))
    answer = await live.client.get("/readyz")
    assert (answer.status_code, answer.json()["worrying"]) == (
        200,
        ["the database login owns the ledger: see `liberation doctor`"],
    )


async def test_a_key_without_a_webhook_secret_is_worrying(open_app: OpenApp) -> None:
    app = await open_app(stripe_api_key="sk_test_1", stripe_webhook_secret=())
    assert (await app.client.get("/readyz")).json()["worrying"] == [
        "no webhook secret is set: every webhook is refused"
    ]


async def test_what_stripe_last_said_is_worrying_without_asking_it(app: Running) -> None:
    contact = app.services.contact

    async def worrying() -> Any:
        answer = await app.client.get("/readyz")
        assert answer.status_code == 200, "it can serve all the same"
        return answer.json()["worrying"]

    assert await worrying() == []
    for _ in range(3):
        contact.failed()
    assert await worrying() == ["Stripe does not answer"]
    contact.answered(401, {}, 0.0, 0.0)
    assert await worrying() == ["Stripe refuses the key"]
    contact.answered(200, {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}, 60.0, 60.0)
    assert await worrying() == ["the clock differs from Stripe's by more than 5 s"]
    contact.answered(200, {}, 60.0, 60.0)
    assert await worrying() == []


async def test_a_databases_clock_that_differs_is_worrying_and_asked_for_once_a_minute(
    app: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    standing = Standing(app.services.settings, app.services.contact, lambda: now)
    app.replace(standing=standing)
    monkeypatch.setattr(api.standing, "CLOCK", "SELECT 0::double precision")
    said = ["the clock differs from the database's by more than 5 s"]
    assert (await app.client.get("/readyz")).json()["worrying"] == said
    monkeypatch.setattr(api.standing, "CLOCK", CLOCK)
    assert (await app.client.get("/readyz")).json()["worrying"] == said
    now = 61.0
    assert (await app.client.get("/readyz")).json()["worrying"] == []


async def test_what_the_sweeps_found_is_shown_and_worrying_when_it_is_much_or_none_was_made(
    app: Running, admin: Caller
) -> None:
    async def worrying() -> Any:
        return (await app.client.get("/readyz")).json()["worrying"]

    never = (await app.client.get("/readyz")).json()
    assert (never["sweep_age_s"], never["unswept_s"]) == (None, 0.0), "there is no fact"
    async with app.services.reading() as connection:
        await connection.execute(
            """
            INSERT INTO stripe_sweeps (sweep_id, cause, since, finished_at, stages, compared, found, findings)
            VALUES ('2026-11-01', 'night', '2026-10-29', clock_timestamp(), 6, 400, 12,
                '[{"kind": "payment", "object_id": "pi_1", "subject": "pay_1", "recorded": ["a", "b"]}]')
            """
        )
    lost = "the last sweep found 12 differences from Stripe: do its events reach this service?"
    assert await worrying() == [lost]
    assert (await app.client.get("/readyz")).json()["sweep_age_s"] is not None
    assert "liberation_sweep_found 12.0" in (await app.client.get("/metrics")).text
    [shown] = (await admin.get("/api/webhooks/sweeps")).json()["items"]
    assert (shown["sweep_id"], shown["found"], shown["compared"]) == ("2026-11-01", 12, 400)
    assert shown["findings"] == [
        {"kind": "payment", "object_id": "pi_1", "subject": "pay_1", "recorded": ["a", "b"]}
    ]
    async with app.services.reading() as connection:
        await connection.execute(
            "UPDATE stripe_sweeps SET found = 1, finished_at = clock_timestamp() - interval '3 days'"
        )
    assert await worrying() == ["nothing was compared with Stripe for 3 days: is a worker running?"]
