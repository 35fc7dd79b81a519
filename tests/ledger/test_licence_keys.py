"""Which key signs what: rotated with overlap, compromised for good, and the same text each time."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.licence_keys import file
from ledger.licence_keys.keyring import Keyring, KeyringError, compromised, made, rotated
from ledger.licence_keys.signing import SignedByCompromisedKey, answer_of, file_of, key_of
from ledger.private_files import replace_file
from ledger.verifier import check_answer, check_file, check_key
from ledger.verifier.form import NotOneForm
from tests.ledger.licence_key_examples import (
    EXPIRES_S,
    ISSUED,
    ISSUED_S,
    KEYRING,
    LEAKED,
    NONCE,
    PRESENT,
    answer_claims,
    file_claims,
    key_claims,
    trusted,
)

DAY = timedelta(days=1)
AT = ISSUED + timedelta(milliseconds=400)


def code(keyring: Keyring, text: str, at: int = ISSUED_S) -> str:
    return check_key(text, trusted(keyring), at).code


def seconds(days: int) -> int:
    return ISSUED_S + days * 86_400


def test_the_same_claims_make_the_same_key_at_any_later_time() -> None:
    """So that it is kept nowhere: the facts and the private key have it."""
    first = made(AT)
    text = key_of(key_claims(), first)
    later = rotated(first, AT + 100 * DAY, DAY)
    assert key_of(key_claims(), later) == text
    assert key_of(key_claims(), rotated(later, AT + 200 * DAY, DAY)) == text


def test_keys_rotate_with_overlap() -> None:
    """What k1 signed is good to its end, and what is new is k2's, once verifiers had time to learn of it."""
    first = made(AT)
    [k1] = first.keys
    keyring = rotated(first, AT + 10 * DAY, 7 * DAY)
    _, k2 = keyring.keys
    assert (keyring.keys[0].retired_at, k2.created_at) == (ISSUED + 17 * DAY, ISSUED + 10 * DAY)
    signers = [keyring.signing(ISSUED + days * DAY).kid for days in (0, 10, 16, 17, 400)]
    assert signers == [k1.kid, k1.kid, k1.kid, k2.kid, k2.kid]
    assert code(keyring, key_of(key_claims(), first), EXPIRES_S - 1) == "valid"
    new = key_of(key_claims(issued_at=seconds(17)), keyring)
    assert code(keyring, new, seconds(17)) == "valid"
    assert code(first, new, seconds(17)) == "unknown_kid", "a verifier with an old list asks for a new one"


def test_a_key_signs_nothing_after_it_has_retired() -> None:
    first = made(AT)
    keyring = rotated(first, AT, DAY)
    late = key_of(key_claims(issued_at=seconds(1)), first)
    assert code(first, late, seconds(1)) == "valid"
    assert code(keyring, late, seconds(1)) == "retired_kid"


def test_nothing_that_a_compromised_key_signed_counts() -> None:
    """Whenever that says it was issued, as who has the key writes what they like."""
    first = made(AT)
    [k1] = first.keys
    text = key_of(key_claims(), first)
    keyring = compromised(first, k1.kid, AT + 10 * DAY)
    assert code(keyring, text) == "compromised_kid"
    with pytest.raises(SignedByCompromisedKey, match=k1.kid):
        key_of(key_claims(), keyring)
    anew = key_claims(serial=2, issued_at=seconds(10))
    assert code(keyring, key_of(anew, keyring), seconds(10)) == "valid"
    assert compromised(keyring, k1.kid, AT + 20 * DAY) == keyring


def test_a_key_that_waits_to_sign_takes_over_from_a_compromised_one() -> None:
    keyring = rotated(made(AT), AT, 7 * DAY)
    k1, k2 = (key.kid for key in keyring.keys)
    after = compromised(keyring, k1, AT + DAY)
    assert [key.kid for key in after.keys] == [k1, k2]
    assert after.signing(ISSUED + DAY).kid == k2
    waiting = compromised(keyring, k2, AT + DAY)
    assert waiting.signing(ISSUED + 6 * DAY).kid == k1
    assert waiting.signing(ISSUED + 7 * DAY).kid not in {k1, k2}
    assert waiting.keys[1].retired_at == ISSUED + 7 * DAY, "the times at which keys retire stay in order"


def test_one_rotation_waits_for_the_other() -> None:
    keyring = rotated(made(AT), AT, 7 * DAY)
    with pytest.raises(KeyringError, match="waits to sign"):
        rotated(keyring, AT + DAY, DAY)
    assert len(rotated(keyring, AT + 7 * DAY, DAY).keys) == 3
    with pytest.raises(KeyringError, match="no key 0123"):
        compromised(keyring, "0123", AT)


