"""Seats: one for a device, never more than the licence has, and those that lapse free themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from ledger import effects
from ledger.errors import Contended, NotFound
from ledger.licences.live import LicenceNotLive
from ledger.organisations.events import MemberJoined, MemberLeft
from ledger.seats.commands import FreeMemberSeats
from ledger.seats.events import SeatActivated, SeatDeactivated, SeatReleased, SeatsLapsed
from ledger.seats.policy import react
from ledger.seats.refusals import InvalidSeat, SeatsExceeded, SeatTaken, TransfersExceeded
from tests.ledger.examples import recorded
from tests.ledger.licence_examples import LICENCE, NEW_YEAR, ORG
from tests.ledger.seat_examples import FLOATING, TEN, Room

FEBRUARY = NEW_YEAR + timedelta(days=31)


def full(room: Room) -> Room:
    for number in range(room.terms.limit or 0):
        room.claim(f"d{number}")
    return room


def test_one_device_is_one_seat_after_ten_restarts() -> None:
    room = Room()
    facts = [fact for _ in range(10) for fact in room.claim("laptop")]
    assert [type(one) for one in facts] == [SeatActivated]


def test_the_limit_itself_is_given_and_the_next_is_refused() -> None:
    room = full(Room())
    with pytest.raises(SeatsExceeded, match="10 seats are in use, and this licence has 10"):
        room.claim("eleventh")
    assert not room.claim("d3"), "who has a seat keeps it"


def test_whoever_is_inactive_holds_no_seat() -> None:
    room = full(Room())
    assert [type(one) for one in room.deactivate("sea_4")] == [SeatDeactivated]
    assert [type(one) for one in room.claim("next")] == [SeatActivated]
    with pytest.raises(SeatsExceeded):
        room.claim("d3")


def test_who_leaves_has_none_of_theirs_and_no_transfer_is_counted() -> None:
    room = Room(replace(TEN, transfers=0))
    for device in ("laptop", "phone"):
        room.claim(device, user_id="usr_ann")
    room.claim("tablet")
    gone = FreeMemberSeats(command_id="cmd", effective_at=NEW_YEAR, licence_id=LICENCE, user_id="usr_ann")
    assert [one.month for one in room.do(gone)] == ["", ""]
    assert room.taken == ["tablet"]
    assert room.do(gone) == []


def test_that_a_member_left_asks_for_their_seats() -> None:
    left = recorded(MemberLeft(org_id=ORG, user_id="usr_ann"))
    assert react(left) == (effects.FreeMemberSeats(ORG, "usr_ann", left.position),)
    assert (
        react(recorded(MemberJoined(org_id=ORG, user_id="usr_ann", role="member", invitation_id="inv_1")))
        == ()
    )


def test_over_a_limit_that_was_lowered_only_new_ones_wait() -> None:
    room = Room(replace(TEN, limit=5))
    full(room)
    room.terms = replace(TEN, limit=3, as_of=4)
    assert not room.claim("d4"), "the five go on working"
    with pytest.raises(SeatsExceeded):
        room.claim("sixth")
    for device in ("d0", "d1", "d2"):
        room.release(device)
    assert len(room.taken) == 2
    assert [type(one) for one in room.claim("sixth")] == [SeatActivated]


def test_a_claim_that_knows_the_licence_as_it_was_is_decided_no_more() -> None:
    room = Room(replace(TEN, limit=2, as_of=9))
    room.claim("one")
    with pytest.raises(Contended, match="send it again"):
        room.claim("two", limit=5, as_of=8)
    assert room.claim("two", as_of=10)


@pytest.mark.parametrize("status", ["", "quoted", "created", "suspended", "expired", "revoked"])
def test_a_licence_that_gives_nothing_gives_no_seat(status: str) -> None:
    with pytest.raises(LicenceNotLive):
        Room().claim("laptop", status=status)


def test_in_grace_seats_are_given() -> None:
    assert Room().claim("laptop", status="grace")


def test_a_device_of_somebody_else_is_not_taken_over() -> None:
    room = Room()
    room.claim("shared", user_id="usr_ann")
    with pytest.raises(SeatTaken):
        room.claim("shared", user_id="usr_bob")
    assert not room.release("shared", user_id="usr_bob")
    assert room.taken == ["shared"]


def test_a_lease_that_lapsed_is_freed_by_the_next_claim() -> None:
    room = full(Room(FLOATING))
    facts = room.claim("next", lapsed=("sea_1", "sea_2", "sea_99"))
    assert [type(one) for one in facts] == [SeatsLapsed, SeatActivated]
    assert facts[0].seat_ids == ("sea_1", "sea_2")
    assert room.claim("d0"), "and its device claims anew"


def test_what_is_said_of_a_lease_that_lapsed_frees_no_later_one() -> None:
    room = full(Room(FLOATING))
    room.claim("d0", lapsed=("sea_1",))
    with pytest.raises(SeatsExceeded):
        room.claim("next", lapsed=("sea_1",))
    assert "d0" in room.taken


def test_a_named_seat_does_not_lapse() -> None:
    room = full(Room())
    with pytest.raises(SeatsExceeded):
        room.claim("next", lapsed=("sea_1",))


def test_named_seats_are_freed_as_often_as_a_month_allows() -> None:
    room = Room(replace(TEN, transfers=1))
    for device in ("one", "two"):
        room.claim(device)
    (released,) = room.release("one")
    assert isinstance(released, SeatReleased)
    assert released.month == "2026-01"
    with pytest.raises(TransfersExceeded, match="1 named seats were freed in 2026-01, and 1 may be"):
        room.release("two")
    assert room.release("two", effective_at=FEBRUARY)


def test_an_administrator_is_held_to_no_transfers_and_floating_seats_have_none() -> None:
    room = Room(replace(TEN, transfers=0))
    room.claim("one")
    assert room.deactivate("sea_1", transfers=None)
    floating = Room(replace(FLOATING, transfers=0))
    floating.claim("one")
    assert floating.release("one")[0].month == ""


def test_what_nobody_has_is_released_without_a_fact_and_not_deactivated() -> None:
    room = Room()
    assert not room.release("laptop")
    with pytest.raises(NotFound):
        room.deactivate("sea_1")


@pytest.mark.parametrize("device", ["", "x" * 256, "a\0b"])
def test_a_device_has_a_hash(device: str) -> None:
    with pytest.raises(InvalidSeat):
        Room().claim(device, user_id="usr_ann")


DEVICES = st.sampled_from([f"d{number}" for number in range(7)])


class SeatsOfALicence(RuleBasedStateMachine):
    """Against a dictionary of devices and a set of leases that are over."""

    @initialize(floating=st.booleans())
    def issued(self, floating: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        self.room = Room(replace(FLOATING if floating else TEN, limit=3))
        self.held: dict[str, str] = {}
        self.over: set[str] = set()
        self.most = 3

    @rule(device=DEVICES)
    def claimed(self, device: str) -> None:
        free = self.over if self.room.terms.floating else set()
        left = {one: seat for one, seat in self.held.items() if seat not in free}
        fits = device in left or len(left) < (self.room.terms.limit or 0)
        try:
            facts = self.room.claim(device, lapsed=tuple(sorted(self.over)))
        except SeatsExceeded:
            assert not fits, "a lease that is over keeps nobody out"
            return
        assert fits
        if facts:
            self.held = {**left, device: facts[-1].seat_id}

    @rule(device=DEVICES)
    def released(self, device: str) -> None:
        assert bool(self.room.release(device)) == (self.held.pop(device, None) is not None)

    @rule(device=DEVICES)
    def lapsed(self, device: str) -> None:
        self.over |= {self.held[device]} if device in self.held else set()

    @rule(limit=st.integers(1, 5))
    def limited(self, limit: int) -> None:
        terms = self.room.terms
        self.room.terms = replace(terms, limit=limit, as_of=terms.as_of + 1)
        self.most = max(self.most, limit)

    @invariant()
    def as_many_as_were_granted(self) -> None:
        if hasattr(self, "room"):
            assert self.room.taken == list(self.held)
            assert len(self.held) <= self.most
            assert dict(self.room.seats.devices) == {seat: device for device, seat in self.held.items()}


TestSeatsOfALicence = SeatsOfALicence.TestCase
TestSeatsOfALicence.settings = settings(max_examples=60, stateful_step_count=25)
