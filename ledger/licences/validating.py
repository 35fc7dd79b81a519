"""What is said of a licence when its key is validated: one code, the first that applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ledger.licence_tiers import Grant
from ledger.licences.checks import whole
from ledger.licences.key_claims import old_key_ends_at
from ledger.licences.state import Licence, granted_at
from ledger.licences.status import lapses_at, status_at
from ledger.verifier.claims import VALID

NOT_FOUND = "not_found"
_UNKNOWN = frozenset({None, "quoted", "created"})
"""Nobody was shown a key of these."""


def standing_code(licence: Licence, feature: str | None, at: datetime) -> str:
    """What the licence alone says. `at` is a whole second, as in what is signed."""
    status, granted, lapse = status_at(licence, at), granted_at(licence, at), lapses_at(licence)
    if status in _UNKNOWN or granted is None or lapse is None:
        return NOT_FOUND
    if status in {"revoked", "suspended"}:
        return str(status)
    if at >= whole(lapse):
        return "expired"
    return "feature_missing" if feature is not None and feature not in granted.grant.features else VALID


def good_until(licence: Licence, serial: int, at: datetime) -> datetime | None:
    """How long what is said at `at` may be relied on, by the key of that serial: until the licence ends, its
    term where another follows, which may grant something else, or the key where there is a newer one.
    """
    present = granted_at(licence, at)
    following = present and licence.granted.get(str(present.term.number + 1))
    ends = (
        lapses_at(licence),
        present.term.ends_at if present and following else None,
        old_key_ends_at(licence, serial),
    )
    return min((one for one in ends if one is not None), default=None)


def use_code(grant: Grant, seats: int, used: Mapping[str, int]) -> str:
    """What its use says: at a limit it is valid, as who is within goes on; beyond one that was lowered it is
    not.
    """
    if grant.seats is not None and seats > grant.seats:
        return "seats_exceeded"
    beyond = any(used.get(metric, 0) > limit for metric, limit in hard_limits(grant))
    return "usage_exceeded" if beyond else VALID


def hard_limits(grant: Grant) -> Iterable[tuple[str, int]]:
    """Beyond a soft one use goes on, and is billed."""
    return [(one.metric, one.limit) for one in grant.allowances if one.limit is not None and not one.soft]
