"""No secret in what is told: each error that the command line prints and each line of the log comes by here.

Two nets, as neither is whole: what has the form of a secret, and what this process was given as one.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote

MASK: Final = "***"
SHORTEST = 6
"""Of a password that is looked for by itself: a shorter one would also be found in the middle of words."""

_FORMS: Final = re.compile(
    r"""
      \b(?P<stripe>(?:sk|rk|pk|ek)_(?:live|test)_|whsec_|lk_|oic_)[^\s"',;)]+    # Stripe's keys, ours
    | \b(?P<client>(?:pi|seti|cs)_[0-9A-Za-z]+_secret_)\w+                     # what a payer's browser gets
    | \b(?P<jwt>eyJ)[\w-]+\.[\w-]+(?:\.[\w-]*)?
    | (?P<bearer>\b(?:Bearer|Basic)[ ])[\w.~+/=-]{8,}
    | (?P<database>\bpostgres(?:ql)?://?[^\s:@/]*:)[^\n]*@           # to the last @, it may hold any
    | (?P<url>\b[a-z][a-z0-9+.-]*://?[^\s:@/]*:)[^\s/@]*@            # one slash is left in a path
    | (?P<word>(?:pass(?:word|wd|phrase)["']?\s*[=:]|(?:secret|api_?key)=)\s*)
        (?:'(?:[^'\\]|\\.)*'|"[^"]*"|[^\s&"',;]+)
    | (?P<pem>-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----)[\s\S]*?(?:-----END[ ][A-Z ]*-----|\Z)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HINTS: Final = (
    *("_test_", "_live_", "whsec_", "lk_", "oic_", "_secret_", "eyj", "bearer ", "basic ", ":/", "pass"),
    *("secret=", "key=", "private key"),
)
"""One of these is in every text that has a form above."""
_PASSWORD: Final = re.compile(r"password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s&']+))")
"""In pairs as libpq reads them, and in the query of a URL."""
_given: set[str] = set()
_values: re.Pattern[str] | None = None


def protect(values: Iterable[str]) -> None:
    """From now on these are no longer told by this process; a database URL's password is taken out of it."""
    global _values  # noqa: PLW0603  of the process, like the log and the hooks below
    for value in values:
        _given.update(_parts(value))
    found = sorted((re.escape(value) for value in _given), key=len, reverse=True)
    _values = re.compile("|".join(found)) if found else None


def redact(text: str) -> str:
    """`text` with `***` for secrets."""
    if _values is not None:
        text = _values.sub(MASK, text)
    return _FORMS.sub(_masked, text)


def is_suspicious(text: str) -> bool:
    """Whether `redact` might find anything; much quicker. Also for texts within a line of JSON."""
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS) or any(value in text for value in _given)


def redacted(value: Any) -> Any:
    """The same for all texts in lists and objects as they are logged; other things stay as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return value


def traceback_of(error: BaseException) -> str:
    """As Python prints it, without secrets."""
    return redact("".join(traceback.format_exception(error)))


def install_hooks() -> None:
    """What nothing catches, in any thread, is printed without secrets."""

    def print_it(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        sys.stderr.write(traceback_of(error))

    def print_of_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
            sys.stderr.write(traceback_of(arguments.exc_value))

    sys.excepthook, threading.excepthook = print_it, print_of_thread


def _masked(match: re.Match[str]) -> str:
    kept = match[match.lastgroup] if match.lastgroup else ""
    end = "@" if match.lastgroup in ("database", "url") else ""
    return f"{kept}{MASK}{end}"


def _parts(value: str) -> Iterable[str]:
    """A secret, and the password in it if it is an address; as written, as meant, and within JSON."""
    for part in _plain_parts(value):
        yield part
        yield json.dumps(part, ensure_ascii=False)[1:-1]


def _plain_parts(value: str) -> Iterable[str]:
    yield from (each for each in {value, value.strip()} if len(each) >= SHORTEST)
    _, is_url, rest = value.partition("://")
    user, has_password, password = rest.rpartition("@")[0].partition(":")
    if is_url and has_password and password != user:
        yield from (each for each in {password, unquote(password)} if len(each) >= SHORTEST)
    for quoted, bare in _PASSWORD.findall(value):
        said = {quoted or bare, unquote(bare), re.sub(r"\\(.)", r"\1", quoted)}
        yield from (each for each in said if len(each) >= SHORTEST)
