"""`liberation stripe sweep`: a comparison with Stripe, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from api.sandbox.server import Sandbox, running_sandbox
from tests.api.cli.conftest import Run


@pytest.fixture
def at_stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        monkeypatch.setenv("LIBERATION_STRIPE_API_KEY", sandbox.api_key)
        monkeypatch.setenv("LIBERATION_STRIPE_API_BASE", sandbox.url)
        yield sandbox


@pytest.mark.usefixtures("at_stripe", "ledger")
def test_a_sweep_is_made_at_once_or_tried(run: Run) -> None:
    tried = run("stripe", "sweep", "--dry-run")
    assert (tried.exit_code, tried.output) == (
        0,
        "Nothing differs.\n0 were compared, 0 differed: nothing is recorded.\n",
    )
    made = run("stripe", "sweep", "--json")
    assert (made.exit_code, json.loads(made.output)) == (0, {"compared": 0, "found": 0, "findings": []})
