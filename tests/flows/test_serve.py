"""The service as a process: it starts, goes on where it was, survives what dies around it, and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path

import httpx
import psycopg
import pytest

from api.background.deliveries import LEASE_S
from api.serve.sockets import is_free
from ledger.store import conninfo
from tests.api.cli.payments import initiate
from tests.service import Service, alive, eventually, liberation, running_service

pytestmark = pytest.mark.postgres
AFTER_A_LEASE_S = LEASE_S + 60.0
"""What was in the hands of a worker that was killed is due again when its lease ends."""


def test_it_starts_on_nothing_and_goes_on_where_it_was(tmp_path: Path) -> None:
    data = tmp_path / "with space" / "data"
    data.parent.mkdir()
    with running_service(data) as service:
        paid = service.pay(1250, key="one")
        assert paid.status_code == 201, paid.text
        assert service.health()["wrong"] == []
        before = service.processes()
        assert before.sandbox
        assert before.postmaster
        assert service.stop() == 0
        eventually(lambda: not alive(before.all()))
    with running_service(data) as service:
        again = service.pay(1250, key="one")
        assert again.json()["payment_id"] == paid.json()["payment_id"]
        eventually(service.settled)
        totals = service.get("/api/ledger/trial-balance")["totals"]
        assert [(each["debit_minor"], each["credit_minor"]) for each in totals] == [(1250, 1250)]
        verified = liberation("verify", "--json", data_dir=data)  # beside it, on the same server
        assert verified.returncode == 0, verified.stderr
        assert service.stop(signal.SIGINT) == 0
    assert liberation("replay", "--check", data_dir=data).returncode == 0  # and without it


def test_killed_at_once_it_leaves_nobody_behind_and_loses_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_service(data) as service:
        paid = service.pay(700).json()
        before = service.processes()
        assert service.stop(signal.SIGKILL) == -signal.SIGKILL
        eventually(lambda: not alive(before.all()))
    with running_service(data) as service:
        of_before = f"/api/payments/{paid['payment_id']}"
        assert eventually(lambda: service.get(of_before)["status"] == "succeeded")  # once it is projected
        os.kill(service.processes().postmaster, signal.SIGKILL)
        assert eventually(lambda: _ok(service.pay(800, key="after the crash")))
        os.kill(service.processes().sandbox, signal.SIGKILL)
        assert eventually(lambda: _ok(service.pay(900, key="after the other")))
        assert service.stop() == 0


def test_the_sandboxs_port_stays_its_own_while_it_is_replaced(tmp_path: Path) -> None:
    with running_service(tmp_path / "data") as service:
        port = int(service.sandbox_url.rpartition(":")[2])
        killed = service.processes().sandbox
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: not alive([killed]))
        assert not is_free("127.0.0.1", port)
        assert service.pay(900).status_code == 201  # it waited for the next one
        assert service.stop() == 0


def test_several_processes_share_the_socket_and_are_replaced(tmp_path: Path, database_url: str) -> None:
    env = {"LIBERATION_DATABASE_URL": database_url, "LIBERATION_WORKERS": "2"}
    with running_service(tmp_path / "data", env) as service:
        assert service.pay(500).status_code == 201
        before = service.processes()
        assert len(before.apis) == 2
        assert before.worker
        eventually(service.settled)  # so that hardly anything waits for a lease
        for pid in (before.apis[0], before.worker):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: service.processes().worker not in (0, before.worker))
        eventually(lambda: len(alive(service.processes().apis)) == 2)
        assert eventually(lambda: _ok(service.pay(600, key="after the crash")))
        eventually(service.settled, AFTER_A_LEASE_S)
        after = service.processes()
        assert service.stop() == 0
        eventually(lambda: not alive(after.all()))


def test_the_worker_alone_keeps_the_tables_up(tmp_path: Path, database_url: str) -> None:
    env = {"LIBERATION_DATABASE_URL": database_url}
    asyncio.run(initiate(database_url, 3))
    with running_service(tmp_path / "data", env, command=("worker",)) as worker:
        eventually(lambda: _positions(database_url) == {3})
        assert worker.stop() == 0


@pytest.mark.parametrize(("signals", "exit_code", "answer"), [(1, 0, 201), (2, 128 + signal.SIGTERM, 0)])
def test_the_first_signal_lets_requests_finish_and_the_second_does_not_wait(
    tmp_path: Path, database_url: str, signals: int, exit_code: int, answer: int
) -> None:
    with running_service(tmp_path / "data", {"LIBERATION_DATABASE_URL": database_url}) as service:
        faults = f"{service.sandbox_url}/_sandbox/faults"
        slow = {"kind": "slow", "path": "/v1/payment_intents", "seconds": 1 if signals == 1 else 60}
        assert service.client.post(faults, json=slow).status_code == 200
        answers: list[int] = []
        paying = threading.Thread(target=lambda: answers.append(_status(service)))
        paying.start()
        eventually(lambda: service.client.get(faults).json() == [])  # it is drawn: the request is under way
        service.process.terminate()
        eventually(lambda: any(event["event"] == "Shutting down" for event in service.events()))
        if signals == 2:
            service.process.terminate()
        assert service.process.wait(30) == exit_code
        paying.join(30)
        assert answers == [answer]
    [stderr] = tmp_path.glob("data-*.err")
    assert "Stopping … (Ctrl-C again ends at once)" in stderr.read_text(encoding="utf-8")


def _positions(url: str) -> set[int]:
    with psycopg.connect(conninfo(url)) as conn:
        return {row[0] for row in conn.execute("SELECT notification_id FROM positions")}


def _ok(response: httpx.Response) -> bool:
    return response.status_code == 201


def _status(service: Service) -> int:
    """Of a payment; 0 when the connection ends without an answer."""
    try:
        return service.pay(100).status_code
    except httpx.TransportError:
        return 0
