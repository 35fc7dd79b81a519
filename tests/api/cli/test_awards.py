"""`liberation tokens`: what is given and taken by hand, from the command line."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from ledger.ids import new_id
from ledger.message import Origin
from ledger.store import Store
from ledger.tokens.commands import RequestAward
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.api.cli.test_tokens import recorded
from tests.ledger.token_examples import ANN, award

GIVE = ("tokens", "award", ANN)
WHY = ("--reason", "For answers in the forum")
BOSS = Origin(actor="usr_boss", roles=frozenset({"admin"}))


def balance(run: Run) -> dict[str, int]:
    shown: dict[str, int] = json.loads(run("tokens", "show", ANN, "--json").stdout)["balance"]
    return shown


def asked_for_by_another(url: str) -> None:
    async def ask() -> None:
        request = RequestAward(
            command_id=new_id("cmd"),
            effective_at=datetime.now(UTC),
            user_id=ANN,
            request_id="awr_1",
            source_ref="a prize",
            amount=900,
            reason="A prize",
            admin_id=BOSS.actor,
        )
        async with Store.open(url) as store:
            await store.handle(request, BOSS)

    asyncio.run(ask())
    project(url)


def test_tokens_are_awarded_with_a_reason_and_repay_what_is_owed(run: Run, ledger: str) -> None:
    said = run(*GIVE, "120", *WHY).stdout
    assert re.fullmatch(
        rf"120 tokens are awarded to {ANN}, good until \d{{4}}-\d\d-\d\d \d\d:\d\d UTC\.\n", said
    )
    taken = run("tokens", "penalise", ANN, "150", "--reason", "Answers that were copied").stdout
    assert taken == f"120 tokens are taken from {ANN}, and 30 are owed.\n"
    assert "; 30 of them repaid what was owed." in run(*GIVE, "50", *WHY).stdout
    assert (balance(run)["balance"], balance(run)["debt"]) == (20, 0)
    project(ledger)
    assert "Nothing has expired or matured." in run("tokens", "expire").stdout


def test_what_an_award_is_for_is_awarded_once(run: Run, ledger: str) -> None:
    first = run(*GIVE, "20", *WHY, "--for", "the week of answers")
    again = run(*GIVE, "20", *WHY, "--for", "the week of answers")
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    other = run(*GIVE, "21", *WHY, "--for", "the week of answers")
    assert (other.exit_code, "awarded something else" in other.stderr) == (2, True)
    assert balance(run)["balance"] == 20
    assert ledger


def test_above_a_days_limit_another_administrator_confirms(run: Run, ledger: str) -> None:
    assert "No award waits" in run("tokens", "waiting").stdout
    said = run(*GIVE, "501", *WHY).stdout
    (request_id,) = re.findall("awr_[0-9a-f]{32}", said)
    assert f"POST /api/tokens/awards/{request_id}/confirm" in said
    project(ledger)
    assert f"{request_id}  {ANN}     501  operator" in run("tokens", "waiting").stdout
    own = run("tokens", "confirm", request_id)
    assert (own.exit_code, "another administrator must confirm it" in own.stderr) == (2, True)
    assert run("tokens", "decline", request_id).stdout == f"{request_id} is declined.\n"
    project(ledger)
    assert json.loads(run("tokens", "waiting", "--json").stdout) == []
    gone = run("tokens", "decline", request_id)
    assert (gone.exit_code, f"{request_id} was declined already" in gone.stderr) == (2, True)
    late = run("tokens", "confirm", request_id)
    assert (late.exit_code, f"{request_id} was declined already" in late.stderr) == (2, True)
    assert balance(run)["balance"] == 0


def test_what_another_administrator_asked_for_is_confirmed_here(run: Run, ledger: str) -> None:
    asked_for_by_another(ledger)
    assert f"900 tokens are awarded to {ANN}" in run("tokens", "confirm", "awr_1").stdout
    assert balance(run)["balance"] == 900


def test_what_has_expired_is_recorded(run: Run, ledger: str) -> None:
    over = datetime.now(UTC) - timedelta(days=1)
    asyncio.run(recorded(ledger, award(100, "a", expires_at=over)))
    project(ledger)
    assert run("tokens", "expire").stdout == "Recorded for 1 user.\n"
    project(ledger)
    assert "expired" in run("tokens", "show", ANN).stdout
    assert run("tokens", "expire").stdout == "Nothing has expired or matured.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("award", ANN, "10", "--reason", " "), "`reason`"),
        (("award", ANN, "0", *WHY), "`amount` must be from 1"),
        (("award", "operator", "10", *WHY), "is no user: write the `sub` of their credential"),
        (("award", ANN, "10"), "Missing option '--reason'"),
        (("penalise", "nobody there", "10", *WHY), "is no user"),
        (("penalise", ANN, "1000001", *WHY), "`amount` must be from 1"),
        (("confirm", "awr_none"), "There is no award 'awr_none'."),
        (("decline", "awr_none"), "There is no award 'awr_none'."),
    ],
)
@pytest.mark.usefixtures("ledger")
def test_what_cannot_be_given_or_taken_is_told_with_exit_code_2(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    done = run("tokens", *arguments)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
