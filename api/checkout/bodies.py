"""What a checkout is asked to be."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from api.enrolments.buying import CourseToBuy
from api.http.body import AmountMinor, CurrencyCode, Text
from api.http.problems import FieldError, Unprocessable
from api.licences.bodies import LicenceWanted
from api.subscriptions.subscribing import PlanWanted
from api.words import NO_NUL

Place = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        pattern=NO_NUL,
        description="On a site that the operator allows. Stripe fills in `{CHECKOUT_SESSION_ID}`.",
        examples=["https://shop.example.org/paid"],
    ),
]
ReturnPlace = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        pattern=NO_NUL,
        description="On a site that the operator allows.",
        examples=["https://shop.example.org/account"],
    ),
]


class AmountToPay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page shows `description`, which the ledger keeps for ever: it must name nobody.
    `save_payment_method` keeps the card for later payments.
    """

    amount_minor: AmountMinor
    currency: CurrencyCode
    description: Text = ""
    save_payment_method: bool = False


class InvoiceOfLicenceToPay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is open of it. With `expected_minor`, what is open must be that."""

    licence_id: Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]
    invoice_id: Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]
    expected_minor: AmountMinor | None = None


class NewCheckout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of `payment`, `course`, `subscription`, `licence` and `licence_invoice` says what is paid.
    The addresses are kept for ever, and must name nobody.
    """

    success_url: Place
    cancel_url: Place
    payment: AmountToPay | None = None
    course: CourseToBuy | None = None
    subscription: PlanWanted | None = None
    licence: LicenceWanted | None = None
    licence_invoice: InvoiceOfLicenceToPay | None = None


_KINDS = ("payment", "course", "subscription", "licence", "licence_invoice")


def kind_of(body: NewCheckout) -> str:
    """The member that says what is paid."""
    return next(name for name in _KINDS if getattr(body, name) is not None)


def check_one(body: NewCheckout) -> None:
    """Raises `Unprocessable` unless it says one thing."""
    said = [name for name in _KINDS if getattr(body, name) is not None]
    if len(said) != 1:
        detail = (
            f"say one of {', '.join(_KINDS)}; {len(said) or 'none'} of them {'are' if said else 'is'} there"
        )
        raise Unprocessable.at(FieldError(detail=detail, pointer="/" + (said[-1] if said else _KINDS[0])))
