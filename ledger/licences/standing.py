"""What becomes of a licence between its terms' ends: activated, suspended, revoked, said to be over."""

from __future__ import annotations

from functools import reduce

from ledger.ids import derived_id
from ledger.licences.checks import check_reason, running
from ledger.licences.commands import (
    ActivateLicence,
    ExpireLicence,
    RecordNotice,
    ReinstateLicence,
    RevokeLicence,
    SuspendLicence,
)
from ledger.licences.crediting import credited
from ledger.licences.events import (
    LicenceActivated,
    LicenceEvent,
    LicenceExpired,
    LicenceNoticeDue,
    LicenceReinstated,
    LicenceRevoked,
    LicenceSuspended,
)
from ledger.licences.invoicing import overtaken
from ledger.licences.recognising import ended, instant, recognised
from ledger.licences.refusals import LicenceNotOpen, LicenceNotStarted
from ledger.licences.state import Licence, evolve
from ledger.licences.status import has_lapsed, lapses_at, notice_due
from ledger.message import Instant

_Events = tuple[LicenceEvent, ...]


def activate(command: ActivateLicence, licence: Licence) -> _Events:
    """Before it, a licence can be paid, renewed, upgraded, suspended and revoked; it gives nothing yet."""
    last, first = running(licence), licence.first
    if licence.activated:
        return ()
    if first and command.effective_at < first.term.starts_at:
        raise LicenceNotStarted(f"This licence begins on {first.term.starts_at:%Y-%m-%dT%H:%M:%SZ}.")
    if licence.suspended:
        raise LicenceNotOpen("This licence is suspended: have it reinstated first.")
    if has_lapsed(licence, command.effective_at):
        raise LicenceNotOpen(f"This licence ended on {last.term.ends_at:%Y-%m-%d}: have it renewed first.")
    return (LicenceActivated(licence_id=licence.licence_id, org_id=licence.org_id),)


def suspend(command: SuspendLicence, licence: Licence) -> _Events:
    running(licence)
    check_reason(command.reason)
    if licence.suspended:
        raise LicenceNotOpen("This licence is suspended already.")
    return (LicenceSuspended(licence_id=licence.licence_id, org_id=licence.org_id, reason=command.reason),)


def reinstate(command: ReinstateLicence, licence: Licence) -> _Events:
    running(licence)
    check_reason(command.reason)
    if not licence.suspended:
        raise LicenceNotOpen("This licence is not suspended.")
    return (LicenceReinstated(licence_id=licence.licence_id, org_id=licence.org_id, reason=command.reason),)


def revoke(command: RevokeLicence, licence: Licence) -> _Events:
    """With a credit, what is not earned of each invoice is given back; without one it is earned at once, as
    far as it is paid for.
    """
    running(licence)
    check_reason(command.reason)
    at = instant(licence, command.effective_at)
    facts: _Events = recognised(licence, at)
    after = reduce(evolve, facts, licence)
    facts += _all_credited(after, at, command.reason) if command.credit else ended(after, at)
    revoked = LicenceRevoked(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        reason=command.reason,
        credited=command.credit,
    )
    return (*facts, revoked)


def _all_credited(licence: Licence, at: Instant, reason: str) -> _Events:
    notes = tuple(
        credited(
            licence,
            invoice_id,
            derived_id("lcn", licence.licence_id, invoice_id, str(invoice.credits + 1)),
            invoice.deferral.left_minor,
            at,
            reason,
        )
        for invoice_id, invoice in licence.invoices.items()
        if invoice.deferral.left_minor
    )
    after = reduce(evolve, notes, licence)
    return (*notes, *(ending for note in notes for ending in overtaken(after, note.invoice_id)))


def expire(command: ExpireLicence, licence: Licence) -> _Events:
    """What time has done already, said once. Nothing where it was renewed meanwhile."""
    last, lapsed_at = licence.last, lapses_at(licence)
    if last is None or lapsed_at is None or licence.revoked or licence.expired_term >= last.term.number:
        return ()
    if command.term != last.term.number or command.effective_at < lapsed_at:
        return ()
    expired = LicenceExpired(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        term=last.term.number,
        ended_at=last.term.ends_at,
        lapsed_at=lapsed_at,
    )
    return (expired,)


def notice(command: RecordNotice, licence: Licence) -> _Events:
    last, days = licence.last, notice_due(licence, command.effective_at)
    if last is None or days is None:
        return ()
    due = LicenceNoticeDue(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        term=last.term.number,
        days=days,
        ends_at=last.term.ends_at,
    )
    return (due,)
