"""Types of values that requests carry; the bounds are in the OpenAPI document too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from litestar.params import HeaderParameter, QueryParameter
from msgspec import Meta

from api.http.problems import FieldError, Unprocessable
from api.words import CURRENCY, NO_NUL, PAYMENT, PAYMENT_METHOD, TIME
from ledger import money
from ledger.errors import Unknown
from ledger.message import Instant

AmountMinor = Annotated[
    int,
    Meta(ge=1, le=999_999_999_999, description="In minor units: 1250 is 12.50 USD.", examples=[1250]),
]
CurrencyCode = Annotated[
    str, Meta(pattern=CURRENCY, description="ISO 4217, in either case.", examples=["usd"])
]
CurrencyFilter = Annotated[
    str | None, QueryParameter(pattern=CURRENCY, description="ISO 4217, in either case.")
]
CurrencyParameter = Annotated[str, QueryParameter(pattern=CURRENCY, description="ISO 4217, in either case.")]
PaymentMethodId = Annotated[
    str,
    Meta(
        pattern=PAYMENT_METHOD,
        description="Of Stripe.js or a saved card.",
        examples=["pm_card_visa"],
    ),
]
Text = Annotated[str, Meta(max_length=500, pattern=NO_NUL)]
PaymentIdText = Annotated[str, Meta(pattern=PAYMENT, examples=["pay_0199f3a2c4d87b1e9f20a1b2c3d4e5f6"])]
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


def currency_of(parameter: str, code: str) -> str:
    """In lower case, as it is stored. `Unprocessable` for one that no amount can be in."""
    if not money.is_currency(code.lower()):
        raise Unprocessable.at(
            FieldError(
                detail=f"{code!r} is no currency: send an ISO 4217 code such as usd", parameter=parameter
            )
        )
    return code.lower()


def instant(parameter: str, text: str | None) -> datetime | None:
    """A time from the query, strictly RFC 3339 with a zone: Litestar alone would take `0.3` for one."""
    [at] = _instants({parameter: text})
    return at


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The times of `from` and `to`. Equal ones hold nothing between them, which is no mistake: a program that
    asks for what came since it last looked may be quick.
    """
    start, end = _instants({"from": since, "to": until})
    if start is not None and end is not None and start > end:
        raise Unprocessable.at(
            FieldError(detail="must not be after `to`", parameter="from"),
            FieldError(detail="must not be before `from`", parameter="to"),
        )
    return start, end


def _instants(of: Mapping[str, str | None]) -> list[datetime | None]:
    """By parameter; raises `Unprocessable` for all that are none."""
    found: list[datetime | None] = []
    errors: list[FieldError] = []
    for parameter, text in of.items():
        try:
            found.append(None if text is None else msgspec.convert(text, Instant))
        except msgspec.ValidationError:
            # in an address, + is read as a space
            hint = "; write the + of a zone as %2B" if text and " " in text else ""
            errors.append(FieldError(detail=f"{TIME}{hint}", parameter=parameter))
    if errors:
        raise Unprocessable.at(*errors)
    return found


_THINGS = {"pay_": "payment", "in_": "invoice", "pm_": "saved card"}


def known_shape(value: str, prefix: str, length: int = 200) -> str:
    """An id from the path; `Unknown` when nothing can have it, so that it is 404 and no query is made."""
    rest = value.removeprefix(prefix)
    if (
        rest == value
        or len(rest) > length
        or not rest.replace("_", "").isascii()
        or not rest.replace("_", "").isalnum()
    ):
        raise Unknown(f"There is no {_THINGS[prefix]} {value!r:.80}.")
    return value
