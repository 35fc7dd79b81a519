"""What the database is, and what the service's login may do there."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.doctor import database
from ledger.store import grants
from tests.api.doctor.conftest import Told

Connection = psycopg.Connection[Any]
Login = Callable[[str], str]
MEMBER = "IN ROLE liberation_application"


def examine(url: str, **more: Any) -> list[Any]:
    return database.examine(url, more.pop("schema", "liberation"), live=more.pop("live", False))


def levels(findings: list[Any]) -> dict[str, str]:
    return {finding.check: finding.level for finding in findings}


def test_a_login_as_it_should_be_has_nothing_wrong(login: Login) -> None:
    found = levels(examine(login(MEMBER)))
    assert found.pop("database.durability") == "worrying", "the tests' server gives it up for speed"
    assert set(found.values()) == {"ok"}
    assert len(found) == 7


def test_a_login_that_does_not_inherit_is_as_good(login: Login) -> None:
    assert levels(examine(login(f"NOINHERIT {MEMBER}")))["database.migrations"] == "ok"


@pytest.mark.parametrize(("live", "level"), [(False, "worrying"), (True, "wrong")])
def test_an_owner_is_wrong_where_real_money_moves(
    database_url: str, of: Told, level: str, *, live: bool
) -> None:
    found = of(examine(database_url, live=live), "database.login")
    assert (found.level, "superuser" in found.said) == (level, True)
    assert "IN ROLE liberation_application" in found.todo


def test_who_owns_the_schema_is_an_owner_too(owner: Connection, login: Login, of: Told) -> None:
    url = login(MEMBER)
    name = psycopg.conninfo.conninfo_to_dict(url)["user"]
    owner.execute(f"ALTER SCHEMA liberation OWNER TO {name}".encode())
    assert "owns the ledger" in of(examine(url), "database.login").said
    owner.execute("ALTER SCHEMA liberation OWNER TO CURRENT_USER")


def test_all_that_is_missing_is_told_at_once_and_no_auditors_role_for_the_service(
    owner: Connection, login: Login, of: Told
) -> None:
    url = login("")
    name = psycopg.conninfo.conninfo_to_dict(url)["user"]
    owner.execute("REVOKE EXECUTE ON FUNCTION liberation.append FROM liberation_application")
    owner.execute("REVOKE SELECT ON liberation.head FROM liberation_application, liberation_auditor")
    owner.execute("REVOKE USAGE ON SCHEMA liberation FROM liberation_application")
    found = of(examine(url), "database.grants")
    assert found.level == "wrong"
    for statement in (
        f'GRANT liberation_application TO "{name}"',
        'GRANT EXECUTE ON FUNCTION "liberation".append TO liberation_application',
        'GRANT SELECT ON "liberation".head TO liberation_application',
        'GRANT SELECT ON "liberation".head TO liberation_auditor',
        'GRANT USAGE ON SCHEMA "liberation" TO liberation_application',
    ):
        assert statement in found.todo
    assert "GRANT liberation_auditor" not in found.todo
    for statement in found.todo.partition(": ")[2].split(";"):
        owner.execute(statement.encode())
    assert of(examine(url), "database.grants").level == "ok", "what it says mends it"


def test_what_auditors_lack_keeps_nobody_from_serving(owner: Connection, login: Login, of: Told) -> None:
    owner.execute("REVOKE SELECT ON liberation.event_log FROM liberation_auditor")
    owner.execute("REVOKE SELECT (name) ON liberation.api_keys FROM liberation_auditor")
    found = of(examine(login(MEMBER)), "database.grants")
    assert found.level == "worrying"
    assert 'GRANT SELECT (name) ON "liberation".api_keys TO liberation_auditor' in found.todo


def test_grants_are_read_from_the_migrations_whole(owner: Connection) -> None:
    wanted = {(grant.role, grant.privilege, grant.name) for grant in grants.wanted()}
    held = owner.execute(
        "SELECT grantee, privilege_type, table_name FROM information_schema.role_table_grants "
        "WHERE table_schema = 'liberation' AND grantee LIKE 'liberation\\_%'"
    ).fetchall()
    assert held
    assert set(held) <= wanted


def test_a_role_that_is_not_there_is_made(
    owner: Connection, login: Login, of: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "missing_roles", lambda _: ["liberation_application", "liberation_auditor"])
    found = of(examine(login("")), "database.grants")
    for role in ("liberation_application", "liberation_auditor"):
        assert f"CREATE ROLE {role} NOLOGIN" in found.todo


@pytest.mark.parametrize("who", ["liberation_application", "PUBLIC"])
def test_whoever_could_change_a_fact_is_found(owner: Connection, login: Login, of: Told, who: str) -> None:
    url = login(MEMBER)
    owner.execute(f"GRANT DELETE, UPDATE ON liberation.events TO {who}".encode())
    found = of(examine(url), "database.facts")
    assert found.level == "wrong"
    owner.execute(found.todo.partition(": ")[2].encode())
    assert of(examine(url), "database.facts").level == "ok"


def test_a_ledger_that_is_not_there_or_older_is_told_to_migrate(
    owner: Connection, login: Login, of: Told
) -> None:
    url = login(MEMBER)
    found = of(examine(url, schema="elsewhere"), "database.migrations")
    assert (found.level, "elsewhere" in found.said) == ("wrong", True)
    owner.execute("DELETE FROM liberation.migrations WHERE component = 'api'")
    found = of(examine(url), "database.migrations")
    assert "older" in found.said
    assert "api/0001_api" in found.said
    assert "liberation migrate" in found.todo


def test_nothing_is_said_of_a_ledger_that_is_not_there(login: Login) -> None:
    found = levels(examine(login(MEMBER), schema="elsewhere"))
    assert found["database.migrations"] == "wrong"
    assert {check for check, level in found.items() if level == "skipped"} == {
        "database.login", "database.grants", "database.facts",
    }  # fmt: skip


def test_a_schema_without_tables_is_no_ledger(owner: Connection, login: Login) -> None:
    owner.execute("CREATE SCHEMA barren")
    assert levels(examine(login(MEMBER), schema="barren"))["database.facts"] == "skipped"


@pytest.mark.parametrize("clauses", ["", "NOINHERIT "])
def test_an_auditors_login_is_known_and_not_told_to_become_the_services(
    login: Login, of: Told, clauses: str
) -> None:
    found = examine(login(f"{clauses}IN ROLE liberation_auditor"))
    assert of(found, "database.login").level == "worrying"
    assert "is an auditor's login" in of(found, "database.login").said
    assert "GRANT liberation_application" not in repr(found)
    assert {levels(found)[f"database.{check}"] for check in ("migrations", "grants", "facts")} == {"ok"}


def test_drift_and_a_newer_database_are_told(owner: Connection, login: Login, of: Told) -> None:
    url = login(MEMBER)
    owner.execute("INSERT INTO liberation.migrations VALUES ('api', 99, 'of_tomorrow', '')")
    assert "api/0099_of_tomorrow" in of(examine(url), "database.migrations").said
    owner.execute("DELETE FROM liberation.migrations WHERE number = 99")
    owner.execute("UPDATE liberation.migrations SET sha256 = 'x' WHERE component = 'ledger'")
    assert "drift" in of(examine(url), "database.migrations").said


def test_a_database_that_is_away_is_one_finding() -> None:
    [found] = examine("postgresql://nobody@127.0.0.1:1/nothing")
    assert (found.level, found.reached) == ("wrong", False)
    [found] = examine("postgresql://user:hunter2@h:port:port/x=")
    assert (found.level, "hunter2" in repr(found)) == ("wrong", False)


def test_an_old_server_and_another_encoding_are_wrong(owner: Connection, server: str) -> None:
    old: Any = SimpleNamespace(info=SimpleNamespace(server_version=140_011))
    assert database.server(old).said == "It is PostgreSQL 14.11, which is too old."
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(
            "CREATE DATABASE in_latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        )
        with psycopg.connect(make_conninfo(server, dbname="in_latin")) as latin:
            assert database.encoding(latin).level == "wrong"
        conn.execute("DROP DATABASE in_latin")


@pytest.mark.parametrize(("live", "level"), [(False, "worrying"), (True, "wrong")])
def test_a_server_that_may_lose_what_it_acknowledged(
    database_url: str, of: Told, level: str, *, live: bool
) -> None:
    found = of(examine(database_url, live=live), "database.durability")
    assert (found.level, "fsync, full_page_writes" in found.said) == (level, True)


def test_a_server_that_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch, owner: Connection) -> None:
    monkeypatch.setattr(database, "_one", lambda *_: "on")
    assert database.durability(owner, live=True).level == "ok"
