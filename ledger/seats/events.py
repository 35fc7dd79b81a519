"""Facts about a licence's seats. Heartbeats are none: they would be most of the ledger."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class SeatActivated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "seats.activated.v1"
    licence_id: str
    org_id: str
    seat_id: str
    device: str
    user_id: str
    floating: bool
    limit: int | None
    """That of the licence at this time."""
    as_of: int
    """How many facts the licence had then."""


class SeatsLapsed(Event, frozen=True, kw_only=True):
    """Their leases were over, which is said when somebody claims a seat."""

    TYPE: ClassVar[str] = "seats.lapsed.v1"
    licence_id: str
    seat_ids: tuple[str, ...]


class SeatReleased(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "seats.released.v1"
    licence_id: str
    org_id: str
    seat_id: str
    user_id: str
    month: str = ""
    """Of the transfers among which it counts; empty where the seat is floating."""


class SeatDeactivated(Event, frozen=True, kw_only=True):
    """By a manager or an administrator, or as its user left the organisation."""

    TYPE: ClassVar[str] = "seats.deactivated.v1"
    licence_id: str
    org_id: str
    seat_id: str
    user_id: str
    month: str = ""


SeatEvent = SeatActivated | SeatsLapsed | SeatReleased | SeatDeactivated
