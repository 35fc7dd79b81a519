"""What the demonstration plans, and how it takes and leaves its directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.demo.folder import Folder
from api.demo.plan import Action, AnswerDispute, Authenticate, Pay, Refund, RefundInDashboard, plan
from api.demo.run import Demo, _begin
from api.demo.story import SESSION, sessions
from api.embedded.locks import SHARED, open_lock, try_lock
from api.settings import Settings, SettingsError

END = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)


def test_the_same_seed_makes_the_same_history() -> None:
    assert plan(7, 1.0, END) == plan(7, 1.0, END)
    assert plan(7, 1.0, END) != plan(8, 1.0, END)


@pytest.mark.parametrize("scale", [0.02, 1.0, 3.0])
@pytest.mark.parametrize("hour", [0, 9, 23])
def test_everything_is_past_in_order_and_about_a_payment_that_was_made(scale: float, hour: int) -> None:
    end = END.replace(hour=hour)
    actions = plan(1, scale, end)
    assert actions == sorted(actions, key=lambda action: action.at)
    assert actions[-1].at < end
    made: set[str] = set()
    for action in actions:
        if isinstance(action, Pay):
            assert action.ref not in made
            made.add(action.ref)
            assert action.user.currency != "kwd" or action.amount_minor % 10 == 0, (
                "Stripe settles fils in tens"
            )
        elif isinstance(action, Authenticate | Refund | RefundInDashboard | AnswerDispute):
            assert action.ref in made


def test_a_full_history_has_some_hundreds_of_payments_in_six_currencies() -> None:
    payments = [action for action in plan(1, 1.0, END) if isinstance(action, Pay)]
    assert 300 <= len(payments) <= 400
    assert {pay.user.currency for pay in payments} == {"usd", "eur", "gbp", "jpy", "kwd", "chf"}


def test_what_is_done_at_once_has_nothing_to_do_with_each_other() -> None:
    actions = plan(1, 1.0, END)
    together = list(sessions(actions))
    assert [action for session in together for action in session] == actions
    for session in together:
        assert session[-1].at - session[0].at <= SESSION
        users = [action.user.user_id for action in session if isinstance(action, Pay)]
        refs = [ref for action in session if (ref := getattr(action, "ref", ""))]
        assert len(set(users)) == len(users)
        assert len(set(refs)) == len(refs)
    assert list(sessions([])) == []
    assert list(sessions([Action(at=END), Action(at=END + timedelta(days=1))][:0])) == []


def test_an_interrupted_history_is_begun_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, settings = Folder(tmp_path), Settings(data_dir=tmp_path)
    assert _begin(settings, folder, Demo()), "nothing is there yet"
    half = tmp_path / "postgres" / "half"
    half.mkdir(parents=True)
    key = tmp_path / "jwt-ed25519.pem"
    key.touch()
    assert _begin(settings, folder, Demo())
    assert "interrupted" in capsys.readouterr().err
    assert not half.exists()
    assert key.exists(), "credentials that were given out stay good"


def test_a_history_that_was_made_is_left_alone_until_it_is_to_be_forgotten(tmp_path: Path) -> None:
    folder, settings = Folder(tmp_path), Settings(data_dir=tmp_path)
    folder.set_mark("made", 1, 1.0)
    assert not _begin(settings, folder, Demo())
    assert _begin(settings, folder, Demo(fresh=True))
    mark = folder.mark()
    assert mark is not None
    assert mark.state == "making"


def test_a_directory_in_use_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    user = open_lock(tmp_path / "postgres" / "users.lock")
    with open(user, closefd=True):  # noqa: PTH123  a descriptor, to be closed
        assert try_lock(user, SHARED)
        with pytest.raises(SettingsError, match="stop it first"):
            Folder(tmp_path).forget()
    assert (tmp_path / "postgres").exists()


def test_a_damaged_mark_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{", encoding="utf-8")
    with pytest.raises(SettingsError, match="--fresh"):
        Folder(tmp_path).mark()
