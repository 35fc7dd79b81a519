"""The command: `python -m ledger.verifier key FILE --keys KEYS`, and the same for a `file` and an `answer`.

Exit codes: 0 valid; 1 not valid; 2 what was given cannot be used. The text is read from a file or standard
input, as arguments are seen by everybody on the machine, and is never printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from .checks import Result, check_answer, check_file, check_key
from .form import LONGEST
from .keys import UnusableKeys, keys_of
from .state import State, UnusableState

NOT_VALID: Final = 1
UNUSABLE: Final = 2


class _Unusable(Exception):
    """One line for who runs the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    given = _parser().parse_args(arguments)
    try:
        state = State(given.state) if given.state else None
        result = _check(given, None if state is None else state.latest())
        if state is not None and result.claims is not None:
            state.saw(given.at)
    except (_Unusable, UnusableKeys, UnusableState) as error:
        print(f"Error: {error}", file=sys.stderr)
        return UNUSABLE
    print(_told(result, as_json=given.json))
    return 0 if result.valid else NOT_VALID


def _check(given: argparse.Namespace, latest: int | None) -> Result[Any]:
    keys = keys_of(_read(given.keys))
    text = _text(_read(given.text))
    times: dict[str, Any] = {"at": given.at, "latest_seen": latest, "leeway_s": given.leeway}
    if given.kind == "key":
        return check_key(text, keys, **times)
    if given.kind == "file":
        return check_file(text, keys, **times)
    question = {"nonce": given.nonce, "subject": given.subject, "feature": given.feature}
    return check_answer(text, keys, **times, **question)


def _read(place: str) -> bytes:
    try:
        if place == "-":
            return sys.stdin.buffer.read(_MOST_BYTES)
        with Path(place).open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise _Unusable(_unreadable(place, error)) from None


_MOST_BYTES: Final = 1_000_000


def _unreadable(place: str, error: OSError) -> str:
    """Somebody may have given the text itself, which is not to be told."""
    name = "what was given as a file" if place.startswith(_KINDS) else place
    return f"{name} cannot be read: {error.strerror}. Give the path of a file, or - for standard input."


_KINDS: Final = ("key/", "file/", "answer/")


def _text(content: bytes) -> str:
    """Without the end of its line, which editors and `echo` add; whatever else is there counts."""
    line = content.removesuffix(b"\n").removesuffix(b"\r")
    return line[: LONGEST + 1].decode("latin-1")


def _told(result: Result[Any], *, as_json: bool) -> str:
    if as_json:
        claims = None if result.claims is None else asdict(result.claims)
        said = {"valid": result.valid, "code": result.code, "detail": result.detail, "kid": result.kid}
        return json.dumps({**said, "claims": claims}, indent=2)
    return f"{result.code}: {result.detail}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ledger.verifier",
        description="Check what the service signed about a licence: offline, with its public keys alone.",
        epilog="Exit codes: 0 valid; 1 not valid; 2 what was given cannot be used.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    common = _common()
    for kind, what in (("key", "a licence's key"), ("file", "a licence file")):
        kinds.add_parser(kind, help=f"check {what}", parents=[common], allow_abbrev=False)
    answer = kinds.add_parser("answer", help="check a signed answer", parents=[common], allow_abbrev=False)
    answer.add_argument("--nonce", required=True, help="that of the question")
    answer.add_argument("--subject", help="the id of the licence that was asked about")
    answer.add_argument("--feature", help="the feature that was asked about")
    return parser


def _common() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("text", metavar="FILE", help="what has the text; - is standard input")
    parser.add_argument(
        "--keys", required=True, metavar="FILE", help="what /.well-known/license-keys answered"
    )
    parser.add_argument("--state", type=Path, metavar="FILE", help="where the latest time seen is kept")
    parser.add_argument(
        "--at",
        type=_time,
        default=int(time.time()),
        metavar="TIME",
        help="such as 2027-01-31T00:00:00Z; else now",
    )
    parser.add_argument(
        "--leeway",
        type=_seconds,
        default=0,
        metavar="S",
        help="how many seconds clocks may differ; else none",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with the claims")
    return parser


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time with a zone: write 2027-01-31T00:00:00Z")
    return int(moment.astimezone(UTC).timestamp())


def _seconds(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len("86400"):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
