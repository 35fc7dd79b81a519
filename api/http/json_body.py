"""A body, read strictly by its type: all that is wrong with it is told at once, each at its place."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, get_args, get_origin

import msgspec

from api.http.checks import checks_in, moment_fault
from api.http.problems import FieldError, Malformed, Unprocessable
from api.words import in_words, kinds_in

GZIP_MAGIC = b"\x1f\x8b"
"""https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1; no JSON begins so."""
Raw = bytes | str | msgspec.Raw


def check(body: bytes, decoder: msgspec.json.Decoder[Any]) -> None:
    """Strictly by the type: Litestar alone would take `"12"` for a number, and of two members the last.

    Raises `Malformed` for what is no JSON, `Unprocessable` with pointers for what is no such body.
    """
    text = _text(body)
    try:
        sound, repeated = _is_sound(text, decoder), _repeated(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(f"The body is no JSON: {_why(text, error)}.") from None
    if sound and not repeated:
        return
    errors = list(_faults_of(text, decoder.type, ""))
    if repeated:
        errors.append(FieldError(detail="given more than once", pointer=repeated))
    raise Unprocessable.at(*errors)


def _is_sound(text: str, decoder: msgspec.json.Decoder[Any]) -> bool:
    try:
        value = decoder.decode(text)
    except msgspec.ValidationError:
        return False
    kind: Any = decoder.type
    return not _has_times(kind) or not any(map(moment_fault, _times_in(value)))


@functools.cache
def _has_times(kind: Any) -> bool:
    """Whether a time may stand anywhere in such a value. Most bodies have none, and are not searched."""
    inner = kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None
    within = (field.type for field in msgspec.structs.fields(inner)) if inner else get_args(kind)
    return kind is datetime or any(map(_has_times, within))


def _times_in(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, msgspec.Struct):
        yield from _times_in(msgspec.structs.astuple(value))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _times_in(each)


def _faults_of(raw: Raw, kind: Any, at: str) -> Iterator[FieldError]:
    """Msgspec stops at the first fault, so each member of an object is read on its own."""
    struct, members = _struct_in(kind), _members(raw)
    if struct is not None and members is not None:
        yield from _faults_of_members(members, struct, at)
        return
    try:
        value = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        element = _element_in(kind)
        if path and element is not None:
            yield from _faults_of_elements(raw, element, at)
            return
        inside = "".join(f"/{_escape(step)}" for step in _STEP.findall(path))
        yield FieldError(detail=in_words(message, kind), pointer=f"{at}{inside}")
        return
    # what would be refused later, and alone, by its own code: here it is told with the rest
    if isinstance(value, str):
        faults = (check.fault(value) for check in checks_in(kind))
        yield from (FieldError(detail=fault, pointer=at) for fault in faults if fault)
    elif isinstance(value, datetime) and (fault := moment_fault(value)):
        yield FieldError(detail=fault, pointer=at)


def _faults_of_members(
    members: Mapping[str, msgspec.Raw], struct: type[msgspec.Struct], at: str
) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name, field in fields.items():
        if field.required and name not in members:
            yield FieldError(detail="is required", pointer=f"{at}/{_escape(name)}")
    for name, raw in members.items():
        pointer = f"{at}/{_escape(name)}"
        if name in fields:
            yield from _faults_of(raw, fields[name].type, pointer)
        else:
            known = f"known are {', '.join(sorted(fields))}" if fields else "there are none"
            yield FieldError(detail=f"no field of this body: {known}", pointer=pointer)


def _faults_of_elements(raw: Raw, element: Any, at: str) -> Iterator[FieldError]:
    for number, each in enumerate(msgspec.json.decode(raw, type=list[msgspec.Raw])):
        yield from _faults_of(each, element, f"{at}/{number}")


def _element_in(kind: Any) -> Any:
    """Of what the list is that a field is, or is unless it is null; None of any other."""
    found = (get_args(each)[0] for each in kinds_in(kind) if get_origin(each) is list)
    return next(found, None)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a field is, or is unless it is null."""
    found = (each for each in kinds_in(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct))
    return next(found, None)


def _members(raw: Raw) -> dict[str, msgspec.Raw] | None:
    """None of what is no object."""
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return None


def _text(body: bytes) -> str:
    if not body:
        raise Malformed("The body is empty: send a JSON object.")
    if body.startswith(GZIP_MAGIC):
        raise Malformed("The body looks like gzip: send `Content-Encoding: gzip` with it, compressed once.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be read.") from None


def _why(text: str, error: Exception) -> str:
    """Half a surrogate pair is JSON by its grammar, and text by nobody's. msgspec calls it by other names."""
    if text.startswith("\ufeff"):
        return "it begins with a byte order mark; leave that out"
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError as half:
        code = ord(half.object[half.start])
        return f"the escape \\u{code:04x} is half a character; the other half must stand beside it"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError:
        pass
    return str(error).removeprefix("JSON is malformed: ")


class _Repeated(msgspec.Struct, frozen=True):
    """Stands for an object with two members of the same name."""

    name: str


def _repeated(text: str) -> str:
    """The pointer to a member that stands there twice, if there is one."""
    found: list[_Repeated] = []

    def members(pairs: list[tuple[str, Any]]) -> Any:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        names = [name for name, _ in pairs]
        found.append(_Repeated(next(name for name in names if names.count(name) > 1)))
        return found[-1]

    # numbers do not matter here, and Python makes none of more than 4300 digits
    whole = json.loads(text, object_pairs_hook=members, parse_int=str, parse_float=str)
    return _pointer(whole) if found else ""


def _pointer(value: Any) -> str:
    if isinstance(value, _Repeated):
        return f"/{_escape(value.name)}"
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((f"/{_escape(str(step))}{rest}" for step, each in inside if (rest := _pointer(each))), "")


_STEP = re.compile(r"[^$.`\[\]]+")


def _escape(step: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc6901#section-3"""
    return step.replace("~", "~0").replace("/", "~1")
