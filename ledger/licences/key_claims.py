"""What a licence's key says: a pure function of facts and the term that runs, so that it need not be kept.

It never says more than is granted: it ends before a term that grants something else, whose key is another.
"""

from __future__ import annotations

from datetime import datetime

from ledger.licences.live import check_live
from ledger.licences.refusals import LicenceNotOpen
from ledger.licences.state import Granted, Licence, granted_at
from ledger.licences.status import status_at
from ledger.verifier import FileClaims, KeyClaims

_MOST_SEATS = 1_000_000_000
"""That can be written; more are as good as no limit."""


def key_claims(licence: Licence, at: datetime) -> KeyClaims:
    """Of the present key. `issued_at` is the time of the last fact that changed what it says, or the start of
    the term that did. Raises `LicenceNotLive`.
    """
    check_live(status_at(licence, at))
    present = granted_at(licence, at)
    assert present is not None, "it is live"
    starts_at = _furthest(licence, present, -1).term.starts_at
    return KeyClaims(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        tier=present.grant.tier,
        features=tuple(sorted(present.grant.features)),
        seats=_seats(present.grant.seats),
        serial=licence.serial,
        issued_at=_seconds(max(licence.keyed_at or starts_at, starts_at)),
        expires_at=_seconds(_furthest(licence, present, 1).term.ends_at),
    )


def file_claims(licence: Licence, at: datetime, valid_until: datetime) -> FileClaims:
    """The same, issued `at`. Raises `LicenceNotLive`, and `LicenceNotOpen` in grace."""
    key = key_claims(licence, at)
    if _seconds(at) >= key.expires_at:
        raise LicenceNotOpen("The last term has ended, and a file would be over: renew the licence first.")
    return FileClaims(
        licence_id=key.licence_id,
        org_id=key.org_id,
        tier=key.tier,
        features=key.features,
        seats=key.seats,
        serial=key.serial,
        issued_at=_seconds(at),
        valid_until=_seconds(valid_until),
        expires_at=key.expires_at,
    )


def key_works(licence: Licence, serial: int, at: datetime) -> bool:
    """Whether a key of this serial does, if the licence does."""
    ends_at = old_key_ends_at(licence, serial)
    return serial == licence.serial or (ends_at is not None and at < ends_at)


def old_key_ends_at(licence: Licence, serial: int) -> datetime | None:
    """None for the present key, and for those that ended before the last one was replaced."""
    older = licence.serial - serial
    return licence.old_keys_end[-older] if 0 < older <= len(licence.old_keys_end) else None


def _furthest(licence: Licence, granted: Granted, step: int) -> Granted:
    """The first or the last of the terms without a gap for which a key says the same."""
    following = licence.granted.get(str(granted.term.number + step))
    while following is not None and _continues(granted, following):
        granted = following
        following = licence.granted.get(str(granted.term.number + step))
    return granted


def _continues(one: Granted, other: Granted) -> bool:
    earlier, later = sorted((one, other), key=lambda granted: granted.term.number)
    return earlier.term.ends_at == later.term.starts_at and _said(one) == _said(other)


def _said(granted: Granted) -> tuple[object, ...]:
    return granted.grant.tier, frozenset(granted.grant.features), _seats(granted.grant.seats)


def _seats(seats: int | None) -> int | None:
    return None if seats is None or seats > _MOST_SEATS else seats


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
