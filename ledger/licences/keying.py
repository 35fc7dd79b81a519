"""A licence's key shown, which is told each time, and issued anew, which ends the old ones."""

from __future__ import annotations

from datetime import UTC, timedelta

from ledger.errors import Contended
from ledger.licences.checks import check_reason, running, whole
from ledger.licences.commands import ReissueLicenceKey, RevealLicenceKey
from ledger.licences.events import LicenceEvent, LicenceKeyReissued, LicenceKeyRevealed
from ledger.licences.live import check_live
from ledger.licences.refusals import InvalidLicence, LicenceNotOpen
from ledger.licences.state import MOST_OLD_KEYS, Licence
from ledger.licences.status import status_at

OVERLAP = timedelta(days=90)
"""How long keys may work at most after there is a newer one."""


def reveal(command: RevealLicenceKey, licence: Licence) -> tuple[LicenceEvent, ...]:
    """To be recorded before anything is shown, so that nothing is that is not told."""
    running(licence)
    check_live(status_at(licence, command.effective_at))
    if command.serial != licence.serial:
        raise Contended("The key was issued anew meanwhile: ask again.")
    revealed = LicenceKeyRevealed(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        serial=licence.serial,
        form=command.form,
    )
    return (revealed,)


def reissue(command: ReissueLicenceKey, licence: Licence) -> tuple[LicenceEvent, ...]:
    """While a term runs or is to come: in grace a key would be over when it is made."""
    last, now = running(licence), command.effective_at
    check_reason(command.reason)
    if now >= last.term.ends_at:
        raise LicenceNotOpen(
            f"The last term ended on {last.term.ends_at:%Y-%m-%d}: renew it first, then issue the key anew."
        )
    ends_at = now if command.old_ends_at is None else command.old_ends_at
    if not now <= ends_at <= now + OVERLAP:
        raise InvalidLicence(
            f"`old_ends_at` must be ahead, by at most {OVERLAP.days} days; leave it out to end old keys now."
        )
    if ends_at > now and sum(one > now for one in licence.old_keys_end) >= MOST_OLD_KEYS:
        raise InvalidLicence(
            f"{MOST_OLD_KEYS} older keys of this licence still work: leave `old_ends_at` out to end them now."
        )
    reissued = LicenceKeyReissued(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        serial=licence.serial + 1,
        at=whole(now),
        old_ends_at=ends_at.astimezone(UTC),
        reason=command.reason,
    )
    return (reissued,)
