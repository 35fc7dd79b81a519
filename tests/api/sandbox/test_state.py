"""The state file, the clock, and the sandbox as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.sandbox import LiveKeyError, Sandbox, State, create_app, running_sandbox
from api.sandbox.store import StateInUse

HEADERS = {"Authorization": "Bearer sk_test_1"}
ROOT = Path(__file__).parents[3]
PAYMENT = {
    "amount": "500",
    "currency": "usd",
    "confirm": "true",
    "payment_method": "pm_card_visa",
    "payment_method_types[0]": "card",
}


@contextmanager
def process(*arguments: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "api.sandbox", *arguments]
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        assert started.stdout is not None
        line = started.stdout.readline()
        try:
            yield started, json.loads(line)["url"] if line else ""
        finally:
            if started.poll() is None:
                started.kill()


def test_a_killed_sandbox_goes_on_where_it_was(tmp_path: Path, receiver: Any, until: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_file\n")
    arguments = ["--state", str(tmp_path / "stripe.db"), "--seed", "s"]
    arguments += ["--webhook-url", receiver.url, "--webhook-secret-file", str(secret)]
    arguments += ["--connect-secret-file", str(secret)]
    key = HEADERS | {"Idempotency-Key": "k"}
    with process(*arguments) as (running, url):
        httpx.post(f"{url}/_sandbox/deliveries/hold")
        now = httpx.post(f"{url}/_sandbox/clock/advance", json={"seconds": 10**6}).json()["now"]
        paid = httpx.post(f"{url}/v1/payment_intents", data=PAYMENT, headers=key)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    with process(*arguments, "--die-with-parent") as (running, url):
        assert httpx.get(f"{url}/_sandbox/clock").json()["now"] >= now
        replayed = httpx.post(f"{url}/v1/payment_intents", data=PAYMENT, headers=key)
        assert (replayed.content, replayed.headers["idempotent-replayed"]) == (paid.content, "true")
        endpoints = httpx.get(f"{url}/v1/webhook_endpoints", headers=HEADERS).json()["data"]
        assert [bool(endpoint["application"]) for endpoint in endpoints] == [True, False]
        charge = f"{url}/v1/charges/{paid.json()['latest_charge']}"
        until(lambda: httpx.get(charge, headers=HEADERS).json()["balance_transaction"])
        httpx.post(f"{url}/_sandbox/deliveries/release")
        until(lambda: len(receiver.got) == 4)
        other = httpx.post(f"{url}/v1/customers", headers=HEADERS).json()
        assert other["id"] not in paid.text
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(20) == 0


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"LIBERATION_STRIPE_API_KEY": "sk_live_secret"}, "live key"),
        ({}, "does another sandbox have it open"),
    ],
)
def test_it_refuses_to_start(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    held = State(tmp_path / "stripe.db")
    with process("--state", str(tmp_path / "stripe.db"), **environ) as (refused, line):
        assert line == ""
        assert refused.stderr is not None
        problem = refused.stderr.read()
        assert refused.wait(20) == 1
    held.close()
    assert says in problem
    assert "Traceback" not in problem
    assert "sk_live_secret" not in problem


def test_a_live_key_in_a_file_is_seen_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk_live_1\n")
    state = State()
    with pytest.raises(LiveKeyError):
        create_app(state, environ={"LIBERATION_STRIPE_API_KEY_FILE": str(tmp_path / "key")})
    state.close()


def test_a_file_that_is_no_state_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which are long enough to be looked at " * 50)
    before = path.read_bytes()
    with pytest.raises(StateInUse, match=r"no state file|does another"):
        State(path)
    assert path.read_bytes() == before


def test_the_same_seed_and_calls_give_the_same_ids() -> None:
    def ids() -> list[str]:
        with running_sandbox(seed="same", environ={}) as sandbox:
            data = PAYMENT | {"capture_method": "automatic"}
            httpx.post(f"{sandbox.url}/v1/payment_intents", data=data, headers=HEADERS)
            events = httpx.get(f"{sandbox.url}/v1/events", headers=HEADERS).json()["data"]
            return [event["id"] for event in events] + [event["data"]["object"]["id"] for event in events]

    first = ids()
    assert first == ids()
    assert len(set(first)) == 5


def test_the_clock_goes_forward_only_and_can_stand_still(sandbox: Sandbox, control: Any) -> None:
    now = control.get("/clock")["now"]
    frozen = control.post("/clock/set", now=now + 1_000, frozen=True)
    assert frozen["frozen"]
    assert control.post("/clock/advance", seconds=10)["now"] == now + 1_010
    made = httpx.post(f"{sandbox.url}/v1/customers", headers=HEADERS).json()
    assert made["created"] == now + 1_010
    back = control.http.post("/clock/set", json={"now": now})
    assert back.status_code == 400
    assert "cannot go back" in back.json()["error"]["message"]
    assert control.post("/clock/set", frozen=False)["frozen"] is False


def test_reset_forgets_everything(sandbox: Sandbox, control: Any, pay: Any) -> None:
    first = pay()["id"]
    control.post("/reset")
    assert httpx.get(f"{sandbox.url}/v1/events", headers=HEADERS).json()["data"] == []
    assert control.get("/")["objects"] == 0
    assert pay()["id"] == first


def test_an_unknown_control_and_a_bad_body(control: Any) -> None:
    assert control.http.post("/nothing").status_code == 404
    assert control.http.post("/clock/advance", json={"seconds": -1}).status_code == 400
    assert control.http.post("/clock/advance", content=b"{").status_code == 400
    assert control.http.get("/deliveries", params={"state_is": "odd"}).status_code == 400
