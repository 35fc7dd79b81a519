"""Who has a seat. `evolve` takes any history and never fails."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.persistent import PersistentMap
from ledger.seats.events import SeatActivated, SeatDeactivated, SeatEvent, SeatReleased, SeatsLapsed


class Seat(Struct, frozen=True):
    seat_id: str
    user_id: str
    floating: bool


class Seats(Struct, frozen=True):
    org_id: str = ""
    held: PersistentMap[Seat] = PersistentMap()
    """By device."""
    devices: PersistentMap[str] = PersistentMap()
    """By the id of a seat that is held."""
    as_of: int = 0
    """The most facts of the licence that a seat was given with."""
    month: str = ""
    """The last one in which a named seat was freed, and how many were."""
    freed: int = 0

    def find(self, seat_id: str) -> Seat | None:
        device = self.devices.get(seat_id)
        return None if device is None else self.held.get(device)

    def freed_in(self, month: str) -> int:
        return self.freed if month == self.month else 0


def evolve(seats: Seats, event: SeatEvent) -> Seats:
    match event:
        case SeatActivated():
            return _activated(seats, event)
        case SeatsLapsed():
            return without(seats, event.seat_ids)
        case SeatReleased() | SeatDeactivated():
            return _freed(seats, event)
        case _:
            assert_never(event)


def _activated(seats: Seats, event: SeatActivated) -> Seats:
    before = seats.held.get(event.device)
    devices = seats.devices if before is None else seats.devices.without(before.seat_id)
    return replace(
        seats,
        org_id=event.org_id,
        held=seats.held.put(event.device, Seat(event.seat_id, event.user_id, event.floating)),
        devices=devices.put(event.seat_id, event.device),
        as_of=max(seats.as_of, event.as_of),
    )


def _freed(seats: Seats, event: SeatReleased | SeatDeactivated) -> Seats:
    if event.month:
        seats = replace(seats, month=event.month, freed=seats.freed_in(event.month) + 1)
    return without(seats, (event.seat_id,))


def without(seats: Seats, seat_ids: tuple[str, ...]) -> Seats:
    """Ids of seats that nobody has change nothing."""
    held, devices = seats.held, seats.devices
    for seat_id in seat_ids:
        if (device := devices.get(seat_id)) is not None:
            held, devices = held.without(device), devices.without(seat_id)
    return replace(seats, held=held, devices=devices)
