"""Form-encoded nested parameters, as Stripe's v1 API takes them: `metadata[a]=1&expand[0]=customer`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote_plus

import msgspec

from api.sandbox.errors import StripeError, invalid

_PART = re.compile(r"\[([^\[\]]*)\]")
_DEPTH = 6
_LONGEST = 5_000
_SHOWN = 10
"""Of a text that is too long, at either end, as Stripe shows it."""
_FIELD = re.compile(r"`\$?\.?([^`]*)`$")
_NAME = re.compile(r"field `([^`]+)`")


class Params(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The parameters of one call. A field that is UNSET was not sent; "" asks to clear it. `longest` has
    those, with all that is in them, that may have fewer or more characters than the 5,000 of any other.
    """

    longest: ClassVar[Mapping[str, int]] = {}


P = TypeVar("P", bound=Params)


@lru_cache(maxsize=4096)
def _path(key: str) -> tuple[str, ...]:
    head, bracket, _ = key.partition("[")
    if not bracket:
        return (head,)
    parts = (head, *_PART.findall(key))
    rebuilt = head + "".join(f"[{part}]" for part in parts[1:])
    if rebuilt != key or not head or len(parts) > _DEPTH:
        raise invalid(f"Invalid parameter name: {key}", param=key)
    return parts


def parse(encoded: bytes) -> dict[str, Any]:
    """Nested dicts, lists and strings. Raises StripeError for bytes that are no UTF-8 or names that clash."""
    if not encoded:
        return {}
    try:
        text = encoded.decode()
    except UnicodeDecodeError:
        raise invalid("Invalid encoding: the request must be UTF-8.") from None
    root: dict[str, Any] = {}
    nested = False
    for pair in text.split("&"):
        if not pair:
            continue
        raw_key, _, raw_value = pair.partition("=")
        key = unquote_plus(raw_key) if "%" in raw_key or "+" in raw_key else raw_key
        value = unquote_plus(raw_value) if "%" in raw_value or "+" in raw_value else raw_value
        if "\x00" in value:
            raise invalid(f"Invalid string: {key} must not contain NUL.", param=key)
        path = _path(key)
        nested |= len(path) > 1
        _put(root, path, value, key)
    return _lists(root) if nested else root


def _put(root: dict[str, Any], path: tuple[str, ...], value: str, key: str) -> None:
    node = root
    for part in path[:-1]:
        child = node.setdefault(part, {})
        if not isinstance(child, dict):
            raise invalid(f"Invalid {path[0]}: it is both a value and a hash", param=key)
        node = child
    last = path[-1]
    if last == "":  # `name[]=a&name[]=b`
        last = str(len(node))
    if isinstance(node.get(last), dict):
        raise invalid(f"Invalid {path[0]}: it is both a value and a hash", param=key)
    node[last] = value


def _lists(node: dict[str, Any]) -> dict[str, Any]:
    return {key: _list_or_hash(value) if isinstance(value, dict) else value for key, value in node.items()}


def _list_or_hash(node: dict[str, Any]) -> Any:
    inner = _lists(node)
    if inner and all(key.isdecimal() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def convert(params: dict[str, Any], into: type[P]) -> P:
    """Typed parameters. Raises StripeError in Stripe's words, naming `param`.

    Parameters that Stripe knows and the sandbox does not are refused too, and not silently ignored,
    so that nobody believes they had an effect.
    """
    try:
        typed = msgspec.convert(params, into, strict=False)
    except msgspec.ValidationError as cause:
        raise _explain(str(cause)) from None
    for name, value in params.items():
        longest = into.longest.get(name, _LONGEST)
        for param, text in _texts(name, value):
            if len(text) > longest:
                raise _too_long(param, text, longest)
    return typed


def _texts(param: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield param, value
    elif isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(f"{param}[{name}]", inner)


def _too_long(param: str, text: str, longest: int) -> StripeError:
    shown = f"{text[:_SHOWN]}...{text[-_SHOWN:]}"
    return invalid(f"Invalid string: {shown}; must be at most {longest} characters", param=param)


def _explain(problem: str) -> StripeError:
    where = _FIELD.search(problem)
    path = _bracketed(where.group(1)) if where and " - at " in problem else ""
    name = _NAME.search(problem)
    if name and "missing required" in problem:
        param = f"{path}[{name.group(1)}]" if path else name.group(1)
        return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
    if name and "unknown field" in problem:
        param = f"{path}[{name.group(1)}]" if path else name.group(1)
        return invalid(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
    if "`int`" in problem:
        return invalid(f"Invalid integer: {path}", code="parameter_invalid_integer", param=path)
    return invalid(f"Invalid {path}: {problem.split(' - at ', maxsplit=1)[0]}", param=path)


def _bracketed(path: str) -> str:
    """`a.b[...]` as Stripe writes it: `a[b]`."""
    parts = path.lstrip(".").replace("[...]", "").split(".")
    return parts[0] + "".join(f"[{part}]" for part in parts[1:])
