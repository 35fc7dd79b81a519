"""Writes the test vectors of licence keys, files and answers, by which others try a verifier of their own:
`.venv/bin/python -m tests.contracts.licence_vectors`.

They are made of fixed seeds, so that the same come each time. A vector that was published never changes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ledger.licence_keys.signing import answer_of, file_of, key_of
from ledger.verifier import AnswerClaims, FileClaims, KeyClaims
from ledger.verifier.form import decoded, encoded
from tests.ledger.licence_key_examples import (
    DAY_S,
    EXPIRES_S,
    ISSUED_S,
    KEYRING,
    LEAKED,
    NONCE,
    OLD,
    PRESENT,
    STRANGER,
    answer_claims,
    compact,
    file_claims,
    key_claims,
    listed,
    members,
    signed,
)

FILE: Final = Path(__file__).parents[2] / "docs" / "licence-vectors.json"
ORDER: Final = (1 << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493
NOW: Final = ISSUED_S + 60
KEY: Final = key_of(key_claims(), KEYRING)
LICENCE_FILE: Final = file_of(file_claims(), KEYRING)
ANSWER: Final = answer_of(answer_claims(), KEYRING)
_MANY: Final = [f"{'x' * 90}{number}" for number in range(10, 90)]
"""Features, each of which is in order."""
Vector = Mapping[str, Any]


def content() -> str:
    document = {
        "format": "liberation.licence-vectors.v1",
        "seeds": {key.kid: key.seed.hex() for key in (OLD, PRESENT, LEAKED, *KEYRING.keys[-1:], STRANGER)},
        "published": json.loads(listed()),
        "vectors": [*_valid(), *_of_form(), *_of_keys(), *_of_times(), *_of_answers()],
    }
    return json.dumps(document, indent=1) + "\n"


def _valid() -> Iterator[Vector]:
    unlimited = key_claims(tier="enterprise", seats=None, features=())
    yield vector("a key", KEY, claims=key_claims())
    yield vector(
        "a key with as many seats as there are people, and no features",
        key_of(unlimited, KEYRING),
        claims=unlimited,
    )
    yield vector("a licence file", LICENCE_FILE, claims=file_claims())
    yield vector("an answer", ANSWER, claims=answer_claims())


def _of_form() -> Iterator[Vector]:
    said = members(key_claims())
    payload, signature = KEY.removeprefix("key/").split(".")
    for name, text in (
        ("padding after the payload", f"key/{payload}=.{signature}"),
        ("padding after the signature", f"{KEY}=="),
        ("spare bits of the signature", KEY[:-1] + _next(KEY[-1])),
        ("spare bits of the payload", _with_spare_bits()),
        ("base64 with + and / for - and _", f"key/{payload}.{signature.replace('-', '+').replace('_', '/')}"),
        ("a space before it", f" {KEY}"),
        ("a line end after it", f"{KEY}\n"),
        ("another kind in capitals", f"KEY{KEY[3:]}"),
        ("no signature", f"key/{payload}"),
        ("half of a signature", KEY[:-43]),
        ("two signatures", f"{KEY}.{signature}"),
        ("S + L in place of S", _with_order_added()),
        ("sorted otherwise", signed("key", json.dumps(said, separators=(",", ":")).encode())),
        ("white space in the payload", signed("key", json.dumps(said, sort_keys=True).encode())),
        (
            "a doubled member",
            signed("key", compact(said).replace(b'"seats":500', b'"seats":500,"seats":500')),
        ),
        ("an escape for a letter", signed("key", compact(said).replace(b'"sso"', b'"s\\u0073o"'))),
        ("a fraction", signed("key", compact(said).replace(b'"seats":500', b'"seats":500.0'))),
        ("a number with an exponent", signed("key", compact(said).replace(b'"seats":500', b'"seats":5e2'))),
        ("a number below zero", signed("key", said | {"seats": -1})),
        ("minus zero", signed("key", compact(said).replace(b'"seats":500', b'"seats":-0'))),
        ("true for a number", signed("key", said | {"serial": True})),
        ("other letters than ASCII", signed("key", compact(said).replace(b"sso", "ßo".encode()))),
        ("a member more", signed("key", said | {"note": "x"})),
        ("a member less", signed("key", {name: each for name, each in said.items() if name != "seats"})),
        ("features in another order", signed("key", said | {"features": ["white_label", "sso"]})),
        ("a feature twice", signed("key", said | {"features": ["sso", "sso"]})),
        ("an id with a space", signed("key", said | {"licence_id": "lic 1"})),
        ("a kid that is none", signed("key", said | {"kid": "k2"})),
        ("an expiry before the issue", signed("key", said | {"expires_at": ISSUED_S})),
        ("no expiry", signed("key", said | {"expires_at": None})),
        ("a list for a payload", signed("key", b"[]")),
        ("no JSON", signed("key", b"licence")),
        ("brackets without end", signed("key", b"[" * 5_000)),
        ("a year after 9999", signed("key", said | {"expires_at": 253_402_300_800})),
        ("too long", signed("key", said | {"features": _MANY})),
        ("a file's payload in a key", signed("key", members(file_claims()))),
    ):
        yield vector(name, text, "malformed")
    yield vector("a file where a key is wanted", LICENCE_FILE, "malformed", kind="key")
    outliving = members(file_claims()) | {"valid_until": EXPIRES_S + 1}
    yield vector("a file that outlives its licence", signed("file", outliving), "malformed")
    outliving = members(answer_claims()) | {"valid_until": EXPIRES_S + 1}
    yield vector("an answer that outlives its licence", signed("answer", outliving), "malformed")
    nobody = members(answer_claims()) | {"subject": None}
    yield vector("a valid answer of no licence", signed("answer", nobody), "malformed")
    escaped = signed("key", said | {"v": 2, "more": "\u00e9"})
    yield vector("a newer version with an escape", escaped, "malformed")
    yield vector("a newer version", signed("key", said | {"v": 2, "more": "x"}), "unknown_version")


def _of_keys() -> Iterator[Vector]:
    before = key_claims(issued_at=ISSUED_S - 100 * DAY_S)
    yield vector("by a key that is retired since", key_of(before, KEYRING), claims=before)
    late = signed("key", members(key_claims(), OLD), OLD)
    yield vector("issued when its key had retired", late, "retired_kid", claims=key_claims())
    yield vector(
        "by a key that no list has", signed("key", members(key_claims(), STRANGER), STRANGER), "unknown_kid"
    )
    yield vector(
        "by a key that others may have",
        signed("key", members(key_claims(), LEAKED), LEAKED),
        "compromised_kid",
    )
    pretended = signed("key", members(key_claims()), STRANGER)
    yield vector("by another key than it says", pretended, "bad_signature")
    payload, signature = KEY.removeprefix("key/").split(".")
    more = encoded(decoded(payload).replace(b'"seats":500', b'"seats":900'))
    yield vector("a payload that was changed", f"key/{more}.{signature}", "bad_signature")
    file_payload = LICENCE_FILE.split(".", maxsplit=1)[0]
    yield vector("a file with a key's signature", f"{file_payload}.{signature}", "bad_signature")


def _of_times() -> Iterator[Vector]:
    key = key_claims()
    yield vector("its first second", KEY, claims=key, at=ISSUED_S)
    yield vector("a clock before the issue", KEY, "clock_before_issue", claims=key, at=ISSUED_S - 1)
    yield vector("a clock within the leeway", KEY, claims=key, at=ISSUED_S - 1, leeway_s=1)
    seen = NOW + 3_600
    yield vector("a clock that was set back", KEY, "clock_rolled_back", claims=key, latest_seen=seen)
    yield vector("a clock that goes on", KEY, claims=key, latest_seen=NOW)
    yield vector("its last second", KEY, claims=key, at=EXPIRES_S - 1)
    yield vector("its expiry", KEY, "expired", claims=key, at=EXPIRES_S, leeway_s=60)
    until = file_claims().valid_until
    yield vector("a file to its last second", LICENCE_FILE, claims=file_claims(), at=until - 1)
    yield vector(
        "a file that is to be fetched anew", LICENCE_FILE, "outdated", claims=file_claims(), at=until
    )
    yield vector(
        "a file of a licence that is over", LICENCE_FILE, "expired", claims=file_claims(), at=EXPIRES_S
    )


def _of_answers() -> Iterator[Vector]:
    said = answer_claims()
    yield vector("an answer that is old", ANSWER, "outdated", claims=said, at=said.valid_until)
    yield vector("another question's answer", ANSWER, "other_nonce", claims=said, nonce="other")
    yield vector("another licence's answer", ANSWER, "other_subject", claims=said, subject="lic_1")
    yield vector("an answer of no feature", ANSWER, "other_feature", claims=said, feature="sso")
    of_feature = answer_claims(feature="sso")
    yield vector("an answer of a feature", answer_of(of_feature, KEYRING), claims=of_feature, feature="sso")
    short = answer_claims(issued_at=EXPIRES_S - 300, valid_until=EXPIRES_S)
    text = answer_of(short, KEYRING)
    yield vector("an answer to the last second of the licence", text, claims=short, at=EXPIRES_S - 1)
    yield vector("an answer of before the expiry, after it", text, "expired", claims=short, at=EXPIRES_S + 1)
    for code in ("revoked", "suspended", "feature_missing", "seats_exceeded", "usage_exceeded", "in_review"):
        claims = answer_claims(code=code)
        yield vector(f"an answer {code}", answer_of(claims, KEYRING), code, claims=claims)
    over = answer_claims(code="expired", expires_at=ISSUED_S - DAY_S)
    yield vector("an answer expired", answer_of(over, KEYRING), "expired", claims=over)
    none = answer_claims(code="not_found", subject=None, expires_at=None)
    yield vector("an answer not_found", answer_of(none, KEYRING), "not_found", claims=none, subject="lic_1")


def vector(
    name: str,
    text: str,
    code: str = "valid",
    *,
    claims: KeyClaims | FileClaims | AnswerClaims | None = None,
    kind: str = "",
    **given: Any,
) -> Vector:
    """What is not `given` is as usual. `claims` are what a verifier may tell of it."""
    kind = kind or text.strip().split("/", maxsplit=1)[0].lower()
    asked = {"nonce": NONCE, "subject": None, "feature": None} if kind == "answer" else {}
    usual = {"at": NOW, "latest_seen": None, "leeway_s": 0, **asked}
    shown = None if claims is None else asdict(claims)
    return {"name": name, "kind": kind, "text": text, **usual, **given, "code": code, "claims": shown}


def _next(letter: str) -> str:
    """A last letter with spare bits that stands for the same bytes: A, Q, g or w has none of them set."""
    return chr(ord(letter) + 1)


def _with_spare_bits() -> str:
    """Rightly signed as it stands, but for the last letter of a payload of 3n + 1 bytes."""
    said = members(key_claims())
    while len(compact(said)) % 3 != 1:
        said["licence_id"] += "x"
    payload, signature = signed("key", said).removeprefix("key/").split(".")
    return f"key/{payload[:-1]}{_next(payload[-1])}.{signature}"


def _with_order_added() -> str:
    """The same equation holds, so that a careless verifier takes it: it cannot be told from the right one."""
    payload, signature = KEY.split(".")
    content = decoded(signature)
    larger = int.from_bytes(content[32:], "little") + ORDER
    return f"{payload}.{encoded(content[:32] + larger.to_bytes(32, 'little'))}"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
    sys.stdout.write(f"{FILE} is written.\n")
