"""`liberation licence-keys`: signing keys made, rotated, compromised and listed, and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from api.licence_keyring import KEYRING_FILE
from ledger.verifier import keys_of
from tests.api.cli.conftest import Run
from tests.api.cli.test_commands import refused


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("licence-keys", "list", "--json").stdout)["keys"]
    return found


def states(run: Run) -> list[str]:
    return [line.split()[1] for line in run("licence-keys", "list").stdout.splitlines()[1:]]


def test_keys_are_made_rotated_and_compromised(run: Run, tmp_path: Path) -> None:
    said = run("licence-keys", "new")
    [first] = listed(run)
    assert (said.exit_code, first["kid"] in said.stdout) == (0, True)
    assert "back that up" in said.stdout
    refused(run("licence-keys", "new"), 2, "is there already", "rotate")
    rotated = run("licence-keys", "rotate", "--after", "1d")
    _, second = listed(run)
    assert f"{second['kid']} is published, and signs in place of {first['kid']} from" in rotated.stdout
    assert states(run) == ["signs", "waits"]
    refused(run("licence-keys", "rotate"), 2, "waits to sign")
    ended = run("licence-keys", "compromise", first["kid"])
    assert f"{first['kid']} counts no more. {second['kid']} signs" in ended.stdout
    assert states(run) == ["compromised", "signs"]
    refused(run("licence-keys", "compromise", "0123"), 2, "There is no key 0123", second["kid"])
    kept = json.loads((tmp_path / "data" / KEYRING_FILE).read_text(encoding="ascii"))["keys"]
    shown = run("licence-keys", "list", "--json").stdout + run("licence-keys", "list").stdout
    assert not any(key["seed"] in shown + said.stdout + rotated.stdout + ended.stdout for key in kept)


def test_the_list_is_one_that_verifiers_take(run: Run) -> None:
    run("licence-keys", "new")
    [kid] = keys_of(run("licence-keys", "list", "--json").stdout)
    assert listed(run)[0]["kid"] == kid


def test_a_keyring_at_a_place_of_its_own_is_the_one_that_is_meant(run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "mounted" / "keys.json")
    assert run("licence-keys", "new", licence_keys=place).exit_code == 0
    assert "signs" in run("licence-keys", "list", licence_keys=place).stdout
    refused(run("licence-keys", "list"), 2, KEYRING_FILE, "cannot be used")
    refused(run("licence-keys", "rotate"), 2, KEYRING_FILE, "cannot be used")
