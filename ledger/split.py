"""Whose the money of a sale is: one pure function for the books, for earnings and for who explains them.

What was agreed at the sale is a `Sale`, in the currency of the charge. Each part is always computed from what
is left of the charge, never from what is given back, and a fact carries the difference: so any partition of
refunds ends exact, and a full one at zero. The instructors' share is rounded down, and the platform has the
rest, which is also where the price of rounding is.
"""

from __future__ import annotations

from msgspec import Struct

from ledger import money

WHOLE_BP = 10_000
"""All of something, in basis points."""
BEARERS = frozenset({"instructor", "platform"})
"""Who can bear a discount. The instructor's shrinks what is shared; the platform's comes off its own part."""


class Part(Struct, frozen=True, gc=False):
    """What one instructor of a course has of the instructors' share."""

    user_id: str
    part_bp: int


class Sale(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was agreed when a course was sold; nothing that changes later changes it."""

    course_id: str
    revision: int
    """Of the course, as it was bought."""
    price_minor: int
    """Before any discount; with the tax in it where `tax_included`."""
    discount_minor: int = 0
    discount_borne_by: str = ""
    tax_minor: int = 0
    tax_included: bool = False
    basis_minor: int
    """What instructors and platform share: the price without the instructor's discount and without tax."""
    share_bp: int
    """The instructors' share of the basis."""
    instructors: tuple[Part, ...]
    catalogue_version: str = ""
    """Of which the share is."""

    @property
    def given_minor(self) -> int:
        """The discount that the platform bears."""
        return self.discount_minor if self.discount_borne_by == "platform" else 0

    @property
    def charged_minor(self) -> int:
        """What the buyer pays."""
        return self.basis_minor + self.tax_minor - self.given_minor


def basis(price_minor: int, discount_minor: int, borne_by: str, tax_included_minor: int) -> int:
    """What is shared of a price."""
    shrinks = discount_minor if borne_by == "instructor" else 0
    return price_minor - shrinks - tax_included_minor


def sale_fault(sale: Sale, amount_minor: int) -> str:
    """Why a sale does not add up to what is charged for it, as the end of a sentence; empty when it does."""
    if sale.price_minor <= 0 or not 0 <= sale.discount_minor <= sale.price_minor or sale.tax_minor < 0:
        return "must have a price above zero, a discount within it, and no negative tax"
    if bool(sale.discount_minor) != (sale.discount_borne_by in BEARERS):
        return f"must say who bears its discount, one of {sorted(BEARERS)}, and nobody where there is none"
    taxed = sale.tax_minor if sale.tax_included else 0
    shared = basis(sale.price_minor, sale.discount_minor, sale.discount_borne_by, taxed)
    if sale.basis_minor != shared or shared < 0:
        return f"must share {shared}, what is left of its price, and not {sale.basis_minor}"
    if sale.charged_minor != amount_minor or amount_minor <= 0:
        return f"comes to {sale.charged_minor}, and {amount_minor} is charged"
    return parts_fault(sale)


def parts_fault(sale: Sale) -> str:
    """Of its shares alone, also where nothing is charged."""
    if not 0 <= sale.share_bp <= WHOLE_BP:
        return f"must give the instructors from 0 to {WHOLE_BP} basis points, not {sale.share_bp}"
    parts = {part.user_id: part.part_bp for part in sale.instructors}
    whole = sum(parts.values()) == WHOLE_BP and min(parts.values()) >= 0
    if not whole or len(parts) != len(sale.instructors):
        return f"must name each instructor once, with parts that add up to {WHOLE_BP} basis points"
    return ""


class Amount(Struct, frozen=True, gc=False):
    """One instructor's, in minor units."""

    user_id: str
    amount_minor: int


class SettledSplit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose a sum is, in the currency of settlement. In a fact it is what the fact adds to each part: a
    refund's amounts are negative.
    """

    currency: str
    instructors: tuple[Amount, ...] = ()
    """Without those who have nothing of it."""
    platform_minor: int = 0
    """The commission, before the discount that the platform bears."""
    tax_minor: int = 0
    discount_minor: int = 0
    """Borne by the platform: by so much the other parts are more than the sum."""
    org_id: str = ""
    credit_minor: int = 0
    """What pays for a licence: that organisation's, in the currency of the charge, until an invoice is paid
    with it."""

    @property
    def total_minor(self) -> int:
        shares = sum(one.amount_minor for one in self.instructors)
        return shares + self.platform_minor + self.tax_minor + self.credit_minor - self.discount_minor

    def since(self, before: SettledSplit) -> SettledSplit:
        """What was added to each part."""
        had = {one.user_id: one.amount_minor for one in before.instructors}
        has = {one.user_id: one.amount_minor for one in self.instructors}
        added = {user_id: has.get(user_id, 0) - had.get(user_id, 0) for user_id in sorted({*had, *has})}
        return SettledSplit(
            currency=self.currency,
            instructors=_amounts(added),
            platform_minor=self.platform_minor - before.platform_minor,
            tax_minor=self.tax_minor - before.tax_minor,
            discount_minor=self.discount_minor - before.discount_minor,
            org_id=self.org_id,
            credit_minor=self.credit_minor - before.credit_minor,
        )


class Stakes(Struct, frozen=True, omit_defaults=True):
    """How a sale stands after a fact, beside whose the money is that the fact moves."""

    given_back_minor: int
    """Of the charge, by refunds and lost disputes, in its currency."""
    held: tuple[Amount, ...] = ()
    """By how much more of each instructor's share disputes hold than before the fact; below zero for less."""


def kept(sale: Sale, settled_minor: int, currency: str, given_back_minor: int = 0) -> SettledSplit:
    """Whose what is left of a charge is.

    `settled_minor` of `currency` is the gross of the charge's balance transaction; `given_back_minor`, by
    refunds and lost disputes, is in the currency of the charge. What is given back beyond the charge, as a
    dispute of what was refunded can, is the platform's loss alone. For a sale without fault.
    """
    charged = sale.charged_minor
    left = min(max(charged - given_back_minor, 0), charged)
    # each part is `its amount · settled / charged · left / charged`, rounded once
    over = charged * charged
    scale = settled_minor * left
    shares = scale * sale.basis_minor * sale.share_bp // (over * WHOLE_BP)
    tax = scale * sale.tax_minor // over
    discount = -(-scale * sale.given_minor // over)  # up, so that no rounding makes a commission negative
    whole = settled_minor * (charged - given_back_minor) // charged
    parts = money.split(shares, {part.user_id: part.part_bp for part in sale.instructors})
    return SettledSplit(
        currency=currency,
        instructors=_amounts(parts),
        platform_minor=whole - shares - tax + discount,
        tax_minor=tax,
        discount_minor=discount,
    )


def credited(org_id: str, left_minor: int, currency: str) -> SettledSplit:
    """Whose what is left of a charge for a licence is. What went back beyond it is the platform's loss."""
    credit = max(left_minor, 0)
    return SettledSplit(
        currency=currency, org_id=org_id, credit_minor=credit, platform_minor=left_minor - credit
    )


def unshared(settled_minor: int, currency: str, charged_minor: int, given_back_minor: int) -> SettledSplit:
    """What is left of a charge that is all the platform's, at the rate that it was settled at; below zero for
    what went back beyond the charge.
    """
    left = charged_minor - given_back_minor
    return SettledSplit(currency=currency, platform_minor=settled_minor * left // charged_minor)


def held(
    sale: Sale, settled_minor: int, currency: str, given_back_minor: int, at_stake_minor: int
) -> dict[str, int]:
    """What each instructor loses of what is left if disputes take `at_stake_minor` more of the charge."""
    left = by_user(kept(sale, settled_minor, currency, given_back_minor))
    safe = by_user(kept(sale, settled_minor, currency, given_back_minor + max(at_stake_minor, 0)))
    # never below zero: by largest remainder one can have more of less
    return {user_id: max(amount - safe.get(user_id, 0), 0) for user_id, amount in left.items()}


def held_since(before: dict[str, int], after: dict[str, int]) -> tuple[Amount, ...]:
    """By how much more, or less, of each one's share is held than before."""
    return _amounts({one: after.get(one, 0) - before.get(one, 0) for one in before.keys() | after.keys()})


def by_user(split: SettledSplit | None) -> dict[str, int]:
    """The instructors' amounts; nothing where there is no split."""
    return {one.user_id: one.amount_minor for one in split.instructors} if split else {}


def given(sale: Sale, currency: str) -> SettledSplit | None:
    """Whose a sale is of which the platform bears all: nobody is charged, so that `currency` is the sale's.
    None for any other. For a sale without fault.
    """
    if not sale.given_minor or sale.charged_minor:
        return None
    shares = sale.basis_minor * sale.share_bp // WHOLE_BP
    parts = money.split(shares, {part.user_id: part.part_bp for part in sale.instructors})
    return SettledSplit(
        currency=currency,
        instructors=_amounts(parts),
        platform_minor=sale.basis_minor - shares,
        tax_minor=sale.tax_minor,
        discount_minor=sale.given_minor,
    )


def shared(sale: Sale, minor: int, currency: str) -> SettledSplit:
    """Whose `minor` is, which was paid for any number of such sales, none of which has a discount. Each part
    is rounded once for all that is paid, so that any parts in which it comes end alike. For a sale without
    fault.
    """
    tax = minor * sale.tax_minor // sale.charged_minor
    shares = (minor - tax) * sale.share_bp // WHOLE_BP
    parts = money.split(shares, {part.user_id: part.part_bp for part in sale.instructors})
    return SettledSplit(
        currency=currency,
        instructors=_amounts(parts),
        platform_minor=minor - tax - shares,
        tax_minor=tax,
    )


def _amounts(by_user: dict[str, int]) -> tuple[Amount, ...]:
    return tuple(Amount(user_id, amount) for user_id, amount in sorted(by_user.items()) if amount)
