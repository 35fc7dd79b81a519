"""The keyring as a process has it: made for development, read again when it was changed, and never told."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import pytest

from api import redaction
from api.clock import SystemClock
from api.known_licence_keys import KnownLicenceKeys
from api.licence_keyring import KEYRING_FILE, LicenceKeyring, LicenceKeysUnavailable
from api.redaction import redact
from api.settings import Settings, SettingsError
from ledger.licence_keys import file
from ledger.licence_keys.keyring import compromised, made, rotated
from ledger.licence_keys.signing import key_of
from ledger.verifier import check_key, keys_of
from tests.api.conftest import OpenApp
from tests.api.support import Running, problem
from tests.ledger.licence_key_examples import EXPIRES_S, ISSUED, ISSUED_S, KEYRING, PRESENT, key_claims

CLOCK = SystemClock()
ADDRESS = "/.well-known/license-keys"


def test_it_is_made_at_first_use_and_is_the_same_ever_after(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    keyring = LicenceKeyring(settings, CLOCK)
    assert not settings.data_dir.exists(), "nothing is made before it is needed"
    text = key_of(key_claims(), keyring.signing())
    assert key_of(key_claims(), LicenceKeyring(settings, CLOCK).signing()) == text


def test_none_is_made_where_real_money_moves_or_its_place_is_named(tmp_path: Path) -> None:
    live = LicenceKeyring(Settings(data_dir=tmp_path, stripe_api_key="sk_live_1"), CLOCK)
    assert live.published() is None
    with pytest.raises(LicenceKeysUnavailable):
        live.signing()
    assert list(tmp_path.iterdir()) == []
    named = Settings(data_dir=tmp_path, licence_keys=str(tmp_path / "keys.json"))
    with pytest.raises(SettingsError, match=r"LICENCE_KEYS names .*keys.json, which .*licence-keys new"):
        LicenceKeyring(named, CLOCK)
    (tmp_path / "keys.json").write_text("{}", encoding="ascii")
    with pytest.raises(SettingsError, match="LICENCE_KEYS cannot be used"):
        LicenceKeyring(named, CLOCK)
    (tmp_path / "keys.json").unlink()
    file.make(tmp_path / "keys.json", KEYRING)
    assert LicenceKeyring(named, CLOCK).signing() == KEYRING


def test_a_change_is_seen_without_a_restart(tmp_path: Path) -> None:
    """And whatever was signed is weighed anew, by the new list."""
    keyring = LicenceKeyring(Settings(data_dir=tmp_path), CLOCK)
    keyring.signing()
    before = keyring.signing()
    keyring.known.remember("key/a", key_claims())
    assert keyring.published() == before
    assert keyring.known.recall("key/a") == key_claims()
    after = file.change(tmp_path / KEYRING_FILE, lambda found: rotated(found, CLOCK.now(), timedelta(days=1)))
    assert keyring.signing() == after != before
    assert keyring.known.recall("key/a") is None


def test_of_known_keys_those_that_were_asked_about_last_stay_and_none_is_kept_as_it_is() -> None:
    known = KnownLicenceKeys(size=2)
    for key in ("key/a", "key/b"):
        known.remember(key, key_claims())
    assert known.recall("key/a") == key_claims()
    known.remember("key/c", key_claims())
    assert [known.recall(key) is not None for key in ("key/a", "key/b", "key/c")] == [True, False, True]
    known.forget("key/a")
    known.forget("key/none")
    assert known.recall("key/a") is None
    assert "key/" not in repr(vars(known))


@pytest.mark.parametrize("content", ["", "{}", None])
def test_one_that_is_damaged_or_gone_leaves_what_was_read_before(content: str | None, tmp_path: Path) -> None:
    keyring = LicenceKeyring(Settings(data_dir=tmp_path), CLOCK)
    known = keyring.signing()
    path = tmp_path / KEYRING_FILE
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="ascii")
    assert keyring.signing() == known
    assert keyring.signing() == known
    assert path.exists() is (content is not None), "none is made in its place"


def test_its_secrets_are_no_longer_told_once_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_given", set())
    monkeypatch.setattr(redaction, "_values", None)
    file.make(tmp_path / KEYRING_FILE, KEYRING)
    LicenceKeyring(Settings(data_dir=tmp_path), CLOCK).signing()
    assert redact(f"seed {b64encode(PRESENT.seed).decode()}") == "seed ***"


async def test_whoever_has_the_published_list_verifies_what_is_signed(app: Running) -> None:
    answer = await app.client.get(ADDRESS)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=300")
    [listed] = answer.json()["keys"]
    assert listed.keys() == {"kid", "alg", "public_key", "created_at", "retired_at", "compromised_at"}
    text = key_of(key_claims(), app.services.licence_keyring.signing())
    assert check_key(text, keys_of(answer.content), ISSUED_S).valid
    again = await app.client.get(ADDRESS, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_what_is_rotated_and_compromised_is_published_at_once(
    open_app: OpenApp, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    first = file.make(path, made(ISSUED))
    app = await open_app(licence_keys=str(path))
    text = key_of(key_claims(), first)

    async def code() -> str:
        return check_key(text, keys_of((await app.client.get(ADDRESS)).content), EXPIRES_S - 1).code

    file.change(path, lambda keyring: rotated(keyring, ISSUED, timedelta(days=1)))
    assert len((await app.client.get(ADDRESS)).json()["keys"]) == 2
    assert await code() == "valid"
    file.change(path, lambda keyring: compromised(keyring, first.keys[0].kid, CLOCK.now()))
    assert await code() == "compromised_kid"


async def test_without_a_keyring_the_list_is_empty_and_with_a_damaged_one_it_is_503(
    open_app: OpenApp, tmp_path: Path
) -> None:
    app = await open_app(data_dir=tmp_path / "other")
    app.replace(
        licence_keyring=LicenceKeyring(
            Settings(data_dir=tmp_path / "live", stripe_api_key="sk_live_1"), CLOCK
        )
    )
    assert (await app.client.get(ADDRESS)).json() == {"keys": []}
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / KEYRING_FILE).write_text(json.dumps({"keys": "secret"}), encoding="ascii")
    for _ in range(2):
        answer = await app.client.get(ADDRESS)
        assert answer.status_code == 503
        assert problem(answer)["code"] == "licence_keys_unavailable"
        assert "secret" not in answer.text
