"""What can be asked of a licence's seats."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.message import Command


class SeatTerms(Struct, frozen=True, kw_only=True):
    """What the licence says of its seats, as of its state when the command was made."""

    as_of: int
    """How many facts of the licence are in it."""
    status: str
    limit: int | None
    """None is without limit."""
    floating: bool
    transfers: int | None
    """How many named seats may be freed in a month; None is without limit."""


class ActivateSeat(Command, frozen=True, kw_only=True):
    """A seat for a device, at most one for each."""

    NAME: ClassVar[str] = "seats.activate"
    licence_id: str
    org_id: str
    seat_id: str
    """A new one for each claim, so that what is said of a lease that lapsed touches no later one."""
    device: str
    """A salted hash of its fingerprint."""
    user_id: str
    terms: SeatTerms
    lapsed: tuple[str, ...] = ()
    """Ids of floating seats whose leases are over."""


class ReleaseSeat(Command, frozen=True, kw_only=True):
    """By who has it."""

    NAME: ClassVar[str] = "seats.release"
    licence_id: str
    device: str
    user_id: str
    transfers: int | None


class DeactivateSeat(Command, frozen=True, kw_only=True):
    """By who manages the organisation: whoever is inactive holds no seat."""

    NAME: ClassVar[str] = "seats.deactivate"
    licence_id: str
    seat_id: str
    transfers: int | None
    """None also for an administrator, who is held to no limit."""


class FreeMemberSeats(Command, frozen=True, kw_only=True):
    """All that somebody has who left the organisation. Nobody asked for a transfer, so none is counted."""

    NAME: ClassVar[str] = "seats.free_member"
    licence_id: str
    user_id: str


SeatCommand = ActivateSeat | ReleaseSeat | DeactivateSeat | FreeMemberSeats
