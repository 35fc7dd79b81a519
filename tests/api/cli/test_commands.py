"""Options, answers, errors and exit codes of the commands that end by themselves."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import jwt
import psycopg
import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import api.cli.books
import projections.queries.export
from api.cli import liberation
from api.cli.files import written
from ledger.store import checkpoint, conninfo
from projections.queries.export import Period, UnknownCurrency
from tests.api.cli.conftest import Run
from tests.api.cli.payments import save_cards

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
NEW_LOGIN = """
    DO $$ BEGIN
        CREATE ROLE service_login LOGIN PASSWORD 'pw' IN ROLE liberation_application;
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$
"""
COMMANDS = (
    "apikey", "checkpoint", "demo", "doctor", "export", "leaderboard", "migrate", "outbox", "payouts",
    "policies", "recognise", "replay", "rewards", "serve", "snapshots", "streaks", "stripe", "token",
    "tokens", "verify", "worker",
)  # fmt: skip


def refused(result: Result, exit_code: int, *said: str) -> None:
    """One clear line on stderr, nothing on stdout."""
    assert result.exit_code == exit_code, (result.output, result.exception)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    for word in said:
        assert word in result.stderr


def findings(said: str) -> dict[str, Any]:
    """Of `doctor --json`, by check."""
    return {finding["check"]: finding for finding in json.loads(said)["findings"]}


def misused(result: Result, *said: str) -> None:
    """Click's own: the usage, then what is wrong with it."""
    assert result.exit_code == 2
    for word in said:
        assert word in result.stderr


def owner(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(conninfo(url, role=None), autocommit=True)


# ------------------------------------------------------------------------------------------ in general


def test_help_names_every_command_and_the_exit_codes(run: Run) -> None:
    said = run("--help").stdout
    assert all(f"  {command} " in said for command in COMMANDS)
    assert "Exit codes" in said
    for command in COMMANDS:
        assert run(command, "--help").exit_code == 0


def paths(command: click.Command, *above: str) -> Iterator[tuple[str, ...]]:
    """Of a command and of all below it."""
    yield above
    for name, each in getattr(command, "commands", {}).items():
        yield from paths(each, *above, name)


def test_no_line_of_help_is_cut_short_on_a_narrow_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for path in paths(liberation):
        said = run(*path, "--help").stdout
        assert max(map(len, said.splitlines())) <= 80, path
        assert not [line for line in said.splitlines() if line.endswith("...") and "Usage" not in line], path


def test_it_starts_without_what_only_the_service_needs() -> None:
    heavy = "{'litestar', 'psycopg', 'stripe', 'uvicorn', 'eventsourcing', 'rich', 'aiohttp'}"
    code = f"import sys, api.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [["verify"], ["replay"], ["apikey", "list"], ["outbox", "list"]])
def test_without_a_ledger_it_says_where_one_would_be(run: Run, tmp_path: Path, command: list[str]) -> None:
    refused(run(*command), 2, str(tmp_path / "data"), "liberation migrate")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "command", ["verify", "replay --check", "migrate", "apikey list", "outbox list", "export --format csv"]
)
def test_a_database_that_is_away_is_exit_code_3(run: Run, command: str) -> None:
    refused(run(*command.split(), database_url=NOWHERE), 3, "database cannot be reached")


@pytest.mark.parametrize(
    "command", [["verify"], ["apikey", "list"], ["replay", "--check"], ["outbox", "list"]]
)
def test_a_database_without_a_ledger_is_told_to_migrate(
    run: Run, database_url: str, command: list[str]
) -> None:
    refused(run(*command, database_url=database_url, schema="empty"), 3, "liberation migrate")


@pytest.mark.parametrize("command", ["verify", "checkpoint --out never", "export --format csv"])
def test_the_services_own_login_is_told_who_may(run: Run, ledger: str, command: str) -> None:
    with owner(ledger) as conn:
        conn.execute(NEW_LOGIN)
    login = psycopg.conninfo.make_conninfo(ledger, user="service_login", password="pw")
    said = ("member of that role", "GRANT liberation_auditor TO", "or the owner", "needs no such grant")
    refused(run(*command.split(), database_url=login), 2, *said)


