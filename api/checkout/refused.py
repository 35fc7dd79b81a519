"""A checkout of which Stripe opens no page: a refusal, as of a card that Stripe does not take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.checkout.bodies import NewCheckout, kind_of
from api.checkout.resources import Checkout
from api.checkout.wishes import Call
from api.http.problems import ApiError, FieldError, Problem, answer, problem, status_of
from api.payments import declines
from ledger.enrolments.refusals import NotChargeable
from ledger.errors import LedgerError, Refused
from ledger.licences.refusals import LicenceNotChargeable
from ledger.payments.refusals import InvalidAmount
from ledger.subscriptions.refusals import InvalidPrice


class CheckoutRefused(ApiError):
    """Stripe opens no page for this. Nothing was charged, and nothing is held for it."""

    code = "checkout_refused"
    remedy = (
        "Read `detail` and `checkout.failure`; tell who runs the service when another checkout ends so too."
    )
    passing = False


class CheckoutNotOpened(Problem, kw_only=True):
    """`checkout` is the attempt, which stays on record."""

    checkout: Checkout


_OF_AMOUNT: Mapping[str, type[Refused]] = {
    "payment": InvalidAmount,
    "course": NotChargeable,
    "subscription": InvalidPrice,
    "licence": LicenceNotChargeable,
    "licence_invoice": LicenceNotChargeable,
}
"""Where Stripe takes no such amount; only of the first kind it is the caller's to correct."""
BODIES: Mapping[type[LedgerError], type[Problem]] = dict.fromkeys(
    (CheckoutRefused, *_OF_AMOUNT.values()), CheckoutNotOpened
)


def refused(request: Call, body: NewCheckout, shown: Checkout, headers: Mapping[str, str]) -> Response[Any]:
    """For a `shown` that failed when it was to be opened."""
    kind, code = kind_of(body), shown.failure.code if shown.failure else ""
    of: type[LedgerError] = CheckoutRefused
    why, errors = _why(shown), []
    if code in declines.OF_AMOUNT:
        of, why = _OF_AMOUNT[kind], f"What is to pay {declines.OF_AMOUNT[code]}."
        errors = [FieldError(detail=why, pointer="/payment/amount_minor")] if kind == "payment" else []
    common = problem(of.code, why, request.url.path, errors, status_of(of))
    return answer(CheckoutNotOpened(**msgspec.structs.asdict(common), checkout=shown), headers)


def _why(shown: Checkout) -> str:
    code = f" ({shown.failure.code})" if shown.failure else ""
    return f"Stripe opens no page for this{code}. Nothing was charged."
