"""Settings from the environment, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.networks import Network
from api.serve.environment import environment
from api.settings import Settings, SettingsError, load


def test_without_any_variable_there_is_a_default_for_everything() -> None:
    assert load({"PATH": "/bin"}) == Settings()


def test_values_are_converted() -> None:
    settings = load(
        {
            "LIBERATION_PORT": "9000",
            "LIBERATION_DATA_DIR": "/var/lib/liberation",
            "LIBERATION_JWT_ALGORITHMS": "EdDSA",
            "LIBERATION_STRIPE_WEBHOOK_SECRET": "whsec_new, whsec_old",
            "LIBERATION_DELIVER_INLINE_TIMEOUT_S": "2.5",
            "LIBERATION_TRUSTED_PROXIES": "10.0.0.5, 2001:db8::/32",
        }
    )
    assert (settings.port, settings.data_dir) == (9000, Path("/var/lib/liberation"))
    assert settings.jwt_algorithms == ("EdDSA",)
    assert settings.stripe_webhook_secret == ("whsec_new", "whsec_old")
    assert settings.deliver_inline_timeout_s == 2.5
    assert settings.trusted_proxies == (Network("10.0.0.5"), Network("2001:db8::/32"))
    assert load(environment(settings, {})) == settings, "as a child process has them"


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk_live_abc\n")
    settings = load({"LIBERATION_STRIPE_API_KEY_FILE": str(file)})
    assert settings.stripe_api_key == "sk_live_abc"
    assert settings.live


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"LIBERATION_PROT": "1"}, "LIBERATION_PROT is no setting"),
        ({"LIBERATION_PORT": "http"}, "LIBERATION_PORT cannot be used: must be an integer."),
        ({"LIBERATION_PORT": "99999"}, "LIBERATION_PORT cannot be used: must be at most 65535"),
        ({"LIBERATION_IDEMPOTENCY_WAIT_S": "soon"}, "IDEMPOTENCY_WAIT_S cannot be used: must be a number."),
        ({"LIBERATION_WORKERS": "2.5"}, "LIBERATION_WORKERS cannot be used: must be an integer."),
        ({"LIBERATION_JWT_ISSUER": ""}, "JWT_ISSUER cannot be used: must have at least 1 character."),
        ({"LIBERATION_JWT_ALGORITHMS": "HS256"}, "JWT_ALGORITHMS cannot be used: must be one of EdDSA"),
        ({"LIBERATION_LOG_FORMAT": "xml"}, "LOG_FORMAT cannot be used: must be one of json, console"),
        ({"LIBERATION_STRIPE_API_KEY": "hunter2"}, "STRIPE_API_KEY cannot be used: must be a secret or"),
        (
            {"LIBERATION_STRIPE_WEBHOOK_SECRET": "hunter2"},
            "WEBHOOK_SECRET cannot be used: must be the signing",
        ),
        (
            {"LIBERATION_STRIPE_API_KEY_FILE": "/nowhere"},
            "names /nowhere, which cannot be read: No such file",
        ),
        ({"LIBERATION_PORT": "1", "LIBERATION_PORT_FILE": "/dev/null"}, "both set"),
        ({"LIBERATION_TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES cannot be used: 10.0.0.1/8 has host"),
        ({"LIBERATION_TRUSTED_PROXIES": "proxy"}, "LIBERATION_TRUSTED_PROXIES cannot be used: 'proxy'"),
        ({"LIBERATION_SCHEMA": 'x"; DROP'}, "LIBERATION_SCHEMA cannot be used: must be a name"),
        ({"LIBERATION_STRIPE_API_BASE": "stripe"}, "API_BASE cannot be used: must be an address"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(environ)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "regex" not in str(error.value)


def test_a_file_that_is_empty_is_no_setting(tmp_path: Path) -> None:
    """It would mean another database than the one that was meant."""
    empty = tmp_path / "url"
    empty.write_text(" \n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"DATABASE_URL_FILE names .*, which is empty"):
        load({"LIBERATION_DATABASE_URL_FILE": str(empty)})
    assert load({"LIBERATION_DATABASE_URL": "  "}) == Settings()


def test_secrets_are_not_shown() -> None:
    settings = Settings(
        stripe_api_key="sk_test_hunter2",
        stripe_webhook_secret=("whsec_hunter2",),
        database_url="postgresql://u:hunter2@h/d",
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert "port=8000" in repr(settings)


def test_every_setting_is_documented() -> None:
    for name in Settings.__struct_fields__:
        assert f"`{name}`" in (Settings.__doc__ or ""), name
