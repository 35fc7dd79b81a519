"""What is asked of seats, and how they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.words import NO_NUL, USER

Fingerprint = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=500,
        pattern=NO_NUL,
        description="The device's own, the same after each start. It is kept as a salted hash alone.",
        examples=["5c1f8e0a-laptop"],
    ),
]
Whose = Annotated[str, Meta(pattern=USER, description="Admins and services: whose; else the caller's own.")]


class OfDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fingerprint: Fingerprint
    user_id: Whose | None = None


class OfSeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class SeatHeld(msgspec.Struct, frozen=True, kw_only=True):
    """`until` is when a floating seat frees itself without a heartbeat; null for a named one."""

    seat_id: str
    licence_id: str
    user_id: str
    floating: bool
    until: datetime | None
    features: list[str]
    """What the licence gives now."""


class SeatFreed(msgspec.Struct, frozen=True, kw_only=True):
    freed: bool
    """False where the device had no seat of this user."""


class LicenceSeat(msgspec.Struct, frozen=True, kw_only=True):
    seat_id: str
    licence_id: str
    user_id: str
    floating: bool
    activated_at: datetime
    until: datetime | None
    position: int
