"""Whether libpq can read a connection string, said without any part of it: it may hold a password."""

from __future__ import annotations

from typing import Final

_PARAMETER = "it has a parameter that PostgreSQL does not know"
_REASONS: Final = {
    "unexpected spaces": "there is a space in it",
    "percent-encoded": "a % in it is not followed by two hexadecimal digits",
    "IPv6": "an IPv6 address is written in brackets, [::1]",
    "unexpected character": "after an IPv6 address in brackets comes a port or a path",
    "invalid URI query parameter": _PARAMETER,
    "invalid connection option": _PARAMETER,
    "key/value separator": "a parameter after ? is written as name=value",
    "quoted string": "a quote in it is not closed",
    'missing "="': "it is neither a URL (postgresql://…) nor pairs (host=… dbname=…), in which values with "
    "spaces are quoted",
}
"""By words of libpq's own message, the rest of which quotes what it could not read."""
_SCHEMES = ("postgresql://", "postgres://")
_HINT = (
    " (in the user and password of a URL, % @ : / ? and spaces are written as %25 %40 %3A %2F %3F and %20)"
)


def trouble_with(url: str) -> str:
    """Why `url` cannot be used; empty when it can. Nothing is looked up and nobody is asked."""
    why = _trouble_with(url)
    return why + _HINT if why and url.startswith(_SCHEMES) and why != _PARAMETER else why


def _trouble_with(url: str) -> str:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, timeout_from_conninfo

    try:
        found = conninfo_to_dict(url)
    except (ProgrammingError, UnicodeError) as error:
        message = str(error)
        return next((why for words, why in _REASONS.items() if words in message), "PostgreSQL cannot read it")
    if _is_cut_wrongly(url, str(found.get("host") or "")):
        return "there is an @ or a / too much in it"
    if not all(map(_is_port, str(found.get("port") or "").split(","))):
        return "its port is not a number from 1 to 65535"
    try:
        timeout_from_conninfo(found)
    except ProgrammingError:
        return "its connect_timeout is not a number of seconds"
    return ""


def _is_cut_wrongly(url: str, host: str) -> bool:
    """A bare @ or / in the password ends it early: then the rest of it stands in the host, or in the path."""
    if not url.startswith(_SCHEMES):
        return False
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    return "@" in path or "@" in host


def _is_port(text: str) -> bool:
    text = text.strip()
    return not text or (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536)  # noqa: PLR2004
