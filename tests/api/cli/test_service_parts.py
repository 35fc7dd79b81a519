"""What a service is put together from: settings handed on, ports, the sandbox's secret."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest

from api.serve.environment import environment
from api.serve.sandbox import KEY, Files, kept_sandbox
from api.serve.service import check
from api.serve.sockets import listen, port_of, url_of
from api.settings import Settings, SettingsError, load
from tests.service import liberation


def test_a_child_process_gets_exactly_the_parents_settings() -> None:
    settings = Settings(
        database_url="postgresql://x@/y?host=/a%20b",
        data_dir=Path("with space"),
        stripe_api_key="sk_test_1",
        stripe_webhook_secret=("whsec_1", "whsec_2"),
        workers=3,
        deliver_inline_timeout_s=1.5,
    )
    given = environment(settings, {"PATH": "/bin", "LIBERATION_SCHEMA": "of_the_parents_environment"})
    assert load(given) == settings
    assert given["PATH"] == "/bin"
    assert load(environment(Settings(), {})) == Settings()


def test_a_taken_port_is_told_or_the_next_one_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} on 127.0.0.1 is taken"):
            listen("127.0.0.1", port)
        with listen("127.0.0.1", port, or_next=True) as listener:
            assert port < port_of(listener) <= port + 20


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(SettingsError, match=r"Cannot listen on 192\.0\.2\.1 port 8000"):
        listen("192.0.2.1", 8000)
    with pytest.raises(SettingsError, match=r"Cannot listen on no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 8000)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104  only written, not bound
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_the_url_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert url_of(host, 80) == url


def test_a_key_without_a_webhook_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="LIBERATION_STRIPE_WEBHOOK_SECRET"):
        check(Settings(stripe_api_key="sk_live_1"))
    check(Settings(stripe_api_key="sk_live_1", stripe_webhook_secret=("whsec_1",)))


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
@pytest.mark.parametrize("command", ["serve", "serve --workers 2", "worker", "demo", "demo --fresh"])
def test_with_a_live_key_nothing_starts_on_a_key_made_here(tmp_path: Path, command: str, key: str) -> None:
    data, file = tmp_path / "data", tmp_path / "key"
    file.write_text(key, encoding="utf-8")
    env = {"LIBERATION_STRIPE_API_KEY_FILE": str(file), "LIBERATION_STRIPE_WEBHOOK_SECRET": "whsec_1"}
    refused = liberation(*command.split(), data_dir=data, env=env)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    said = "LIBERATION_JWKS" if "demo" not in command else "unset LIBERATION_STRIPE_API_KEY"
    assert said in refused.stderr
    assert not data.exists()


@pytest.mark.parametrize("command", ["serve", "serve --workers 2", "worker"])
def test_a_key_file_that_cannot_be_used_is_told_before_anything_starts(tmp_path: Path, command: str) -> None:
    refused = liberation(*command.split(), data_dir=tmp_path / "data", env={"LIBERATION_JWKS": "/nowhere"})
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "/nowhere" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_the_webhook_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    files = Files(tmp_path / "data")
    secret = files.webhook_secret()
    assert secret.startswith("whsec_")
    assert files.webhook_secret() == secret
    assert files.secret.stat().st_mode & 0o777 == 0o600
    assert list(files.folder.iterdir()) == [files.secret]
    assert files.folder.parent.stat().st_mode & 0o777 == 0o700, "nor may others look into what is above"


def test_serve_refuses_a_taken_port_before_it_makes_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = liberation("serve", data_dir=tmp_path / "data", env={"LIBERATION_PORT": port})
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "is taken" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_serve_needs_its_database(tmp_path: Path) -> None:
    env = {"LIBERATION_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
    refused = liberation("serve", data_dir=tmp_path / "data", env=env)
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1), refused.stderr
    assert "cannot be reached" in refused.stderr


async def test_a_service_on_another_port_is_told_what_the_old_one_was_not(tmp_path: Path) -> None:
    urls = [f"http://127.0.0.1:{port}/api/webhooks/stripe" for port in (1, 2)]
    for url in urls:
        async with kept_sandbox(tmp_path, url) as sandbox, aiohttp.ClientSession() as session:
            credential = {"Authorization": f"Bearer {KEY}"}
            async with session.get(f"{sandbox.url}/v1/webhook_endpoints", headers=credential) as answer:
                endpoints = (await answer.json())["data"]
            assert [endpoint["url"] for endpoint in endpoints] == [url, url]
            assert sum(endpoint["application"] is not None for endpoint in endpoints) == 1, "of accounts"
            async with kept_sandbox(tmp_path, url) as shared:
                assert (shared.url, shared.process) == (sandbox.url, None)
