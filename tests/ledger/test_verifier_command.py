"""`python -m ledger.verifier`: offline, with a state file, and wherever its folder is copied to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import verifier
from ledger.licence_keys.signing import answer_of, file_of, key_of
from ledger.verifier import State, UnusableState
from ledger.verifier.cli import main
from tests.ledger.licence_key_examples import (
    EXPIRES_S,
    ISSUED_S,
    KEYRING,
    NONCE,
    answer_claims,
    file_claims,
    key_claims,
    listed,
)

KEY = key_of(key_claims(), KEYRING)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of their own: what was signed, and the keys."""
    monkeypatch.chdir(tmp_path)
    Path("keys.json").write_bytes(listed())
    Path("key.txt").write_text(f"{KEY}\n", encoding="ascii")
    Path("file.txt").write_text(file_of(file_claims(), KEYRING), encoding="ascii")
    Path("answer.txt").write_text(answer_of(answer_claims(), KEYRING), encoding="ascii")


def run(*arguments: str, at: int = ISSUED_S) -> int:
    time = datetime.fromtimestamp(at, UTC).isoformat()
    return main([*arguments, "--keys", "keys.json", "--at", time])


def test_each_kind_is_checked_and_the_exit_code_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("key", "key.txt") == 0
    assert run("file", "file.txt") == 0
    assert run("answer", "answer.txt", "--nonce", NONCE, "--subject", "lic_0199f3a2") == 0
    assert run("answer", "answer.txt", "--nonce", "another") == 1
    assert run("answer", "answer.txt", "--nonce", NONCE, "--feature", "sso") == 1
    assert run("key", "file.txt") == 1
    assert run("key", "key.txt", at=EXPIRES_S) == 1
    assert run("key", "key.txt", at=ISSUED_S - 5) == 1
    assert run("key", "key.txt", "--leeway", "5", at=ISSUED_S - 5) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == [
        *("valid", "valid", "valid", "other_nonce", "other_feature", "malformed", "expired"),
        *("clock_before_issue", "valid"),
    ]


def test_what_was_sold_is_told_as_json_and_the_key_never_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("key", "key.txt", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["valid"], said["code"], said["claims"]["seats"]) == (True, "valid", 500)
    for code, place in ((1, "file.txt"), (2, KEY), (2, "nowhere.txt")):
        assert run("key", place, "--json") == code
        told = "".join(capsys.readouterr())
        assert KEY[4:40] not in told
        assert told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("key", "key.txt", "--keys", "nowhere"), "nowhere cannot be read"),
        (("key", "key.txt", "--keys", "key.txt"), "no list of keys"),
        (("key", "key.txt", "--state", "nowhere/state"), "state file"),
        (("key", "key.txt", "--at", "2027-01-01"), "no time with a zone"),
        (("key", "key.txt", "--leeway", "-1"), "no number of seconds"),
        (("answer", "answer.txt"), "--nonce"),
        ((), "kind"),
    ],
)
def test_what_cannot_be_used_is_told_on_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = () if "--keys" in arguments or not arguments else ("--keys", "keys.json")
    try:
        code: object = main([*arguments, *usual])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_a_clock_that_is_set_back_is_noticed_by_the_state_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Not only before the issue: before the latest time that any check has seen."""
    state = ("--state", "state.json")
    assert run("key", "key.txt", *state, at=ISSUED_S + 1_000) == 0
    assert run("key", "key.txt", *state, at=ISSUED_S + 999) == 1
    assert run("file", "file.txt", *state, at=ISSUED_S + 999) == 1
    assert run("key", "key.txt", *state, "--leeway", "1", at=ISSUED_S + 999) == 0
    assert run("key", "key.txt", *state, at=EXPIRES_S) == 1
    assert run("key", "key.txt", *state, at=EXPIRES_S - 1) == 1, "an expiry that was seen is not undone"
    assert run("key", "key.txt", at=EXPIRES_S - 1) == 0
    codes = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    back = "clock_rolled_back"
    assert codes == ["valid", back, back, "valid", "expired", back, "valid"]


def test_what_is_not_signed_leaves_the_state_as_it_was() -> None:
    """Else anybody's text could move the time on."""
    Path("forged.txt").write_text(KEY[:-2] + "AA", encoding="ascii")
    assert run("key", "forged.txt", "--state", "state.json", at=EXPIRES_S) == 1
    assert not Path("state.json").exists()


def test_a_state_file_is_replaced_whole_and_only_goes_on(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    assert state.latest() is None
    for at in (5, 9, 7):
        state.saw(at)
    assert state.latest() == 9
    assert sorted(tmp_path.glob("*state*")) == [tmp_path / "state.json"]
    assert sorted(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"latest_seen": true}', '{"latest_seen": -1}'])
def test_a_damaged_state_is_no_first_time(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text(damage, encoding="ascii")
    with pytest.raises(UnusableState, match="remove it"):
        State(file).saw(10)
    assert file.read_text(encoding="ascii") == damage


def test_a_state_that_cannot_be_written_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    state = State(tmp_path / "state.json")
    state.saw(5)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableState, match="No space left"):
        state.saw(6)
    monkeypatch.undo()
    assert state.latest() == 5
    assert sorted(tmp_path.glob(".*")) == []


def test_its_folder_works_in_another_program_under_another_name(tmp_path: Path) -> None:
    """Isolated from ours, with the text from standard input."""
    shutil.copytree(
        Path(verifier.__file__).parent,
        tmp_path / "licence_check",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    program = (
        "import runpy, sys; sys.path.insert(0, '.'); runpy.run_module('licence_check', run_name='__main__')"
    )
    given = ["key", "-", "--keys", "keys.json", "--at", "2027-01-01T00:00:00Z"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *given],
        cwd=tmp_path,
        input=f"{KEY}\r\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "valid: It holds.\n", "")
