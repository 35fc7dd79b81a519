"""Nothing secret is told, whatever form it has and wherever it was given."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from api import log, redaction
from api.database_url import trouble_with
from api.redaction import is_suspicious, protect, redact, traceback_of
from api.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_given", set())
    monkeypatch.setattr(redaction, "_values", None)
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "text",
    [
        "connecting to postgresql://ann:hunter2@db.example:5432/books",
        "connecting to postgres://ann:hun@ter2 hunter2/@db.example/books",
        "https://ann:hunter2@issuer.example/jwks answers 403",
        "https:/ann:hunter2@issuer.example/jwks, taken for a path, is not there",
        "postgresql:/ann:hun@ter2 hunter2/@db/books, taken for a path, is not there",
        "host=db password=hunter2 port=5432",
        "host=db password = 'it\\'s hunter2' port=5432",
        "{'host': 'db', 'password': 'hunter2'}",
        '{"sslpassword": "hunter2"}',
        "Invalid API Key provided: sk_live_hunter2",
        "rk_test_hunter2, whsec_hunter2 and lk_hunter2",
        "pi_3cnn4pc9_secret_hunter2 was confirmed",
        "Authorization: Bearer hunter2hunter2",
        "eyJhbGciOiJFZERTQSJ9.hunter2.c2lnbmF0dXJl is expired",
        "key/eyJleHBpcmVzX2F0IjoxODMwMjk3NjAwLCJm.hunter2hunter2hunter2 is a licence's",
        "LIBERATION_STRIPE_API_KEY=hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
    ],
)
def test_what_has_the_form_of_a_secret_is_masked(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "***" in redact(text)
    assert is_suspicious(text), "the log asks this first"


@pytest.mark.parametrize(
    "text",
    [
        "LIBERATION_STRIPE_API_KEY is set without LIBERATION_STRIPE_WEBHOOK_SECRET: none would be taken",
        "API http://127.0.0.1:8000, position 3816 of payment-pay_01a205820a0a73759e7eb1ca4ba2cbff",
        "connection to server at 127.0.0.1, port 5432 failed: password authentication failed for user ann",
        "The demo runs already on .liberation: stop it, or choose another with --data-dir.",
    ],
)
def test_what_is_none_is_told(text: str) -> None:
    assert redact(text) == text


def test_what_was_given_as_a_secret_is_masked_wherever_it_comes_up() -> None:
    protect(["postgresql://ann:correct%20horse@db/books", "stapled-battery", ""])
    said = "no host called correct horse, none called correct%20horse, and ann has stapled-battery"
    assert redact(said) == "no host called ***, none called ***, and ann has ***"


@pytest.mark.parametrize(
    "url",
    [
        "host=db password=correct-horse user=ann",
        "password = 'correct-horse' host=db",
        r"host=db password='correct\-horse'",
        "postgresql://ann@db/books?password=correct%2Dhorse&sslmode=require",
    ],
)
def test_the_password_of_a_database_is_known_however_it_is_written(url: str) -> None:
    protect([url])
    assert redact("no user called correct-horse") == "no user called ***"


def test_what_settings_hold_as_secret_is_masked_from_then_on() -> None:
    load(
        {
            "LIBERATION_DATABASE_URL": "postgresql://ann:stapled-battery@db/books",
            "LIBERATION_STRIPE_API_KEY": "sk_test_of_ours",
            "LIBERATION_STRIPE_WEBHOOK_SECRET": "whsec_new, whsec_old",
        }
    )
    for secret in ("stapled-battery", "_sk_test_of_ours", "_whsec_new", "_whsec_old"):
        assert secret.lstrip("_") not in redact(f"it was {secret}"), "by its value, not by its form"


def test_a_traceback_has_no_secret_of_any_of_its_causes() -> None:
    error = ValueError("sk_test_hunter2")
    error.__cause__ = OSError("cannot reach postgres://ann:hunter2@db")
    told = traceback_of(error)
    assert "ValueError: sk_test_***" in told
    assert "OSError: cannot reach postgres://ann:***@db" in told


class NewApiKeyAsItIs(msgspec.Struct):
    key: str


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_log_has_no_secret_in_any_field_or_exception(log_format: str) -> None:
    out = io.BytesIO()
    log.configure(Settings(log_format=log_format), out)  # type: ignore[arg-type]  # one of the two
    structlog.get_logger().error(
        "trouble",
        error=RuntimeError("sk_live_hunter2"),
        tried=[{"url": "postgres://u:hunter2@h"}],
        key=NewApiKeyAsItIs(key="lk_hunter2"),
        exc_info=ValueError("postgresql://ann:hunter2@db/books"),
    )
    said = out.getvalue().decode()
    assert "hunter2" not in said
    assert said.count("***") >= 3
    if log_format == "json":
        assert json.loads(said)["tried"] == [{"url": "postgres://u:***@h"}]


WRONG_URLS = {
    "postgres://ann:hunter2 x@db/books": "a space",
    "postgres://ann:hunter2%@db/books": "a % in it",
    "postgres://ann:hun%zzhunter2@db/books": "a % in it",
    "postgres://ann:pw@hunter2@db/books": "an @ or a /",
    "postgres://ann:12/hunter2@db/books": "an @ or a /",
    "postgres://ann:hunter2/x@db/books": "an @ or a /",
    "postgres://ann:pw#hunter2:@::1/books": "its port",
    "postgres://ann:hunter2@[::1/books": "in brackets",
    "postgres://ann:hunter2@[::1]5432/books": "after an IPv6",
    "postgres://ann:hunter2@db:port/books": "its port",
    "postgres://ann:hunter2@db:99999/books": "its port",
    "postgres://ann:hunter2@db/books?hunter2=1": "a parameter that",
    "postgres://ann:hunter2@db/books?hunter2": "name=value",
    "mysql://ann:hunter2@db/books": "neither a URL",
    "hunter2": "neither a URL",
    "host=x password=my hunter2": "neither a URL",
    "host=x password=secret port=hunter2": "its port",
    "host=x password='hunter2": "a quote",
    "host=x password=pw hunter2=1": "a parameter that",
    "host=x connect_timeout=hunter2": "connect_timeout",
}


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_database_url_that_cannot_be_read_is_told_in_a_line_without_any_of_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"LIBERATION_DATABASE_URL": url})
    said = str(caught.value)
    assert said.startswith("LIBERATION_DATABASE_URL cannot be used: ")
    assert WRONG_URLS[url] in said
    assert "hunter2" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:p%40ss%2Fw%25rd@db.example:5432/books",
        "postgresql://ann:pass?word#1@db/books",
        "postgres://ann@[::1]:5432/books?sslmode=require",
        "postgresql://a,b:5432,5433/books?target_session_attrs=read-write",
        "postgresql:///books?host=/run/postgresql&user=ann@books",
        "host=/run/postgresql dbname=books password='with a space'",
        "service=books",
    ],
)
def test_what_libpq_can_read_is_taken(url: str) -> None:
    assert trouble_with(url) == ""


@pytest.mark.parametrize("secret", ["postgres://ann:hunter2@db/books", "sk_live_hunter2", "whsec_hunter2"])
def test_a_secret_given_as_the_name_of_a_file_is_not_told(secret: str) -> None:
    for name in ("DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"):
        with pytest.raises(SettingsError, match="cannot be read") as caught:
            load({f"LIBERATION_{name}_FILE": secret})
        assert "hunter2" not in str(caught.value)


def test_what_is_logged_during_a_command_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    try:
        log.configure_for_command()
        structlog.get_logger().warning("trouble", why="postgres://ann:hunter2@db")
        logging.getLogger("some.package").warning("cannot connect to %s", "postgres://ann:hunter2@db")
        structlog.get_logger().info("all is well")
    finally:
        root.handlers[:] = before
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("postgres://ann:***@db") == 2
    assert "all is well" not in told.err


def test_a_secret_with_quotes_is_found_in_a_line_of_json() -> None:
    protect(['say "friend" and enter'])
    out = io.BytesIO()
    log.configure(Settings(), out)
    structlog.get_logger().error("trouble", why='they say "friend" and enter')
    assert json.loads(out.getvalue())["why"] == "they ***"
