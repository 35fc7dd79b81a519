"""However a command ends: no secret is printed, and the exit code says what kind of an end it is."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import psycopg
import pytest

from api.cli import liberation
from api.cli.errors import CRASHED, FOUND, INTERRUPTED, NOT_READ, UNREACHABLE, UNUSABLE, unwritable
from api.http.signing_keys import LocalKeys
from tests.api.cli.conftest import Run
from tests.service import ROOT, environment

CONSOLE_SCRIPT = (str(Path(sys.executable).with_name("liberation")),)
MODULE = (sys.executable, "-m", "api.cli")


@pytest.fixture
def failing() -> Iterator[list[BaseException]]:
    """A command `fail` that raises what is put in here."""
    raised: list[BaseException] = []

    @liberation.command()
    def fail() -> None:
        raise raised[0]

    yield raised
    del liberation.commands["fail"]


def test_every_exit_code_is_documented(run: Run) -> None:
    shown = " ".join(run("--help").stdout.split())
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for code in (0, FOUND, UNUSABLE, UNREACHABLE, CRASHED, INTERRUPTED, NOT_READ):
        assert re.search(rf"(?:: |; ){code} \w", shown), code
        assert re.search(rf"^\| {code} \| \w", page, re.MULTILINE), code


class _Group(BaseExceptionGroup[BaseException]):
    pass


@pytest.mark.parametrize(
    "error",
    [
        ValueError("cannot use postgresql://ann:hunter2@db and sk_live_hunter2"),
        AssertionError("password=hunter2"),
        EOFError("Bearer hunter2hunter2"),
        MemoryError(),
        SystemExit(1),
        SystemExit("Bearer hunter2hunter2"),
        psycopg.ProgrammingError("whsec_hunter2"),
        _Group("several", [RuntimeError("whsec_hunter2"), KeyError("x")]),
        ConnectionResetError("postgres://ann:hunter2@db"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_ours_has_an_exit_code_of_its_own(
    run: Run, failing: list[BaseException], error: BaseException
) -> None:
    failing.append(error)
    ended = run("fail")
    assert (ended.exit_code, ended.stdout) == (70, "")
    assert "Traceback" in ended.stderr
    assert type(error).__name__ in ended.stderr
    assert "report it" in ended.stderr
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(), 141),
        (OSError(28, "No space left on device"), 3),
        (click.UsageError("sk_live_hunter2"), 2),
        (click.FileError("whatever"), 2),
    ],
)
def test_other_ends(run: Run, failing: list[BaseException], error: BaseException, exit_code: int) -> None:
    failing.append(error)
    ended = run("fail")
    assert ended.exit_code == exit_code
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def ended(
    command: Sequence[str], tmp_path: Path, *, stdout: int = subprocess.PIPE, **env: str
) -> tuple[int, str]:
    """Exit code and what was told."""
    done = subprocess.run(
        command,
        env=environment(tmp_path / "data", env),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("program", [CONSOLE_SCRIPT, MODULE], ids=["console script", "module"])
@pytest.mark.parametrize("arguments", [["--help"], ["token", "--sub", "usr_1", "--role", "student"]])
def test_output_that_nobody_reads_is_no_fault(
    program: Sequence[str], arguments: list[str], tmp_path: Path
) -> None:
    LocalKeys(tmp_path / "data")  # else it is told that a key was made
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert ended([*program, *arguments], tmp_path, stdout=writing) == (141, "")
    finally:
        os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code, said = ended([*MODULE, "--help"], tmp_path, stdout=full.fileno())
    assert (code, said) == (3, "Error: The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize(
    "command", ["verify", "migrate", "serve", "worker", "apikey list", "stripe catch-up"]
)
def test_no_command_tells_the_password_of_a_database_url(run: Run, tmp_path: Path, command: str) -> None:
    for url in ("postgres://ann:hunter2 x@db/books", "host=x password=hunter2 port=abc"):
        told = run(*command.split(), database_url=url)
        assert told.exit_code == 2
        assert told.output.startswith("Error: LIBERATION_DATABASE_URL cannot be used: ")
        assert "hunter2" not in told.output
        file = tmp_path / "url"
        file.write_text(url, encoding="utf-8")
        assert run(*command.split(), database_url_file=str(file)).output == told.output


@pytest.mark.parametrize(
    "url", ["postgres://ann:hunter2@no.such.host.invalid/books", "postgres://ann:hunter2@[::1]:1/books"]
)
def test_nor_that_of_one_where_no_server_is(run: Run, url: str) -> None:
    told = run("verify", database_url=url)
    assert told.exit_code == 3
    assert "The database cannot be reached" in told.stderr
    assert "hunter2" not in told.output


def test_nor_is_any_other_secret_told(run: Run) -> None:
    for name, prefix in (("stripe_api_key", "pk_live_"), ("stripe_webhook_secret", "")):
        told = run("verify", **{name: f"{prefix}hunter2"})
        assert told.exit_code == 2
        assert f"LIBERATION_{name.upper()} cannot be used" in told.stderr
        assert "hunter2" not in told.output
    misused = run("token", "--sub", "usr_1", "--role", "student", "--ttl", "sk_live_hunter2")
    assert misused.exit_code == 2
    assert "hunter2" not in misused.output


@pytest.mark.parametrize("command", ["doctor", "doctor --json"])
def test_nor_does_the_doctor_tell_what_a_wrong_setting_holds(run: Run, command: str) -> None:
    for name, scheme in (("public_url", "https"), ("jwks", "ftp"), ("catalogue", "https")):
        told = run(*command.split(), **{name: f"{scheme}://ann:hunter2@books.example/x"})
        assert told.exit_code == 1
        assert "ann:***@books.example" in told.stdout
        assert "hunter2" not in told.output


IN_A_THREAD = """
import threading
from api.cli import liberation, main

