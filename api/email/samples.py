"""One letter of each kind, about nobody, for looking at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from api.email.letter import Letter, Money, Value
from api.email.recipients import Recipient
from api.organisations.branding import Brand

_SOON, _LATER = datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2026, 4, 3, 12, tzinfo=UTC)
_PRICE = Money(1190, "eur")
_FAILED: Final[Mapping[str, Value]] = {
    "amount": _PRICE,
    "plan": "Pro",
    "number": "LIB-0042",
    "confirm": False,
    "hard": False,
    "retry_at": _SOON,
    "until": _LATER,
}
_VALUES: Final[Mapping[str, Mapping[str, Value]]] = {
    "receipt": {
        "number": "R-000042",
        "what": "Course: Ancient Greek, from the first letter to Homer",
        "paid_at": _SOON,
        "amount": _PRICE,
    },
    "renewal": {
        "number": "R-000043",
        "plan": "Pro",
        "paid_at": _SOON,
        "paid_until": _LATER,
        "amount": _PRICE,
    },
    "refund": {"amount": _PRICE, "what": "Course: Ancient Greek", "of": "P-000042"},
    "payment_failed": _FAILED,
    "trial_ending": {"plan": "Pro", "ends_at": _SOON, "amount": _PRICE, "yearly": False},
    "cancellation_scheduled": {"plan": "Pro", "ends_at": _LATER},
    "subscription_ended": {"plan": "Pro", "ended_at": _SOON, "unpaid": True},
    "course_bought": {
        "title": "Ancient Greek, from the first letter to Homer",
        "given": False,
        "amount": _PRICE,
    },
    "invited": {"organisation": "Onyx Academy", "role": "member", "until": _LATER},
}
TEMPLATES: Final = tuple(_VALUES)
BRAND: Final = Brand(name="Onyx Academy", text_colour="#ffffff", background_colour="#1f4e79")


def sample(template: str, **changes: Value) -> Letter:
    """Raises `KeyError` for a template that there is not."""
    return Letter(user_id="usr_ada", template=template, values={**_VALUES[template], **changes})


def reader(language: str) -> Recipient:
    return Recipient(email="ada@example.org", name="Ada", time_zone="Europe/Berlin", language=language)
