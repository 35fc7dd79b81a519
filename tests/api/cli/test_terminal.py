"""What is printed for people: whole, however narrow their terminal is."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from api.cli import terminal
from api.cli.terminal import print_table
from tests.api.cli.conftest import Run
from tests.service import environment

WHY = (
    "the card was declined again, and again, and the reason was given at such a length that no line holds it"
)


def on_a_terminal(columns: int, arguments: Sequence[str], tmp_path: Path, url: str) -> str:
    """What somebody sees who runs the command on a terminal of so many columns, without its colours."""
    screen, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = environment(tmp_path / "data", {"LIBERATION_DATABASE_URL": url, "TERM": "xterm"})
    env.pop("COLUMNS", None)
    process = subprocess.Popen([sys.executable, "-m", "api.cli", *arguments], env=env, stdout=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(screen, 65_536):
            shown += part
    except OSError:  # Linux says so that the last writer is gone
        pass
    finally:
        os.close(screen)
        process.wait(60)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("command", [["replay", "--check"], ["replay", "payments"]])
def test_digests_are_whole_on_any_terminal(
    columns: int, command: list[str], run: Run, ledger: str, tmp_path: Path
) -> None:
    digests = set(re.findall(r"\b[0-9a-f]{64}\b", run(*command).stdout))
    shown = on_a_terminal(columns, command, tmp_path, ledger)
    assert set(re.findall(r"\b[0-9a-f]{64}\b", shown)) == digests
    assert "payments" in shown
    assert "…" not in shown
    if columns >= 80:
        assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize(
    "command", ["apikey list", "outbox list", "policies list", "policies backfill payments --from 1"]
)
def test_no_table_loses_a_word(
    columns: int, command: str, run: Run, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("apikey", "create", "a report of many words, of which none may be lost on the way")
    with psycopg.connect(ledger, autocommit=True) as conn:
        conn.execute("UPDATE liberation.outbox SET parked_at = now(), last_error = %s", (WHY,))
        conn.execute("UPDATE liberation.policies SET starts_after = 2 WHERE name = 'payments'")
        conn.execute("DELETE FROM liberation.outbox WHERE position <= 2")
    _, *rows = run(*command.split()).stdout.splitlines()
    assert rows
    monkeypatch.setattr(terminal, "is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = run(*command.split()).stdout
    assert {word for row in rows for word in row.split()} <= set(shown.split())


def test_every_word_of_a_parked_effect_is_shown(ledger: str, tmp_path: Path) -> None:
    with psycopg.connect(ledger, autocommit=True) as conn:
        conn.execute("UPDATE liberation.outbox SET parked_at = now(), attempts = 10, last_error = %s", (WHY,))
    shown = on_a_terminal(80, ["outbox", "list"], tmp_path, ledger)
    assert " ".join(shown.split()).count(WHY) == 3
    assert max(map(len, shown.splitlines())) <= 80
    assert "\n  tries   10\n" in shown


def test_a_table_that_is_piped_is_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "#count", "why"), [("a", 5, WHY * 3), ("bcdef", 12_345, "two\nlines")], empty="")
    assert capsys.readouterr().out.splitlines() == [
        "name   count  why",
        f"a          5  {WHY * 3}",
        "bcdef  12345  two lines",
    ]


def test_an_empty_table_says_what_there_is_none_of(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [], empty="There is none.")
    assert capsys.readouterr().out == "There is none.\n"
