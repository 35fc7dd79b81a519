"""Why somebody gets no seat, or cannot give one back."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidSeat(Invalid):
    """An id or a fingerprint is not as it can be."""

    code: ClassVar[str] = "invalid_seat"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."


class SeatsExceeded(Refused):
    """All seats of the licence are taken, or more than it has now."""

    code: ClassVar[str] = "seats_exceeded"
    remedy: ClassVar[str] = (
        "Release a seat that nobody needs, have a manager deactivate one, or upgrade the licence."
    )
    passing: ClassVar[bool] = True


class SeatTaken(Refused):
    """Another user has the seat of this device."""

    code: ClassVar[str] = "seat_taken"
    remedy: ClassVar[str] = "Have them release it, or a manager deactivate it; then claim it again."
    passing: ClassVar[bool] = True


class TransfersExceeded(Refused):
    """As many named seats were freed this month as the licence allows."""

    code: ClassVar[str] = "seat_transfers_exceeded"
    remedy: ClassVar[str] = "Wait for the next calendar month (UTC), or ask an administrator to free it."
    passing: ClassVar[bool] = True
