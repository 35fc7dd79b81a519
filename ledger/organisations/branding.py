"""How an organisation is seen: what it set is kept, and used while it has a licence for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ledger.licences.live import LIVE
from ledger.licences.state import Licence, granted_at
from ledger.licences.status import status_at
from ledger.organisations.commands import SetBrand
from ledger.organisations.contrast import LEAST, contrast, is_colour
from ledger.organisations.events import BrandSet
from ledger.organisations.refusals import InvalidBrand, WhiteLabelMissing
from ledger.organisations.standing import MANAGERS, check_open, require, unknown
from ledger.organisations.state import Brand, Organisation

WHITE_LABEL = "white_label"
"""The feature."""


def brand_of(organisation: Organisation, licences: Iterable[Licence], now: datetime) -> Brand | None:
    """The one that is shown to its people now, by those of its licences that are given."""
    if organisation.brand is None or organisation.closed:
        return None
    return organisation.brand if any(may_brand(one, now) for one in licences) else None


def may_brand(licence: Licence, now: datetime) -> bool:
    """Whether it works, and the term that runs has the feature."""
    granted = granted_at(licence, now)
    return status_at(licence, now) in LIVE and granted is not None and WHITE_LABEL in granted.grant.features


def set_brand(command: SetBrand, organisation: Organisation) -> tuple[BrandSet, ...]:
    if not organisation.org_id:
        raise unknown(command.org_id)
    if not command.by_admin:
        require(organisation, command.org_id, command.user_id, MANAGERS)
    check_open(organisation)
    if not command.entitled:
        raise WhiteLabelMissing(f"This needs a licence with {WHITE_LABEL} that works now. {_where(command)}")
    _check(command)
    if organisation.brand is not None and organisation.brand.words_id == command.words_id:
        return ()
    fact = BrandSet(
        org_id=command.org_id,
        words_id=command.words_id,
        words_hash=command.words_hash,
        text_colour=command.text_colour.lower(),
        background_colour=command.background_colour.lower(),
        by_admin=command.by_admin,
    )
    return (fact,)


def _where(command: SetBrand) -> str:
    if not command.tiers:
        return "No tier of the catalogue has it."
    return f"It comes with the tier {' or '.join(command.tiers)}."


def _check(command: SetBrand) -> None:
    """Raises `InvalidBrand`."""
    text, background = command.text_colour, command.background_colour
    for colour in (text, background):
        if not is_colour(colour):
            raise InvalidBrand(f"{colour!r:.20} is no colour such as #1f4e79.")
    found = contrast(text, background)
    if found < LEAST:
        raise InvalidBrand(
            f"{text} on {background} has a contrast of {_down(found)} : 1, and {LEAST} : 1 is needed to be "
            "read: make one of them darker or lighter."
        )


def _down(ratio: float) -> str:
    """So that what is too little never looks like enough."""
    return f"{int(ratio * 100) / 100:.2f}"