@liberation.command()
def fail():
    thread = threading.Thread(target=lambda: {}["postgres://ann:hunter2@db"])
    thread.start()
    thread.join()

main()
"""


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ((sys.executable, "-c", IN_A_THREAD, "fail"), 0),
        ((sys.executable, "-m", "api.serve.child", "worker", "1"), 1),
    ],
    ids=["a thread of a command", "a process of the service"],
)
def test_nor_does_what_nobody_waits_for(program: Sequence[str], code: int, tmp_path: Path) -> None:
    done, said = ended(program, tmp_path, LIBERATION_JWKS="ftp://ann:hunter2@issuer.example/jwks")
    assert (done, "ann:***@" in said, "hunter2" in said) == (code, True, False)


def test_nor_is_that_of_an_address_that_is_taken_for_a_file(run: Run) -> None:
    told = run("serve", jwks="ftp://ann:hunter2@issuer.example/jwks")
    assert (told.exit_code, "LIBERATION_JWKS names ftp:/ann:***@issuer" in told.stderr) == (2, True)
    assert "hunter2" not in told.output


def test_a_file_on_a_full_disk_is_told_alike() -> None:
    full = unwritable(Path("books.journal"), OSError(errno.ENOSPC, "No space left on device"))
    assert (full.exit_code, full.message) == (3, "books.journal cannot be written: No space left on device.")
    assert (
        unwritable(Path("books.journal"), PermissionError(errno.EACCES, "Permission denied")).exit_code == 2
    )


def test_who_closes_the_output_changes_no_exit_code(tmp_path: Path) -> None:
    """As `verify 2>&-` in a timer: there is no stream at all."""
    program = f"{MODULE[0]} -m api.cli"
    made = subprocess.run(
        ["bash", "-c", f"{program} migrate && {program} verify 2>&- && {program} policies list >&-"],
        env=environment(tmp_path / "data"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "chain intact" in made.stdout


def test_a_found_fault_alone_is_exit_code_1(run: Run, ledger: str) -> None:
    assert run("replay", "--check").exit_code == 0
    with psycopg.connect(ledger, autocommit=True) as conn:
        conn.execute("UPDATE liberation.payments SET amount_minor = 1")
    assert run("replay", "--check").exit_code == 1
    assert json.loads(run("replay", "--check", "--json").stdout)["equal"] is False
