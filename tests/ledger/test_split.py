"""Whose the money of a sale is, after any refunds, in any currency of settlement."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.split import WHOLE_BP, Part, Sale, SettledSplit, basis, kept, sale_fault

ALONE = (Part("usr_ivy", WHOLE_BP),)


def sale(price: int = 10000, **changes: object) -> Sale:
    """At 70 %, of one instructor, without discount and tax."""
    terms = Sale(
        course_id="crs_1",
        revision=1,
        price_minor=price,
        basis_minor=price,
        share_bp=7000,
        instructors=ALONE,
    )
    return replace(terms, **changes)


def parts(split: SettledSplit) -> tuple[int, int, int, int]:
    """The instructors' together, the platform's, the tax, the discount."""
    shares = sum(one.amount_minor for one in split.instructors)
    return shares, split.platform_minor, split.tax_minor, split.discount_minor


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    price = draw(st.integers(1, 10**6))
    discount = draw(st.one_of(st.just(0), st.integers(0, price)))
    bearer = draw(st.sampled_from(["instructor", "platform"])) if discount else ""
    left = price - discount
    included = draw(st.booleans())
    tax = draw(st.integers(0, left if included else price))
    weights = draw(st.lists(st.integers(0, WHOLE_BP), max_size=3).map(sorted))
    cuts = [0, *weights, WHOLE_BP]
    drawn = sale(
        price,
        discount_minor=discount,
        discount_borne_by=bearer,
        tax_minor=tax,
        tax_included=included,
        basis_minor=basis(price, discount, bearer, tax if included else 0),
        share_bp=draw(st.integers(0, WHOLE_BP)),
        instructors=tuple(
            Part(f"usr_{i}", after - before) for i, (before, after) in enumerate(pairwise(cuts))
        ),
    )
    # a platform that gives all of it away charges nothing, so there is nothing to split
    return drawn if drawn.charged_minor > 0 else sale(price)


def test_one_share_is_rounded_and_the_other_is_the_rest() -> None:
    assert parts(kept(sale(645), 645, "usd")) == (451, 194, 0, 0)


def test_both_are_computed_from_what_remains_and_never_leg_by_leg() -> None:
    before, after = kept(sale(10), 10, "usd"), kept(sale(10), 10, "usd", 5)
    assert (parts(before), parts(after)) == ((7, 3, 0, 0), (3, 2, 0, 0))
    assert parts(after.since(before)) == (-4, -1, 0, 0)


def test_earnings_of_what_was_refunded_in_part_are_on_the_rest() -> None:
    assert parts(kept(sale(1000), 1000, "usd", 400)) == (420, 180, 0, 0)


def test_tax_is_outside_the_split_and_goes_back_with_it() -> None:
    taxed = sale(1200, tax_minor=240)
    assert (taxed.charged_minor, parts(kept(taxed, 1440, "usd"))) == (1440, (840, 360, 240, 0))
    assert parts(kept(taxed, 1440, "usd", 720)) == (420, 180, 120, 0)
    included = sale(1440, tax_minor=240, tax_included=True, basis_minor=1200)
    assert parts(kept(included, 1440, "usd")) == (840, 360, 240, 0)


def test_the_instructors_discount_shrinks_what_is_shared_and_the_platforms_does_not() -> None:
    instructors = sale(discount_minor=2000, discount_borne_by="instructor", basis_minor=8000)
    platforms = sale(discount_minor=2000, discount_borne_by="platform")
    assert parts(kept(instructors, 8000, "usd")) == (5600, 2400, 0, 0)
    assert parts(kept(platforms, 8000, "usd")) == (7000, 3000, 0, 2000)
    assert parts(kept(platforms, 8000, "usd", 4000)) == (3500, 1500, 0, 1000)


def test_several_instructors_share_by_largest_remainder_and_ties_go_by_their_ids() -> None:
    three = sale(100, share_bp=WHOLE_BP, instructors=(Part("c", 3333), Part("b", 3333), Part("a", 3334)))
    split = kept(three, 100, "usd")
    assert {one.user_id: one.amount_minor for one in split.instructors} == {"a": 34, "b": 33, "c": 33}
    tie = sale(1, share_bp=WHOLE_BP, instructors=(Part("b", 5000), Part("a", 5000)))
    assert [(one.user_id, one.amount_minor) for one in kept(tie, 1, "usd").instructors] == [("a", 1)]


def test_all_is_in_the_currency_of_settlement() -> None:
    split = kept(sale(tax_minor=2000), 10801, "eur", 6000)
    assert (split.currency, parts(split)) == ("eur", (3150, 1350, 900, 0))


def test_what_is_given_back_beyond_the_charge_is_the_platforms_loss_alone() -> None:
    assert parts(kept(sale(), 10000, "usd", 14000)) == (0, -4000, 0, 0)


def test_rounding_in_another_currency_makes_no_commission_negative() -> None:
    given_away = sale(3, discount_minor=1, discount_borne_by="platform", share_bp=WHOLE_BP)
    assert parts(kept(given_away, 3, "eur", 1)) == (2, 0, 0, 1)


@for_all(sales(), st.integers(1, 10**7), st.data())
def test_all_parts_add_up_and_none_is_negative_whatever_is_left(
    terms: Sale, settled: int, data: st.DataObject
) -> None:
    charged = terms.charged_minor
    back = data.draw(st.integers(0, charged))
    split = kept(terms, settled, "usd", back)
    assert split.total_minor == settled * (charged - back) // charged
    assert min(parts(split)) >= 0
    assert all(one.amount_minor > 0 for one in split.instructors)
    share = terms.basis_minor * terms.share_bp * settled * (charged - back)
    assert parts(split)[0] == share // (WHOLE_BP * charged * charged)


@for_all(sales(), st.integers(1, 10**7))
def test_nothing_is_left_to_anybody_of_what_is_given_back_in_full(terms: Sale, settled: int) -> None:
    assert kept(terms, settled, "usd", terms.charged_minor) == SettledSplit(currency="usd")
    assert kept(terms, settled, "usd").total_minor == settled


@for_all(sales(), st.integers(1, 10**7), st.lists(st.integers(0, 10**6), max_size=6))
def test_differences_add_up_to_what_is_kept(terms: Sale, settled: int, steps: list[int]) -> None:
    now = total = kept(terms, settled, "usd")
    for back in steps:
        after = kept(terms, settled, "usd", back)
        added = after.since(now)
        assert added.total_minor == after.total_minor - now.total_minor
        total, now = _plus(total, added), after
    assert total == now


def _plus(one: SettledSplit, other: SettledSplit) -> SettledSplit:
    nothing = SettledSplit(currency=one.currency)
    return one.since(nothing.since(other))


@for_all(sales())
def test_what_adds_up_has_no_fault(terms: Sale) -> None:
    assert sale_fault(terms, terms.charged_minor) == ""


@pytest.mark.parametrize(
    ("terms", "fault"),
    [
        (sale(0), "a price above zero"),
        (sale(discount_minor=10001, discount_borne_by="platform"), "a discount within it"),
        (sale(tax_minor=-1), "no negative tax"),
        (sale(discount_minor=5), "who bears its discount"),
        (sale(discount_borne_by="platform"), "who bears its discount"),
        (sale(basis_minor=9999), "must share 10000"),
        (sale(tax_minor=500), "comes to 10500, and 10000 is charged"),
        (sale(share_bp=10001), "from 0 to 10000 basis points"),
        (sale(instructors=()), "each instructor once"),
        (sale(instructors=(Part("a", 4000), Part("a", 6000))), "each instructor once"),
        (sale(instructors=(Part("a", -1), Part("b", 10001))), "each instructor once"),
    ],
)
def test_a_sale_that_does_not_add_up_is_told_why(terms: Sale, fault: str) -> None:
    assert fault in sale_fault(terms, 10000 if terms.price_minor else 0)
