"""Types of values that requests carry; the bounds are in the OpenAPI document too."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar.params import HeaderParameter, QueryParameter
from msgspec import Meta

from api.problems import NO_NUL, FieldError, Malformed, Unprocessable, in_words
from ledger.errors import Unknown
from ledger.message import Instant

AmountMinor = Annotated[
    int,
    Meta(ge=1, le=999_999_999_999, description="In minor units: 1250 is 12.50 USD.", examples=[1250]),
]
CurrencyCode = Annotated[
    str, Meta(pattern="^[A-Za-z]{3}$", description="ISO 4217, in either case.", examples=["usd"])
]
PaymentMethodId = Annotated[
    str,
    Meta(
        pattern="^pm_[A-Za-z0-9_]{1,200}$",
        description="Of Stripe.js or a saved card.",
        examples=["pm_card_visa"],
    ),
]
Text = Annotated[str, Meta(max_length=500, pattern=NO_NUL)]
PaymentIdText = Annotated[
    str, Meta(pattern="^pay_[0-9a-f]{32}$", examples=["pay_0199f3a2c4d87b1e9f20a1b2c3d4e5f6"])
]
UserId = Annotated[
    str,
    Meta(min_length=1, max_length=128, pattern=NO_NUL, description="Admins: whose; else the caller's own."),
]
WhoseParameter = Annotated[
    str | None,
    QueryParameter(
        min_length=1, max_length=128, pattern=NO_NUL, description="Admins: whose; else the caller's own."
    ),
]
IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="New for each intent, the same for its repeats.",
    ),
]


def check(body: bytes, decoder: msgspec.json.Decoder[Any]) -> None:
    """Strictly by the type: Litestar alone would take `"12"` for a number, and of two members the last.

    Raises `Malformed` for what is no JSON, `Unprocessable` with a pointer for what is no such body.
    """
    text = _text(body)
    try:
        decoder.decode(text)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `")
        pointer = "".join(f"/{step}" for step in _STEP.findall(path)) + _unknown_field(said)
        raise _unprocessable(pointer, in_words(said)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"The body is no JSON: {_why(text, error)}.") from None
    if pointer := _repeated(text):
        raise _unprocessable(pointer, "given more than once")


def _unprocessable(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable(
        f"{pointer or 'The body'}: {detail}", errors=[FieldError(detail=detail, pointer=pointer)]
    )


def _text(body: bytes) -> str:
    if not body:
        raise Malformed("The body is empty: send a JSON object.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be read.") from None


def _why(text: str, error: Exception) -> str:
    """Half a surrogate pair is JSON by its grammar, and text by nobody's. msgspec calls it by other names."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError as half:
        code = ord(half.object[half.start])
        return f"the escape \\u{code:04x} is half a character; the other half must stand beside it"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError:
        pass
    return str(error)


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

    whole = json.loads(text, object_pairs_hook=members)
    return _pointer(whole) if found else ""


def _pointer(value: Any) -> str:
    if isinstance(value, _Repeated):
        return f"/{_escape(value.name)}"
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((f"/{_escape(str(step))}{rest}" for step, each in inside if (rest := _pointer(each))), "")


_STEP = re.compile(r"[^$.`\[\]]+")
_UNKNOWN_FIELD = re.compile(r"contains unknown field `(.*)`")


def _unknown_field(detail: str) -> str:
    found = _UNKNOWN_FIELD.search(detail)
    return "/" + _escape(found[1]) if found else ""


def _escape(step: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc6901#section-3"""
    return step.replace("~", "~0").replace("/", "~1")


def instant(parameter: str, text: str | None) -> datetime | None:
    """A time from the query, strictly RFC 3339 with a zone: Litestar alone would take `0.3` for one."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError:
        raise Unprocessable(
            f"{parameter} is a time with a zone, such as 2026-01-31T00:00:00Z.",
            errors=[FieldError(detail="expected RFC 3339 with a zone", parameter=parameter)],
        ) from None


def known_shape(value: str, prefix: str, length: int = 200) -> str:
    """An id from the path; `Unknown` when nothing can have it, so that it is 404 and no query is made."""
    rest = value.removeprefix(prefix)
    if (
        rest == value
        or len(rest) > length
        or not rest.replace("_", "").isascii()
        or not rest.replace("_", "").isalnum()
    ):
        raise Unknown(f"There is no {value!r:.80}.")
    return value
