"""Whether licences can be signed."""

from __future__ import annotations

from pathlib import Path

from api.doctor import licence_keys
from api.settings import Settings
from ledger.licence_keys import file
from tests.ledger.licence_key_examples import ISSUED, KEYRING, PRESENT


def test_a_keyring_is_told_by_the_key_that_signs(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    named = Settings(data_dir=tmp_path / "data", licence_keys=str(path))
    assert licence_keys.examine(named, ISSUED).level == "wrong"
    assert licence_keys.examine(Settings(data_dir=tmp_path / "data"), ISSUED).level == "ok"
    file.make(path, KEYRING)
    found = licence_keys.examine(named, ISSUED)
    assert (found.level, PRESENT.kid in found.said) == ("ok", True)


def test_one_that_is_damaged_or_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{}", encoding="ascii")
    named = Settings(data_dir=tmp_path, licence_keys=str(path))
    found = licence_keys.examine(named, ISSUED)
    assert (found.level, "backup" in found.todo) == ("wrong", True)
    path.unlink()
    path.mkdir()
    assert licence_keys.examine(named, ISSUED).level == "wrong"
