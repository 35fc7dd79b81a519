"""Types of values that requests carry; the bounds are in the OpenAPI document too."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar.params import HeaderParameter, QueryParameter
from msgspec import Meta

from api.problems import FieldError, Malformed, Unprocessable
from ledger.errors import Unknown
from ledger.message import Instant

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text cannot hold it."""

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
    """Strictly by the type: Litestar alone would take `"12"` for a number.

    Raises `Malformed` for what is no JSON, `Unprocessable` with a pointer for what is no such body.
    """
    try:
        decoder.decode(body)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `")
        pointer = "".join(f"/{step}" for step in _STEP.findall(path)) + _unknown_field(detail)
        raise Unprocessable(
            f"{pointer or 'The body'}: {detail}", errors=[FieldError(detail=detail, pointer=pointer)]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"The body is no JSON: {error}") from None


_STEP = re.compile(r"[^$.`\[\]]+")
_UNKNOWN_FIELD = re.compile(r"contains unknown field `(.*)`")


def _unknown_field(detail: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc6901#section-3"""
    found = _UNKNOWN_FIELD.search(detail)
    return "/" + found[1].replace("~", "~0").replace("/", "~1") if found else ""


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
