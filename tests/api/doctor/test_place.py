"""Room on the disks, and who may read what."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.doctor import place


@pytest.mark.parametrize(("free", "level"), [(5 << 30, "ok"), (1 << 29, "worrying"), (1 << 20, "wrong")])
def test_room_runs_out_in_steps(free: int, level: str) -> None:
    assert place.room(Path("/data"), free).level == level


def test_each_disk_is_told_once_also_for_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    [found] = place.disks((tmp_path / "no" / "such", tmp_path))
    assert str(tmp_path) in found.said


@pytest.mark.parametrize(("live", "level"), [(False, "worrying"), (True, "wrong")])
def test_a_data_directory_is_for_its_owner(tmp_path: Path, level: str, *, live: bool) -> None:
    data = tmp_path / "data"
    assert place.folder(data, live=live).level == "ok"
    data.mkdir(mode=0o700)
    assert place.folder(data, live=live).level == "ok"
    data.chmod(0o750)
    found = place.folder(data, live=live)
    assert (found.level, found.todo) == (level, f"chmod 700 {data}")


def test_secrets_that_everybody_can_read_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, mounted = tmp_path / "data", tmp_path / "key"
    data.mkdir()
    key = data / "jwt-ed25519.pem"
    for file in (key, mounted):
        file.touch(mode=0o600)
    environ = {"LIBERATION_STRIPE_API_KEY_FILE": str(mounted), "LIBERATION_DATABASE_URL_FILE": "/nowhere"}
    monkeypatch.setattr(place, "_passable", lambda folder: folder != data)
    assert place.secrets(data, environ).level == "ok"
    mounted.chmod(0o644)
    key.chmod(0o644)
    found = place.secrets(data, environ)
    assert (found.level, str(mounted) in found.said, str(key) in found.said) == ("wrong", True, False)
    monkeypatch.setattr(place, "_passable", lambda _: True)
    assert str(key) in place.secrets(data, environ).said
    for keyring, named in ((data / "licence-keys.json", "SCHEMA"), (tmp_path / "keys", "LICENCE_KEYS")):
        keyring.touch(mode=0o644)
        assert str(keyring) in place.secrets(data, {f"LIBERATION_{named}": str(keyring)}).said
