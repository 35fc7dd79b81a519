"""Types of values that requests carry; the bounds are in the OpenAPI document too."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from litestar.params import HeaderParameter, QueryParameter
from msgspec import Meta

from api.http.checks import Check, time
from api.words import CURRENCY, NO_NUL, PAYMENT, PAYMENT_METHOD, USER
from ledger import money
from ledger.chart import TOK
from ledger.errors import NotFound


def currency_fault(code: str) -> str | None:
    if money.is_currency(code.lower()):
        return None
    return f"{code!r} is no currency: send an ISO 4217 code such as usd"


AmountMinor = Annotated[
    int,
    Meta(ge=1, le=999_999_999_999, description="In minor units: 1250 is 12.50 USD.", examples=[1250]),
]
CurrencyCode = Annotated[
    str,
    Meta(pattern=CURRENCY, description="ISO 4217, in either case.", examples=["usd"]),
    Check(currency_fault),
]
CurrencyFilter = Annotated[
    str | None,
    QueryParameter(pattern=CURRENCY, description="ISO 4217, in either case."),
    Check(currency_fault),
]
UnitParameter = Annotated[
    str,
    QueryParameter(pattern=CURRENCY, description="ISO 4217 in either case, or TOK for tokens."),
    Check(lambda code: None if code.upper() == TOK else currency_fault(code)),
]
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
    Meta(pattern=USER, description="Admins: whose; else the caller's own."),
]
Since = Annotated[
    str | None, QueryParameter(name="from", format="date-time", description="Begun at or after.")
]
Until = Annotated[str | None, QueryParameter(name="to", format="date-time", description="Begun before.")]
WhoseParameter = Annotated[
    str | None,
    QueryParameter(pattern=USER, description="Admins: whose; else the caller's own."),
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


def currency_of(code: str) -> str:
    """Of the query, in lower case, as it is stored."""
    return code.lower()


def unit_of(code: str) -> str:
    """As the books have it: a currency, or the unit of tokens."""
    return TOK if code.upper() == TOK else currency_of(code)


def instant(text: str | None) -> datetime | None:
    """A time of the query."""
    return None if text is None else time(text)


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The times of `from` and `to`."""
    return instant(since), instant(until)


_THINGS = {
    "pay_": "payment",
    "re_": "refund",
    "in_": "invoice",
    "sub_": "subscription",
    "pm_": "saved card",
    "crs_": "course",
    "enr_": "enrolment",
    "crt_": "certificate",
    "rvw_": "review",
    "ipo_": "payout",
    "red_": "redemption",
    "awr_": "award",
    "org_": "organisation",
    "oiv_": "invitation",
    "cls_": "class",
    "lic_": "licence",
    "linv_": "invoice of a licence",
    "ord_": "order",
    "oit_": "item of an order",
    "txn_": "movement at Stripe",
    "whe_": "webhook endpoint",
}


_is_user = re.compile(USER).match


def known_user(user_id: str) -> str:
    """A user's id from the path; `NotFound` when nobody can have it."""
    if not _is_user(user_id):
        raise NotFound(f"There is no user {user_id!r:.80}.")
    return user_id


def known_shape(value: str, prefix: str, length: int = 200) -> str:
    """An id from the path; `NotFound` when nothing can have it, so that it is 404 and no query is made."""
    rest = value.removeprefix(prefix)
    if (
        rest == value
        or len(rest) > length
        or not rest.replace("_", "").isascii()
        or not rest.replace("_", "").isalnum()
    ):
        raise NotFound(f"There is no {_THINGS[prefix]} {value!r:.80}.")
    return value
