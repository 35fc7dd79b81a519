"""How a movement came out, in numbers and in words: from the reckoning in its fact."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

from api.earnings.resources import Movement, MovementKind, Reckoned
from ledger.earnings.terms import Reckoning, Recovery
from ledger.money import format_minor
from ledger.split import WHOLE_BP
from projections.earnings.movements import PAYOUT, PAYOUT_REVERSED, EarningsMovementRow

_RECOVERED = {
    "netting": ("It was paid out already, wholly or in part: that is netted from later earnings.",),
    "reversal": (
        "It was paid out already, wholly or in part: that is taken back from the account at Stripe.",
    ),
}
_PLACES = 6
"""Of a minor unit: what is shown of a fraction that never ends."""


def movement_of(row: EarningsMovementRow, titles: Mapping[str, str]) -> Movement:
    explanation = _explained(row)
    return Movement(
        position=row.position,
        kind=msgspec.convert(row.kind, MovementKind),
        currency=row.currency,
        amount_minor=row.amount_minor,
        held_change_minor=row.held_change_minor,
        available_on=row.available_on,
        effective_at=row.effective_at,
        course_id=row.course_id or None,
        title=titles.get(row.course_id),
        payment_id=row.payment_id or None,
        payout_id=row.payout_id or None,
        recovery=msgspec.convert(row.recovery or None, Recovery | None),
        cause_position=row.cause_position,
        explanation=explanation,
        words=explanation.rule if explanation else _told(row),
    )


def _told(row: EarningsMovementRow) -> str:
    """Of what is no part of a sale."""
    amount = format_minor(abs(row.amount_minor), row.currency)
    if row.kind == PAYOUT:
        return f"The payout {row.payout_id}: {amount} went into the connected account at Stripe."
    if row.kind == PAYOUT_REVERSED:
        return f"{amount} of the payout {row.payout_id} came back, and are owed again or owed back no more."
    change = row.held_change_minor
    held = format_minor(abs(change), row.currency)
    return (
        f"A dispute holds {held} until it is decided." if change > 0 else f"A dispute holds {held} no more."
    )


def _explained(row: EarningsMovementRow) -> Reckoned | None:
    if row.reckoning is None:
        return None
    reckoning = msgspec.convert(row.reckoning, Reckoning)
    before = reckoning.kept_minor - row.amount_minor
    return Reckoned(
        price_currency=reckoning.price_currency,
        charged_minor=reckoning.charged_minor,
        given_back_minor=reckoning.given_back_minor,
        basis_minor=reckoning.basis_minor,
        settled_minor=reckoning.settled_minor,
        share_bp=reckoning.share_bp,
        part_bp=reckoning.part_bp,
        exact_minor=_decimal(reckoning.exact),
        rounding_minor=_decimal(reckoning.kept_minor - reckoning.exact),
        kept_minor=reckoning.kept_minor,
        before_minor=before,
        rule=" ".join([*_sentences(reckoning, row.currency, before), *_RECOVERED.get(row.recovery, ())]),
    )


def _sentences(reckoning: Reckoning, currency: str, before_minor: int) -> list[str]:
    basis = format_minor(reckoning.basis_minor, reckoning.price_currency)
    said = [f"Shared is the price without tax and the instructors' own discount: {basis}."]
    if reckoning.price_currency != currency:
        charged = format_minor(reckoning.charged_minor, reckoning.price_currency)
        said.append(f"Of the charge of {charged} came {format_minor(reckoning.settled_minor, currency)}.")
    if reckoning.given_back_minor:
        back = format_minor(reckoning.given_back_minor, reckoning.price_currency)
        said.append(
            f"{back} of the charge is given back, so that {_about(reckoning, currency)} of it is left."
        )
    said.append(_shared(reckoning, currency))
    if before_minor:
        said.append(f"It was {format_minor(before_minor, currency)} before.")
    return said


def _shared(reckoning: Reckoning, currency: str) -> str:
    share = f"{_percent(reckoning.share_bp)} of it"
    instructors = format_minor(reckoning.instructors_minor, currency)
    whole = f"The instructors' {share} is {instructors}, rounded down; the platform has the rest."
    if reckoning.part_bp == WHOLE_BP:
        return whole
    kept = format_minor(reckoning.kept_minor, currency)
    return f"{whole} Of that {_percent(reckoning.part_bp)} is {kept}, by largest remainder."


def _about(reckoning: Reckoning, currency: str) -> str:
    """What is left of the basis, as far as it can be written in the currency's decimals."""
    return format_minor(int(reckoning.basis_left), currency)


def _percent(basis_points: int) -> str:
    return f"{Decimal(basis_points) / 100:f} %"


def _decimal(exact: Fraction | int) -> str:
    rounded = round(Fraction(exact) * 10**_PLACES)
    text = f"{Decimal(rounded).scaleb(-_PLACES):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
