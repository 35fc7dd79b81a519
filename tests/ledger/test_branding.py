"""Brands of organisations: who sets one, that it can be read, and that a licence lets it be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Forbidden, NotFound
from ledger.licences.commands import (
    ActivateLicence,
    ReinstateLicence,
    RenewLicence,
    RevokeLicence,
    SuspendLicence,
)
from ledger.message import Origin
from ledger.organisations.branding import brand_of
from ledger.organisations.contrast import contrast
from ledger.organisations.decider import decide
from ledger.organisations.events import BrandSet
from ledger.organisations.refusals import (
    InvalidBrand,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    WhiteLabelMissing,
)
from ledger.organisations.state import Brand
from ledger.permissions import check
from tests.ledger.licence_examples import DAY, GIVEN, NEW_YEAR, PROFESSIONAL, STARTER, Life
from tests.ledger.organisation_examples import MAX, MIA, OLA, ORG, STAFFED, ZOE, after, brand, close

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def white_label() -> Life:
    life = Life(grant=PROFESSIONAL, billing=GIVEN)
    life.do(ActivateLicence)
    return life


@pytest.mark.parametrize(
    ("text", "background", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.478),
        ("#767676", "#FFFFFF", 4.542),
        ("#ff0000", "#ffffff", 3.998),
        ("#1f4e79", "#1f4e79", 1.0),
    ],
)
def test_the_contrast_is_that_of_wcag(text: str, background: str, ratio: float) -> None:
    assert contrast(text, background) == pytest.approx(ratio, abs=0.001)


@given(COLOURS, COLOURS)
def test_a_contrast_is_the_same_both_ways_and_from_one_to_twenty_one(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21


@pytest.mark.parametrize("user_id", [OLA, MAX])
def test_owners_and_managers_set_a_brand(user_id: str) -> None:
    asked = brand(user_id)
    fact = BrandSet(
        org_id=ORG,
        words_id=asked.words_id,
        words_hash=asked.words_hash,
        text_colour="#ffffff",
        background_colour="#1f4e79",
    )
    assert decide(asked, after(*STAFFED)) == (fact,)
    organisation = after(*STAFFED, asked)
    assert organisation.brand == Brand(asked.words_id, "#ffffff", "#1f4e79")
    assert decide(asked, organisation) == ()


def test_a_brand_is_none_of_a_members_or_a_strangers_business() -> None:
    with pytest.raises(OrganisationRoleMissing):
        decide(brand(MIA), after(*STAFFED))
    with pytest.raises(NotFound):
        decide(brand(ZOE), after(*STAFFED))
    with pytest.raises(NotFound):
        decide(brand(ZOE, by_admin=True), after())
    assert decide(brand(ZOE, by_admin=True), after(*STAFFED))
    with pytest.raises(Forbidden):
        check(brand(MIA, by_admin=True), Origin(actor=MIA, roles=frozenset({"student"})))


def test_a_closed_organisation_sets_none() -> None:
    with pytest.raises(OrganisationIsClosed):
        decide(brand(), after(*STAFFED, close()))


def test_without_the_feature_it_is_told_where_it_comes_from() -> None:
    tiers = ("professional", "enterprise")
    with pytest.raises(WhiteLabelMissing, match=r"with the tier professional or enterprise\."):
        decide(brand(entitled=False, tiers=tiers), after(*STAFFED))
    with pytest.raises(WhiteLabelMissing, match="No tier"):
        decide(brand(entitled=False), after(*STAFFED))


@pytest.mark.parametrize("colour", ["white", "#fff", "#1f4e7g", "#1f4e79\n"])
def test_a_colour_is_six_digits(colour: str) -> None:
    for field in ("text_colour", "background_colour"):
        with pytest.raises(InvalidBrand, match="no colour"):
            decide(brand(**{field: colour}), after(*STAFFED))


def test_a_text_that_cannot_be_read_is_refused_with_what_it_has_and_what_it_needs() -> None:
    """Told in full: 4.478 is not rounded up to look like enough."""
    with pytest.raises(InvalidBrand, match=r"#777777 on #ffffff has a contrast of 4\.47 : 1, and 4\.5 : 1"):
        decide(brand(text_colour="#777777", background_colour="#ffffff"), after(*STAFFED))
    assert decide(brand(text_colour="#767676", background_colour="#ffffff"), after(*STAFFED))


def test_a_brand_is_used_while_a_licence_with_the_feature_works() -> None:
    branded, life = after(*STAFFED, brand()), white_label()

    def used(at: object = NEW_YEAR) -> bool:
        return brand_of(branded, [life.licence], at) is not None  # type: ignore[arg-type]  # moments

    assert used()
    life.do(SuspendLicence)
    assert not used()
    life.do(ReinstateLicence)
    assert used(NEW_YEAR + 365 * DAY + 13 * DAY), "the grace counts"
    assert not used(NEW_YEAR + 365 * DAY + 14 * DAY)
    life.do(RevokeLicence, credit=False)
    assert not used()


def test_a_brand_goes_with_the_tier_and_stays_set() -> None:
    branded, life = after(*STAFFED, brand()), white_label()
    life.do(RenewLicence, term=2, grant=STARTER, billing=GIVEN)
    end = NEW_YEAR + 365 * DAY
    assert brand_of(branded, [life.licence], end - DAY / 2) == branded.brand
    assert brand_of(branded, [life.licence], end) is None
    assert brand_of(branded, [life.licence, white_label().licence], end - DAY) == branded.brand


def test_what_is_not_activated_gives_no_brand_and_neither_does_a_closed_organisation() -> None:
    branded = after(*STAFFED, brand())
    assert brand_of(branded, [Life(grant=PROFESSIONAL).licence], NEW_YEAR) is None
    assert brand_of(branded, [], NEW_YEAR) is None
    assert brand_of(replace(branded, closed=True), [white_label().licence], NEW_YEAR) is None
    assert brand_of(after(*STAFFED), [white_label().licence], NEW_YEAR) is None
