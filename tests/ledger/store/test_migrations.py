from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.store import MigrationError, Store, migrate, migrations
from ledger.store.migrations import Migration


@pytest.fixture
def empty_url(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("DROP SCHEMA liberation CASCADE")
    return database_url


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Migration]]:
    """What stands in the schema folders of two made-up components."""
    found = {
        "one": [Migration("one", 1, "a", "CREATE TABLE a (x int)")],
        "two": [Migration("two", 1, "b", "CREATE TABLE b AS SELECT x FROM a")],
    }
    monkeypatch.setattr(migrations, "find_migrations", lambda component: found[component])
    return found


def run(url: str, **settings: Any) -> list[str]:
    return [str(migration) for migration in migrate(url, components=("one", "two"), **settings)]


def test_the_whole_schema_is_made_once(empty_url: str) -> None:
    made = migrate(empty_url)
    assert str(made[0]) == "ledger/0001_store"
    assert migrate(empty_url) == []


def test_several_ledgers_live_in_one_database(empty_url: str) -> None:
    assert migrate(empty_url, schema="first")
    assert migrate(empty_url, schema="second")
    with psycopg.connect(empty_url) as conn:
        ids = conn.execute(
            "SELECT ledger_id FROM first.head UNION SELECT ledger_id FROM second.head"
        ).fetchall()
    assert len(ids) == 2


def test_files_run_in_order_and_only_new_ones(empty_url: str, files: dict[str, list[Migration]]) -> None:
    assert run(empty_url) == ["one/0001_a", "two/0001_b"]
    files["one"].append(Migration("one", 2, "c", "ALTER TABLE a ADD y int"))
    assert run(empty_url) == ["one/0002_c"]


def test_a_file_that_was_changed_after_it_ran_is_drift(
    empty_url: str, files: dict[str, list[Migration]]
) -> None:
    run(empty_url)
    files["two"][0] = Migration("two", 1, "b", "CREATE TABLE b (z int)")
    with pytest.raises(MigrationError, match=r"two/0001_b was changed after it ran here"):
        run(empty_url)


def test_a_database_that_is_newer_than_the_service_is_refused(
    empty_url: str, files: dict[str, list[Migration]]
) -> None:
    run(empty_url)
    files["two"].clear()
    with pytest.raises(MigrationError, match="does not know"):
        run(empty_url)


def test_a_file_that_fails_leaves_nothing_behind(empty_url: str, files: dict[str, list[Migration]]) -> None:
    files["two"][0] = Migration("two", 1, "b", "CREATE TABLE c (x int); SELECT 1/0")
    with pytest.raises(MigrationError, match="two/0001_b failed and was rolled back"):
        run(empty_url)
    files["two"][0] = Migration("two", 1, "b", "CREATE TABLE c (x int)")
    assert run(empty_url) == ["two/0001_b"]


def test_processes_that_start_at_once_wait_for_each_other(
    empty_url: str, files: dict[str, list[Migration]]
) -> None:
    done: list[str] = []
    threads = [threading.Thread(target=lambda: done.extend(run(empty_url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["one/0001_a", "two/0001_b"]


def test_a_lock_that_is_never_released_is_said_so(empty_url: str, files: dict[str, list[Migration]]) -> None:
    with psycopg.connect(empty_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('liberation migrations liberation', 0))")
        with pytest.raises(MigrationError, match="another process has been migrating"):
            run(empty_url, lock_timeout_s=0.05)


def test_a_server_that_is_not_there_is_said_so() -> None:
    with pytest.raises(MigrationError, match="cannot be reached"):
        migrate("host=127.0.0.1 port=1 dbname=x connect_timeout=2")


def test_a_user_who_may_not_make_roles_is_told_what_to_ask_for(server: str, empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as conn:
        name = conn.info.dbname
        conn.execute("CREATE ROLE plain_user LOGIN")
        conn.execute(f'GRANT CREATE ON DATABASE "{name}" TO plain_user'.encode())
        try:
            with pytest.raises(MigrationError, match="ask an administrator to run") as error:
                migrate(make_conninfo(empty_url, user="plain_user"))
            for role in ("liberation_application", "liberation_auditor"):
                assert f'GRANT {role} TO "plain_user"' in str(error.value), "all at once"
            assert "service's own login need not" in str(error.value)
        finally:
            conn.execute("DROP OWNED BY plain_user")
            conn.execute("DROP ROLE plain_user")


@pytest.fixture
def service_url(database_url: str) -> Iterator[str]:
    """As the service should log in: a member of the application's role, and owner of nothing."""
    name = f"service_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN NOINHERIT IN ROLE liberation_application".encode())
        yield make_conninfo(database_url, user=name)
        conn.execute(f"DROP ROLE {name}".encode())


async def test_a_service_that_owns_nothing_starts_on_a_migrated_database(service_url: str) -> None:
    assert migrate(service_url) == []
    async with Store.open(service_url) as store:
        assert await store.head() == 0


def test_a_service_that_owns_nothing_is_told_who_must_migrate(
    database_url: str, service_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = migrations.find_migrations
    newer = {"ledger": [Migration("ledger", 9999, "new", "CREATE TABLE a (x int)")]}
    monkeypatch.setattr(migrations, "find_migrations", lambda name: shipped(name) + newer.get(name, []))
    with pytest.raises(MigrationError, match=r"ledger/9999_new has not run yet.*as the schema's owner"):
        migrate(service_url)
    assert [str(one) for one in migrate(database_url)] == ["ledger/9999_new"]
    assert migrate(service_url) == []


def test_a_stranger_to_the_schema_is_told_what_is_missing(database_url: str, service_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        user = conninfo_to_dict(service_url)["user"]
        conn.execute(f"REVOKE liberation_application FROM {user}".encode())
    with pytest.raises(MigrationError, match="GRANT liberation_application TO"):
        migrate(service_url)
