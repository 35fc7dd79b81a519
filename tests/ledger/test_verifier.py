"""What is signed of licences is checked by whoever has the public keys: one form, and nothing outlived."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger import verifier
from ledger.licence_keys.keyring import Keyring
from ledger.licence_keys.signing import answer_of, file_of, key_of
from ledger.verifier import (
    AnswerClaims,
    FileClaims,
    KeyClaims,
    Result,
    UnusableKeys,
    check_answer,
    check_file,
    check_key,
    keys_of,
)
from ledger.verifier.codes import ADVICE
from ledger.verifier.form import LONGEST, NotOneForm, decoded, encoded, parse
from tests.contracts import licence_vectors
from tests.ledger import foreign_verifier
from tests.ledger.licence_key_examples import (
    DAY_S,
    EXPIRES_S,
    ISSUED_S,
    KEYRING,
    NONCE,
    PRESENT,
    answer_claims,
    file_claims,
    key_claims,
    listed,
    trusted,
)
from tests.service import ROOT

DOCUMENT = json.loads(licence_vectors.FILE.read_text(encoding="utf-8"))
VECTORS = DOCUMENT["vectors"]
KEYS = trusted()
CHECKS: Mapping[str, Callable[..., Result[Any]]] = {
    "key": check_key,
    "file": check_file,
    "answer": check_answer,
}
FOLDER = Path(verifier.__file__).parent
FIRST, LAST = 0, 253_402_300_799
GOOD_AT = ISSUED_S
STANDARD = str.maketrans("-_", "+/")
TEXTS = (
    key_of(key_claims(), KEYRING),
    file_of(file_claims(), KEYRING),
    answer_of(answer_claims(), KEYRING),
)

names = st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
times = st.lists(st.integers(FIRST, LAST), min_size=3, max_size=3, unique=True).map(sorted)
sold = st.fixed_dictionaries(
    {
        "licence_id": ids,
        "org_id": ids,
        "tier": names,
        "features": st.sets(names, max_size=8).map(lambda found: tuple(sorted(found))),
        "seats": st.none() | st.integers(0, 1_000_000_000),
        "serial": st.integers(1, 1_000_000_000),
    }
)
KEYRING_OF_ONE = Keyring((replace(PRESENT, retired_at=None),))
"""It signs at any time."""
TRUSTED = trusted(KEYRING_OF_ONE)


def check(kind: str, text: str, at: int = ISSUED_S, **more: Any) -> Result[Any]:
    if kind == "answer":
        return check_answer(text, KEYS, at, **{"nonce": NONCE} | more)
    return CHECKS[kind](text, KEYS, at, **more)


def checked(vector: Mapping[str, Any], keys: Mapping[str, verifier.PublicKey]) -> Result[Any]:
    names = ("latest_seen", "leeway_s", "nonce", "subject", "feature")
    given = {name: vector[name] for name in names if name in vector}
    return CHECKS[vector["kind"]](vector["text"], keys, vector["at"], **given)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_a_vector_comes_to_its_code(vector: Mapping[str, Any]) -> None:
    result = checked(vector, keys_of(json.dumps(DOCUMENT["published"])))
    assert (result.code, result.valid) == (vector["code"], vector["code"] == "valid"), result.detail
    claims = None if result.claims is None else json.loads(json.dumps(asdict(result.claims)))
    assert claims == vector["claims"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_another_implementation_comes_to_the_same(vector: Mapping[str, Any]) -> None:
    """Written from docs/licence-format.md alone, with arithmetic of its own for the signature."""
    assert foreign_verifier.code_of(vector, DOCUMENT["published"]) == vector["code"]


def test_vectors_are_those_that_are_published() -> None:
    """Made again of the same seeds: `python -m tests.contracts.licence_vectors`."""
    assert licence_vectors.FILE.read_text(encoding="utf-8") == licence_vectors.content()
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)


def test_every_code_has_a_vector_and_says_what_to_do() -> None:
    assert ADVICE.keys() <= {vector["code"] for vector in VECTORS}
    for code, advice in ADVICE.items():
        assert code == "valid" or ":" in advice or advice.startswith("Copy"), code


@for_all(sold, times)
def test_what_was_signed_is_verified_and_told_as_it_was(claims: dict[str, Any], at: list[int]) -> None:
    issued_at, valid_until, expires_at = at
    key = key_claims(**claims, issued_at=issued_at, expires_at=expires_at)
    result = check_key(key_of(key, KEYRING_OF_ONE), TRUSTED, expires_at - 1)
    assert (result.code, result.claims, result.kid) == ("valid", key, PRESENT.kid)
    file = file_claims(**claims, issued_at=issued_at, valid_until=valid_until, expires_at=expires_at)
    told = check_file(file_of(file, KEYRING_OF_ONE), TRUSTED, issued_at)
    assert told.valid
    assert told.claims is not None
    assert told.claims.valid_until <= valid_until


@for_all(
    st.from_regex(r"[A-Za-z0-9._~-]{1,128}", fullmatch=True),
    st.none() | names,
    st.sampled_from(sorted(ADVICE)),
)
def test_an_answer_is_verified_and_says_what_was_said(nonce: str, feature: str | None, code: str) -> None:
    claims = answer_claims(nonce=nonce, feature=feature, code=code)
    result = check_answer(answer_of(claims, KEYRING), KEYS, ISSUED_S, nonce=nonce, feature=feature)
    assert (result.code, result.valid, result.claims) == (code, code == "valid", claims)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.split("/")[0])
def test_every_bit_that_is_flipped_is_found(text: str) -> None:
    kind = text.split("/", maxsplit=1)[0]
    assert check(kind, text).valid
    content = text.encode()
    for place in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        result = check(kind, flipped.decode("latin-1"))
        assert not result.valid, place
        assert result.claims is None, place


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    """A key, a file or an answer of anything, and its kind; what is good at `GOOD_AT`."""
    claims, ends = draw(sold), sorted(draw(st.sets(st.integers(GOOD_AT + 1, LAST), min_size=2, max_size=2)))
    issued_at = draw(st.integers(FIRST, GOOD_AT))
    kind = draw(st.sampled_from(sorted(CHECKS)))
    if kind == "key":
        said = key_claims(**claims, issued_at=issued_at, expires_at=ends[1])
        return kind, key_of(said, KEYRING_OF_ONE)
    if kind == "file":
        file = file_claims(**claims, issued_at=GOOD_AT, valid_until=ends[0], expires_at=ends[1])
        return kind, file_of(file, KEYRING_OF_ONE)
    answer = answer_claims(
        subject=claims["licence_id"],
        feature=draw(st.none() | names),
        issued_at=GOOD_AT,
        valid_until=ends[0],
        expires_at=ends[1],
    )
    return kind, answer_of(answer, KEYRING_OF_ONE)


def judged(kind: str, text: str) -> Result[Any]:
    more = {"nonce": NONCE} if kind == "answer" else {}
    return CHECKS[kind](text, TRUSTED, GOOD_AT, **more)


@for_all(texts(), st.data())
def test_a_bit_that_is_flipped_in_any_of_them_is_found(signed: tuple[str, str], data: st.DataObject) -> None:
    kind, text = signed
    assert judged(kind, text).valid
    content = bytearray(text.encode())
    place = data.draw(st.integers(0, len(content) * 8 - 1))
    content[place // 8] ^= 1 << place % 8
    result = judged(kind, content.decode("latin-1"))
    assert (result.valid, result.claims) == (False, None)


@for_all(texts(), st.integers(1, 15))
def test_no_other_spelling_of_any_of_them_is_taken(signed: tuple[str, str], more: int) -> None:
    """Which a forgiving decoder reads as the same bytes: padding, spare bits, another alphabet, a blank."""
    kind, text = signed
    payload, signature = text.removeprefix(f"{kind}/").split(".")
    payloads = {*others_of(payload, more), payload.translate(STANDARD)} - {payload}
    signatures = {*others_of(signature, more), signature.translate(STANDARD)} - {signature}
    assert len(signatures) >= 5, "its last letter always has spare bits"
    spelt = [f"{kind}/{other}.{signature}" for other in payloads]
    spelt += [f"{kind}/{payload}.{other}" for other in signatures]
    for other in (*spelt, f" {text}", f"{kind.upper()}/{payload}.{signature}"):
        assert judged(kind, other).code == "malformed", other


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.split("/")[0])
def test_a_part_of_it_is_not_it(text: str) -> None:
    kind = text.split("/", maxsplit=1)[0]
    for end in range(len(text)):
        assert check(kind, text[:end]).code == "malformed"
        assert not check(kind, text[end + 1 :]).valid


@for_all(
    st.text(max_size=200) | st.binary(max_size=200).map(lambda found: f"key/{encoded(found)}.{'A' * 86}")
)
def test_nothing_that_is_no_key_is_one_and_nothing_is_raised(text: str) -> None:
    assert check_key(text, KEYS, ISSUED_S).code == "malformed"


@for_all(st.binary(max_size=60), st.integers(1, 63))
def test_base64_has_one_form(content: bytes, more: int) -> None:
    text = encoded(content)
    assert decoded(text) == content
    for other in others_of(text, more):
        with pytest.raises(NotOneForm):
            decoded(other)


def others_of(text: str, more: int) -> list[str]:
    """Other spellings of the same bytes."""
    others = [f"{text}=", f"{text}==", f" {text}", f"{text}\n"]
    if len(text) % 4:  # its last letter has spare bits
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        spare = 16 if len(text) % 4 == 2 else 4
        others.append(text[:-1] + alphabet[alphabet.index(text[-1]) + more % (spare - 1) + 1])
    return others


def test_a_signature_has_one_form() -> None:
    """S + L satisfies the same equation: whoever counted texts, not keys, would take it for a second one."""
    [text] = [vector["text"] for vector in VECTORS if vector["name"] == "S + L in place of S"]
    assert foreign_verifier.careless(text, PRESENT.public_key), "the arithmetic alone takes it"
    with pytest.raises(NotOneForm, match="signature"):
        parse(text)


def test_keys_come_from_whoever_asks() -> None:
    """Not from the file or beside it, and a key that is not known has a code of its own."""
    result = check_key(TEXTS[0], {}, ISSUED_S)
    assert (result.code, result.kid, result.claims) == ("unknown_kid", PRESENT.kid, None)


def test_an_answer_outlives_nothing() -> None:
    """Until 12:00, answered at 11:55 for ten minutes: over at 12:00, by that very answer."""
    noon = ISSUED_S + DAY_S // 2
    claims = answer_claims(issued_at=noon - 300, valid_until=noon + 300, expires_at=noon)
    text = answer_of(claims, KEYRING)
    assert check("answer", text, noon - 1).valid
    assert check("answer", text, noon).code == "expired"
    assert check("answer", text, noon + 1).code == "expired"
    long = answer_claims(valid_until=EXPIRES_S)
    assert check("answer", answer_of(long, KEYRING), ISSUED_S + DAY_S).code == "outdated"


def test_a_file_has_a_bounded_life() -> None:
    text = file_of(file_claims(valid_until=EXPIRES_S), KEYRING)
    assert check("file", text, ISSUED_S + 90 * DAY_S - 1).valid
    assert check("file", text, ISSUED_S + 90 * DAY_S).code == "outdated"
    assert check("file", text, EXPIRES_S).code == "expired"


def test_what_is_not_signed_is_not_told() -> None:
    """A detail that repeated the text would bring a key, or what anybody wrote, into a log."""
    for vector in VECTORS:
        said = checked(vector, KEYS).detail
        assert vector["text"][10:40] not in said
        assert "lic" not in said.replace("licence", "").replace("/.well-known/license-keys", "")


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "no JSON",
        lambda _: "[]",
        lambda _: '{"keys": 5}',
        lambda keys: json.dumps({"keys": [*keys, keys[0]]}),
        lambda keys: json.dumps({"keys": [keys[0] | {"kid": keys[1]["kid"]}]}),
        lambda keys: json.dumps({"keys": [keys[0] | {"alg": "RS256"}]}),
        lambda keys: json.dumps({"keys": [keys[0] | {"public_key": keys[0]["public_key"] + "="}]}),
        lambda keys: json.dumps({"keys": [keys[0] | {"public_key": "AAAA"}]}),
        lambda keys: json.dumps({"keys": [keys[0] | {"retired_at": "2026-01-01T00:00:00"}]}),
        lambda keys: json.dumps({"keys": [{"kid": keys[0]["kid"], "alg": "Ed25519"}]}),
    ],
)
def test_keys_that_cannot_be_used_are_refused_whole(change: Callable[[Any], str]) -> None:
    with pytest.raises(UnusableKeys, match="license-keys"):
        keys_of(change(json.loads(listed())["keys"]))


def test_the_longest_text_is_read() -> None:
    many = tuple(f"{'x' * 90}{number}" for number in range(10, 71))
    text = key_of(key_claims(features=many), KEYRING)
    assert LONGEST - 200 < len(text) <= LONGEST
    assert check("key", text).valid


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.split("/")[0])
def test_openssl_finds_the_signatures_right(text: str, tmp_path: Path) -> None:
    signed, signature = text.split(".")
    # SubjectPublicKeyInfo of Ed25519: https://www.rfc-editor.org/rfc/rfc8410#section-4
    (tmp_path / "public.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + PRESENT.public_key)
    (tmp_path / "signature").write_bytes(decoded(signature))
    for content, code in ((signed, 0), (f"{signed}A", 1)):
        (tmp_path / "signed").write_text(content, encoding="ascii")
        by = ("-pubin", "-keyform", "DER", "-inkey", "public.der")
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", *by, "-rawin", "-in", "signed", "-sigfile", "signature"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr


def test_it_imports_the_standard_library_and_cryptography_alone() -> None:
    """And itself by relative imports, so that it works wherever it is copied to."""
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                found = [node.module or ""]
            for name in found:
                assert name.split(".")[0] in sys.stdlib_module_names | {"cryptography"}, (file, name)


def test_the_page_shows_the_first_vector_and_every_code_and_member() -> None:
    page = (ROOT / "docs" / "licence-format.md").read_text(encoding="utf-8")
    shown = re.findall(r"```text\n(.*)\n```", page)
    first = VECTORS[0]["text"]
    assert shown == [decoded(first.removeprefix("key/").split(".")[0]).decode(), first]
    named = set(re.findall(r"`([a-z_]+)`", page))
    members = {field.name for claims in (KeyClaims, FileClaims, AnswerClaims) for field in fields(claims)}
    assert named >= ADVICE.keys() | members | json.loads(listed())["keys"][0].keys()