steps = st.lists(
    st.tuples(st.sampled_from(["rotate", "compromise"]), st.integers(0, 40), st.integers(0, 9)), max_size=8
)


@for_all(steps)
def test_whatever_is_done_there_is_a_good_key_for_what_is_new(done: list[tuple[str, int, int]]) -> None:
    now, keyring = AT, made(AT)
    for step, days, number in done:
        now += days * DAY
        if step == "compromise":
            keyring = compromised(keyring, keyring.keys[number % len(keyring.keys)].kid, now)
        elif keyring.signing(now) is keyring.keys[-1]:
            keyring = rotated(keyring, now, number * DAY)
    issued_at = int(now.timestamp())
    claims = key_claims(issued_at=issued_at, expires_at=issued_at + 1_000)
    assert code(keyring, key_of(claims, keyring), issued_at) == "valid"
    retired = [key.retired_at for key in keyring.keys[:-1]]
    assert retired == sorted(filter(None, retired))
    assert keyring.keys[-1].retired_at is None


def test_a_file_and_an_answer_end_with_their_licence() -> None:
    """Cut to its end rather than refused: whoever asks on its last day gets what is left of it."""
    file_text = file_of(file_claims(valid_until=EXPIRES_S + 5), KEYRING)
    told = check_file(file_text, trusted(), ISSUED_S).claims
    assert told is not None
    assert told.valid_until == ISSUED_S + 90 * 86_400
    answer = answer_of(answer_claims(expires_at=ISSUED_S + 5), KEYRING)
    said = check_answer(answer, trusted(), ISSUED_S, nonce=NONCE).claims
    assert said is not None
    assert said.valid_until == ISSUED_S + 5


@pytest.mark.parametrize(
    "changes",
    [
        {"licence_id": "lic é"},
        {"features": ("white_label", "sso")},
        {"seats": -1},
        {"expires_at": ISSUED_S},
        {"features": tuple(f"{'x' * 90}{number}" for number in range(10, 90))},
    ],
)
def test_nothing_is_signed_that_no_verifier_would_take(changes: dict[str, object]) -> None:
    with pytest.raises(NotOneForm):
        key_of(key_claims(**changes), KEYRING)


def test_what_a_compromised_key_would_have_to_sign_is_not_signed() -> None:
    assert LEAKED.retired_at is not None
    old = int(LEAKED.retired_at.timestamp()) - 1
    with pytest.raises(SignedByCompromisedKey):
        key_of(key_claims(issued_at=old), KEYRING)


def test_a_private_key_is_in_its_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "licence-keys.json"
    kept = file.make(path, KEYRING)
    assert kept == KEYRING == file.read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for shown in (repr(KEYRING), str(PRESENT), f"{KEYRING.keys}"):
        assert repr(PRESENT.seed)[2:-1] not in shown
        assert PRESENT.kid in shown


def test_of_two_that_make_a_keyring_one_does(tmp_path: Path) -> None:
    path = tmp_path / "licence-keys.json"
    first = file.make(path, made(AT))
    assert file.make(path, made(AT)) == first


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    """A lost one would be a private key that was published and is gone."""
    path = tmp_path / "licence-keys.json"
    file.make(path, made(AT))

    def rotate(_: int) -> None:
        file.change(path, lambda keyring: rotated(keyring, AT, timedelta(0)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rotate, range(16)))
    assert len(file.read(path).keys) == 17
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        ".licence-keys.json.lock",
        "licence-keys.json",
    ]


def test_a_change_that_fails_leaves_the_keyring_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "licence-keys.json"
    before = file.make(path, made(AT))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.change(path, lambda keyring: rotated(keyring, AT, DAY))
    assert file.read(path) == before
    assert [each.name for each in tmp_path.glob("*.part")] == []


def test_a_link_to_a_keyring_stays_one(tmp_path: Path) -> None:
    (tmp_path / "mounted").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "mounted")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "mounted").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"keys"', '"kyes"', "unknown field"),
        (PRESENT.kid, LEAKED.kid, "kid is not that of its key"),
        ("licence-keys.v1", "licence-keys.v9", "format is another"),
        ('"seed": "', '"seed": "AAAA', "length"),
        ('"retired_at": null', '"retired_at": "2030-01-01T00:00:00Z"', "all keys but the last"),
        ("}", "", "malformed"),
    ],
)
def test_a_damaged_keyring_is_refused_without_a_word_of_what_it_holds(
    before: str, after: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "licence-keys.json"
    file.make(path, KEYRING)
    text = path.read_text(encoding="ascii")
    seeds = [key["seed"] for key in json.loads(text)["keys"]]
    path.write_text(text.replace(before, after), encoding="ascii")
    with pytest.raises(KeyringError, match=f"(?s){said}.*backup") as raised:
        file.read(path)
    assert not any(seed in str(raised.value) for seed in seeds)
