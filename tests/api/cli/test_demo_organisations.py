"""The demonstration's licences stand as they are named, on whatever day it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from api.demo.organisations import (
    CALLS,
    ENTERPRISES,
    HARBOUR,
    LAKESIDE,
    MILL,
    PUPILS,
    RIVERSIDE,
    Accept,
    Claim,
    EnterpriseAction,
    Found,
    Issue,
    Quote,
    Use,
    month_at,
    organisations,
)
from api.demo.plan import DAYS
from api.licences.bodies import NewLicence, NewLicenceQuote
from api.usage.overage import closed_months
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.licences.terms import first_term
from ledger.usage.metrics import open_months

ENDS = [datetime(2027, 1, 1, 9, 30, tzinfo=UTC) + timedelta(days=day) for day in range(2 * 366)]
END = ENDS[59]


def of(end: datetime, org: str) -> list[EnterpriseAction]:
    return sorted((one for one in organisations(end) if one.org == org), key=lambda action: action.at)


def ends_at(end: datetime, org: str) -> datetime:
    (issued,) = [one for one in of(end, org) if isinstance(one, Issue)]
    return first_term(1, issued.at, issued.body["months"]).ends_at


@pytest.mark.parametrize("org", [one.name for one in ENTERPRISES])
def test_each_is_founded_first_and_all_is_past_and_within_the_history(org: str) -> None:
    for end in ENDS:
        done = of(end, org)
        assert isinstance(done[0], Found)
        assert end - timedelta(days=DAYS) < done[0].at, end
        assert done[-1].at < end


def test_a_licence_ends_within_a_week_and_another_is_in_its_grace() -> None:
    grace = timedelta(days=DEFAULT_CATALOGUE.licence_tiers["professional"].grace_days)
    for end in ENDS:
        assert end + timedelta(days=1) < ends_at(end, RIVERSIDE) < end + timedelta(days=7), end
        assert end - grace + timedelta(days=7) < ends_at(end, MILL) < end, end


def test_what_was_used_beyond_a_limit_is_of_the_last_month_that_is_closed_and_was_said_in_time() -> None:
    for end in ENDS:
        used, since = [one for one in of(end, HARBOUR) if isinstance(one, Use)]
        assert month_at(used) == closed_months(end)[0], end
        assert month_at(used) in open_months(used.at)
        assert month_at(since) != month_at(used), "an item of a closed month would be refused"
        (issued,) = [one for one in of(end, HARBOUR) if isinstance(one, Issue)]
        assert issued.at < used.at < since.at
    assert CALLS["api_calls"] > (
        DEFAULT_CATALOGUE.licence_tiers["professional"].limits["api_calls"].limit or 0
    )


def test_members_claim_seats_once_there_is_a_licence_and_those_of_the_lab_are_held() -> None:
    done = of(END, LAKESIDE)
    begun = {one.licence: one.at for one in done if isinstance(one, Accept | Issue)}
    claims = [one for one in done if isinstance(one, Claim)]
    assert {one.user_id for one in claims} == set(PUPILS)
    assert all(one.at > begun[one.licence] for one in claims)
    (lab,) = [one for one in done if isinstance(one, Issue)]
    lease = timedelta(minutes=lab.body["custom"]["lease_minutes"])
    assert all(one.at + lease > END for one in claims if one.licence == lab.licence)


def test_what_is_asked_are_bodies_of_the_api() -> None:
    quoted: dict[str, Any] = {"org_id": "org_0", "valid_until": "2027-03-01T00:00:00Z"}
    for action in organisations(END):
        match action:
            case Issue(body=body):
                msgspec.convert({"org_id": "org_0", **body}, NewLicence)
            case Quote(body=body):
                msgspec.convert({**quoted, **body}, NewLicenceQuote)