@pytest.mark.parametrize("command", ["replay", "replay --check", "replay payments"])
def test_who_may_not_make_a_schema_is_told_what_to_do(run: Run, ledger: str, command: str) -> None:
    with owner(ledger) as conn:
        conn.execute(NEW_LOGIN)
    login = psycopg.conninfo.make_conninfo(ledger, user="service_login", password="pw")
    said = ("LIBERATION_DATABASE_URL name the ledger's owner", "GRANT CREATE ON DATABASE")
    refused(run(*command.split(), database_url=login), 2, *said)


def test_migrate_by_another_than_the_owner_is_told_who_may(
    run: Run, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner(ledger) as conn:
        conn.execute(NEW_LOGIN)
        conn.execute("DELETE FROM migrations WHERE component = 'api'")
    login = psycopg.conninfo.make_conninfo(ledger, user="service_login", password="pw")
    refused(run("migrate", database_url=login), 2, "as the schema's owner")
    refused(run("migrate", database_url=login, schema="another"), 2, "as the ledger's owner")


def test_an_unknown_setting_is_named(run: Run) -> None:
    refused(run("verify", potr="8000"), 2, "LIBERATION_POTR")


# ---------------------------------------------------------------------------------------- credentials


def test_token_is_signed_with_the_local_key(run: Run, tmp_path: Path) -> None:
    made = run("token", "--sub", "usr_7", "--role", "student", "--role", "instructor", "--ttl", "2d")
    claims = jwt.decode(made.stdout.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["roles"]) == ("usr_7", ["instructor", "student"])
    assert claims["exp"] - claims["iat"] == 2 * 86_400
    assert (tmp_path / "data" / "jwt-ed25519.pem").stat().st_mode & 0o777 == 0o600
    as_json = json.loads(run("token", "--sub", "usr_7", "--role", "admin", "--json").stdout)
    assert as_json.keys() == {"token", "sub", "roles", "expires_at"}


def test_a_new_key_for_tokens_is_told_once(run: Run, tmp_path: Path) -> None:
    """In the wrong directory it would be made silently, and the service would take no token of it."""
    asked = ("token", "--sub", "usr_7", "--role", "student")
    first, second = run(*asked), run(*asked, "--json")
    assert f"Made a new key, {tmp_path / 'data' / 'jwt-ed25519.pem'}" in first.stderr
    assert "LIBERATION_DATA_DIR" in first.stderr
    assert first.stdout.count("\n") == 1
    assert second.stderr == ""


def test_token_refuses_what_nobody_may_be(run: Run) -> None:
    refused(run("token", "--sub", "usr_7", "--role", "emperor"), 2, "emperor", "student")
    refused(run("token", "--sub", "ann@example.org", "--role", "student"), 2, "no e-mail address")
    misused(run("token", "--sub", "usr_7", "--role", "student", "--ttl", "5 weeks"), "30d")
    misused(run("token", "--sub", "usr_7"), "--role")
    elsewhere = run("token", "--sub", "usr_7", "--role", "student", jwks="https://issuer.example/jwks")
    refused(elsewhere, 2, "LIBERATION_JWKS")


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
def test_token_makes_nothing_where_real_money_moves(run: Run, tmp_path: Path, key: str) -> None:
    for more in ({}, {"jwks": "https://issuer.example/jwks"}):
        made = run("token", "--sub", "usr_7", "--role", "admin", stripe_api_key=key, **more)
        refused(made, 2, "live key", "apikey create")
    assert not (tmp_path / "data").exists()


def test_an_api_key_is_made_listed_and_revoked(run: Run, ledger: str) -> None:
    assert "no API keys" in run("apikey", "list").stdout
    made = json.loads(run("apikey", "create", "reports", "--ttl", "30d", "--json").stdout)
    assert made["key"].startswith("lk_")
    listed = run("apikey", "list")
    assert made["key_id"] in listed.stdout
    assert "valid until" in listed.stdout
    assert made["key"] not in listed.stdout
    assert run("apikey", "revoke", made["key_id"]).exit_code == 0
    assert json.loads(run("apikey", "list", "--json").stdout)[0]["revoked_at"]
    assert "revoked" in run("apikey", "list").stdout


def test_an_api_key_is_made_for_what_it_is_for(run: Run, ledger: str) -> None:
    scopes = ("--scope", "payments:read", "--scope", "users:act")
    made = json.loads(run("apikey", "create", "shop", *scopes, "--json").stdout)
    assert made["scopes"] == ["payments:read", "users:act"]
    assert "payments:read users:act" in run("apikey", "list").stdout
    assert json.loads(run("apikey", "list", "--json").stdout)[0]["scopes"] == made["scopes"]
    refused(run("apikey", "create", "shop", "--scope", "payments"), 2, "Scopes are", "payments:read")


def test_api_keys_that_cannot_be(run: Run, ledger: str) -> None:
    refused(run("apikey", "revoke", "key_nothing"), 2, "key_nothing")
    refused(run("apikey", "create", "x", "--role", "emperor"), 2, "service")
    refused(run("apikey", "create", "x", "--licence", "lic_none"), 2, "no licence 'lic_none'")


# -------------------------------------------------------------------------------------------- history


def test_migrate_says_what_it_did_and_then_nothing(run: Run, database_url: str) -> None:
    done = json.loads(run("migrate", "--json", database_url=database_url, schema="another").stdout)
    assert done["applied"][0].startswith("ledger/0001")
    again = run("migrate", database_url=database_url, schema="another")
    assert again.stdout == "The database is up to date.\n"


def test_verify_names_the_first_bad_position(run: Run, ledger: str, tmp_path: Path) -> None:
    fine = json.loads(run("verify", "--json").stdout)
    assert (fine["ok"], fine["events"]) == (True, 3)
    assert "3 events, chain intact" in run("verify").stdout
    with owner(ledger) as conn:
        conn.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        conn.execute("UPDATE events SET stream = 'payment-forged' WHERE position = 2")
    refused(run("verify"), 1, "position 2")
    found = run("verify", "--json")
    assert (found.exit_code, json.loads(found.stdout)["position"]) == (1, 2)
    refused(run("checkpoint", "--out", "never.json"), 1, "position 2")
    assert not Path("never.json").exists()
    assert not (tmp_path / "data").exists(), "no key is made for what it cannot sign"


def test_a_checkpoint_shows_a_cut_tail(run: Run, ledger: str, tmp_path: Path) -> None:
    statement, public = tmp_path / "checkpoint.json", tmp_path / "public.pem"
    made = run("checkpoint", "--out", str(statement))
    public.write_text(made.stdout, encoding="utf-8")
    against = ("verify", "--checkpoint", str(statement), "--public-key", str(public))
    assert run(*against).exit_code == 0
    assert "exclude a forgery" in run(*against[:3]).stdout
    with owner(ledger) as conn:
        conn.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        conn.execute("DELETE FROM events WHERE position = 3")
        conn.execute("UPDATE head SET position = 2, hash = (SELECT hash FROM events WHERE position = 2)")
    assert run("verify").exit_code == 0, "a chain alone cannot show it"
    refused(run(*against), 1, "tail was cut")


def test_a_checkpoint_of_somebody_else_proves_nothing(run: Run, ledger: str, tmp_path: Path) -> None:
    statement, stranger = tmp_path / "checkpoint.json", tmp_path / "stranger.pem"
    assert json.loads(run("checkpoint", "--out", str(statement), "--json").stdout)["public_key_pem"]
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    stranger.write_bytes(pem)
    against = ("verify", "--checkpoint", str(statement), "--public-key", str(stranger))
    refused(run(*against), 2, "another key")
    forged = statement.read_text(encoding="utf-8").replace('"position": 3', '"position": 2')
    statement.write_text(forged, encoding="utf-8")
    refused(run(*against[:3]), 2, "signature")


def test_the_data_directory_that_a_checkpoint_makes_is_for_its_owner_alone(
    run: Run, ledger: str, tmp_path: Path
) -> None:
    assert run("checkpoint", "--out", str(tmp_path / "checkpoint.json")).exit_code == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    [key] = (tmp_path / "data").iterdir()
    assert (key.name, key.stat().st_mode & 0o777) == ("checkpoint-ed25519.pem", 0o600)
    assert findings(run("doctor", "--json").stdout)["files.data_dir"]["level"] == "ok"


def test_an_older_checkpoint_is_never_overwritten(run: Run, ledger: str, tmp_path: Path) -> None:
    out = tmp_path / "checkpoint.json"
    assert run("checkpoint", "--out", str(out)).exit_code == 0
    before = out.read_bytes()
    refused(run("checkpoint", "--out", str(out)), 2, "exists already", "a directory")
    assert out.read_bytes() == before


def test_nor_is_one_written_through_a_link(run: Run, ledger: str, tmp_path: Path) -> None:
    older = tmp_path / "checkpoint.json"
    older.write_text("older", encoding="utf-8")
    for target in (older, tmp_path / "unmounted" / "checkpoint.json"):
        link = tmp_path / f"link to {target.parent.name}"
        link.symlink_to(target)
        refused(run("checkpoint", "--out", str(link)), 2, "exists already")
        assert link.is_symlink()
    assert older.read_text(encoding="utf-8") == "older"


def test_a_checkpoint_that_another_wrote_meanwhile_stays(
    run: Run, ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "checkpoint.json"
    sign = checkpoint.sign

    def sign_later(*arguments: Any) -> checkpoint.Checkpoint:
        out.write_text("of somebody else", encoding="utf-8")
        return sign(*arguments)

    monkeypatch.setattr(checkpoint, "sign", sign_later)
    refused(run("checkpoint", "--out", str(out)), 2, "exists already")
    assert out.read_text(encoding="utf-8") == "of somebody else"


def test_a_checkpoint_that_names_no_place_is_not_kept_here(run: Run, ledger: str) -> None:
    """As of a variable that is not set."""
    refused(run("checkpoint", "--out", ""), 2, "--out names nothing")


def test_checkpoints_in_a_directory_are_named_by_position_and_time(
    run: Run, ledger: str, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for _ in range(2):
        assert run("checkpoint", "--out", str(folder)).exit_code == 0
    made = sorted(folder.iterdir())
    assert len(made) == 2
    for file in made:
        assert re.fullmatch(r"checkpoint-000000000003-\d{8}T\d{6}\.\d{6}Z\.json", file.name)
        assert run("verify", "--checkpoint", str(file)).exit_code == 0
    as_json = json.loads(run("checkpoint", "--out", str(folder), "--json").stdout)
    assert Path(as_json["file"]).parent == folder


def test_files_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "file"
    for replace in (False, True):
        with pytest.raises(ZeroDivisionError), written(out, replace=replace) as file:
            file.write(f"half of it, {1 // 0}")
        assert list(tmp_path.iterdir()) == []
    out.write_text("old", encoding="utf-8")
    out.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(out)
    with written(link, replace=True) as file:
        file.write("new")
        assert out.read_text(encoding="utf-8") == "old"
    assert (link.is_symlink(), out.read_text(encoding="utf-8")) == (True, "new")
    assert out.stat().st_mode & 0o777 == 0o640
    with written(Path(os.devnull), replace=True) as file:
        file.write("a device stays one")
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    with written(tmp_path / "other", replace=False) as file:
        file.write("where there are no links")
    assert (tmp_path / "other").read_text(encoding="utf-8") == "where there are no links"
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link", "other"}


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_files_that_cannot_be_used(run: Run, ledger: str, tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_text("noise", encoding="utf-8")
    nowhere = str(tmp_path / "no" / "such" / "folder" / "file")
    refused(run("verify", "--checkpoint", str(noise)), 2, "no checkpoint")
    refused(run("verify", "--checkpoint", nowhere), 2, "cannot be read")
    misused(run("verify", "--public-key", str(noise)), "--checkpoint")
    refused(run("checkpoint", "--out", str(tmp_path / "x"), "--key", str(noise)), 2, "no private key")
    refused(run("checkpoint", "--out", nowhere), 2, "cannot be written")
    refused(run("checkpoint", "--out", str(tmp_path / "no") + "/"), 2, "is no directory")
    refused(run("export", "--format", "csv", "--out", nowhere), 2, "cannot be written")


# ---------------------------------------------------------------------------------------------- books


def test_replay_finds_a_changed_table_and_puts_it_right(run: Run, ledger: str) -> None:
    equal = json.loads(run("replay", "--check", "--json").stdout)
    assert (equal["equal"], equal["positions"]["payments"]) == (True, 3)
    with owner(ledger) as conn:
        conn.execute("UPDATE payments SET amount_minor = amount_minor + 1")
    found = run("replay", "--check", "payments")
    assert found.exit_code == 1
    assert "liberation replay payments" in found.stderr
    assert not json.loads(run("replay", "--check", "--json").stdout)["equal"]
    mended = run("replay", "payments")
    assert mended.exit_code == 0
    assert "Rebuilt payments from 3 events." in mended.stdout
    assert run("replay", "--check").exit_code == 0
    assert json.loads(run("replay", "--json").stdout)["digests"] == equal["digests"]


FORGED = """
    UPDATE snapshots SET state = '{"payment_methods":["pm_forged"]}';
    UPDATE snapshots AS s SET seal = sha256(e.hash || convert_to(s.shape, 'UTF8') || s.state)
    FROM events AS e
    WHERE e.stream = s.stream AND e.version = s.version
"""


def test_replay_proves_snapshots_and_names_those_that_are_wrong(run: Run, ledger: str) -> None:
    asyncio.run(save_cards(ledger, 40))
    said = run("replay", "--check")
    assert (said.exit_code, "1 equal to a replay" in said.stdout) == (0, True)
    with owner(ledger) as conn:
        conn.execute(FORGED)
    said = run("replay", "--check")
    assert said.exit_code == 1
    assert "The snapshot of customer-usr_ann at version 40 does not hold what the facts say" in said.stderr
    assert "liberation snapshots drop customer-usr_ann" in said.stderr
    found = json.loads(run("replay", "--check", "--json").stdout)
    assert (found["equal"], found["differences"]) == (False, [])
    assert [bad["stream"] for bad in found["snapshots"]["bad"]] == ["customer-usr_ann"]
    nobodys = run("snapshots", "drop", "customer-usr_bob")
    assert (nobodys.exit_code, "No snapshot is kept of customer-usr_bob" in nobodys.stderr) == (2, True)
    assert run("snapshots", "drop", "customer-usr_ann").stdout == "Dropped 1 snapshot.\n"
    assert json.loads(run("replay", "--check", "--json").stdout)["equal"]


def test_all_snapshots_are_dropped_when_that_is_asked_for(run: Run, ledger: str) -> None:
    asyncio.run(save_cards(ledger, 40))
    misused(run("snapshots", "drop"), "--all")
    misused(run("snapshots", "drop", "customer-usr_ann", "--all"), "--all")
    assert run("snapshots", "drop", "--all").stdout == "Dropped 1 snapshot.\n"
    assert run("snapshots", "drop", "--all").exit_code == 0, "none is left, which is what was asked for"
    with owner(ledger) as conn:
        assert conn.execute("SELECT count(*) FROM snapshots").fetchone() == (0,)


def test_a_fact_that_cannot_be_read_is_found(run: Run, ledger: str) -> None:
    with owner(ledger) as conn:
        conn.execute(
            "SELECT append('{payment-new}', '{1}', '{payments.from_the_future.v9}', ARRAY['{}'::bytea],"
            " ARRAY['{}'::bytea], '{x}', '{0}')"
        )
    refused(run("replay"), 1, "payments.from_the_future.v9", "position 4")


@pytest.mark.parametrize("command", [["replay"], ["replay", "payments"], ["replay", "--check", "payments"]])
def test_replay_does_not_put_right_what_was_tampered_with(run: Run, ledger: str, command: list[str]) -> None:
    tamper(
        ledger,
        "UPDATE events SET data = replace(encode(data, 'escape'), 'usd', 'eur')::bytea WHERE position = 2",
    )
    refused(run(*command), 1, "position 2 is not what was appended", "docs/operations.md")
    as_json = run(*command, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["broken"]["position"] == 2
    assert "puts it right" not in as_json.stderr
    refused(run("verify"), 1, "position 2")


def test_replay_names_a_cut_tail_that_projections_have_seen(run: Run, ledger: str) -> None:
    forged_head = "UPDATE head SET position = 2, hash = (SELECT hash FROM events WHERE position = 2)"
    tamper(ledger, "DELETE FROM events WHERE position = 3", forged_head)
    assert run("verify").exit_code == 0, "a chain alone cannot show it"
    for command in ("replay", "replay --check"):
        refused(run(*command.split()), 1, "position 3 is gone", "the tail was cut")


def tamper(url: str, *statements: str) -> None:
    """As a superuser would."""
    with owner(url) as conn:
        conn.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        for statement in statements:
            conn.execute(statement.encode())


def test_replay_refuses_names_that_are_none(run: Run, ledger: str) -> None:
    refused(run("replay", "outbox"), 2, "Error: Cannot rebuild outbox", "payments")


@pytest.mark.parametrize("format_", ["hledger", "beancount", "csv"])
def test_export_writes_the_same_to_a_file_and_to_standard_output(
    run: Run, ledger: str, tmp_path: Path, format_: str
) -> None:
    out = tmp_path / "journal"
    assert run("export", "--format", format_, "--out", str(out)).exit_code == 0
    with out.open(encoding="utf-8", newline="") as file:
        assert run("export", "--format", format_).stdout_bytes.decode() == file.read()


def test_export_of_a_period_is_asked_for_by_dates(run: Run, ledger: str) -> None:
    asked = ("export", "--format", "csv", "--from", "2026-01-01")
    assert run(*asked, "--to", "2027-01-01").exit_code == 0
    misused(run(*asked, "--to", "2026-01-01"), "--from must be before --to")
    misused(run(*asked, "--to", "last friday"), "write 2026-12-31")
    assert run("export", "--format", "csv", "--from", "0001-01-01").exit_code == 0


def test_export_writes_the_period_and_tells_how_far_it_is(
    run: Run, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Period] = []
    told: list[tuple[str, int, int]] = []

    def pieces(_: object, __: str, period: Period, advance: Callable[[int, int], None]) -> Iterator[str]:
        asked.append(period)
        advance(1, 2)
        yield "half of it"

    @contextmanager
    def heard(label: str, **_: object) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: told.append((label, done, total))

    monkeypatch.setattr(projections.queries.export, "export", pieces)
    monkeypatch.setattr(api.cli.books, "progress", heard)
    done = run("export", "--format", "csv", "--from", "2026-01-01", "--to", "2027-01-01")
    assert (done.exit_code, done.stdout) == (0, "half of it")
    assert asked == [Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))]
    assert told == [("exporting", 1, 2)]


def test_an_export_that_fails_leaves_the_older_file(
    run: Run, ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Iterator[str]:
        yield "half"
        raise UnknownCurrency("no such currency")

    monkeypatch.setattr(projections.queries.export, "export", failing)
    out = tmp_path / "journal"
    out.write_text("older", encoding="utf-8")
    refused(run("export", "--format", "csv", "--out", str(out)), 2, "no such currency")
    assert out.read_text(encoding="utf-8") == "older"
    assert [each.name for each in tmp_path.glob("*journal*")] == ["journal"]


# --------------------------------------------------------------------------------------------- effects


def test_parked_effects_are_listed_and_requeued(run: Run, ledger: str) -> None:
    assert "Nothing is parked" in run("outbox", "list").stdout
    assert "Nothing is parked" in run("outbox", "requeue", "--all").stdout
    with owner(ledger) as conn:
        conn.execute("UPDATE outbox SET parked_at = now(), last_error = 'gave up', attempts = 10")
    assert "gave up" in run("outbox", "list").stdout
    assert [one["position"] for one in json.loads(run("outbox", "list", "--json").stdout)] == [1, 2, 3]
    assert run("outbox", "requeue", "1.payments.0").stdout == "Requeued 1.payments.0.\n"
    partly = run("outbox", "requeue", "1.payments.0", "2.payments.0", "--json")
    assert partly.exit_code == 2
    assert json.loads(partly.stdout) == {"requeued": ["2.payments.0"], "not_parked": ["1.payments.0"]}
    assert run("outbox", "requeue", "--all").stdout == "Requeued 3.payments.0.\n"
    misused(run("outbox", "requeue"), "--all")
    misused(run("outbox", "requeue", "seven"), "123.payments.0")


def test_policies_are_listed_and_a_backfill_is_shown_and_done(run: Run, ledger: str) -> None:
    assert "payments" in run("policies", "list").stdout
    assert {"name": "payments", "starts_at": 1} in json.loads(run("policies", "list", "--json").stdout)
    assert "starts at 1 already" in run("policies", "backfill", "payments", "--from", "1").stdout
    with owner(ledger) as conn:
        conn.execute("UPDATE policies SET starts_after = 2 WHERE name = 'payments'")
        conn.execute("DELETE FROM outbox WHERE position <= 2")
    shown = run("policies", "backfill", "payments", "--from", "1")
    assert "payments.create_payment_intent" in shown.stdout
    assert "Nothing was done" in shown.stdout
    done = json.loads(run("policies", "backfill", "payments", "--from", "1", "--apply", "--json").stdout)
    assert (done["effects"], done["applied"]) == ({"payments.create_payment_intent": 2}, True)
    assert {"name": "payments", "starts_at": 1} in json.loads(run("policies", "list", "--json").stdout)
    refused(run("policies", "backfill", "nobody", "--from", "1"), 2, "choose from payments")
    misused(run("policies", "backfill", "payments"), "--from")


def test_catch_up_without_stripe_is_exit_code_3(run: Run, ledger: str) -> None:
    away = {"stripe_api_key": "sk_test_x", "stripe_api_base": "http://127.0.0.1:1"}
    refused(run("stripe", "catch-up", "--since", "1d", **away), 3, "Stripe cannot be reached")
