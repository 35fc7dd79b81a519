"""What a licence's invoices have earned, recorded day by day, and before anything changes what is left."""

from __future__ import annotations

from datetime import datetime, timedelta

from ledger.invoices.recognition import end_of
from ledger.licences.checks import known
from ledger.licences.commands import CloseLicenceDay
from ledger.licences.events import InvoiceAmount, LicenceEvent, LicenceRecognised
from ledger.licences.refusals import InvalidLicence
from ledger.licences.state import Licence

_LAST_INSTANT = timedelta(microseconds=1)
"""A day's revenue is dated within the day, so that it falls into its month."""


def instant(licence: Licence, at: datetime) -> datetime:
    """`at`, or up to when all is recognised where that is later: what is told is never taken back."""
    return max(at, licence.recognised_until or at)


def recognised(licence: Licence, until: datetime) -> tuple[LicenceEvent, ...]:
    """What all invoices have earned and not told by `until`; nothing where nothing has."""
    return _told(licence, until, {key: one.deferral.due(until) for key, one in licence.invoices.items()})


def ended(licence: Licence, at: datetime) -> tuple[LicenceEvent, ...]:
    """The service ends early, and the rest of what is paid in full is earned. Of an invoice that is open it
    goes on by the day, so that a write-off still finds what was never sold.
    """
    rest = {key: one.deferral.left_minor for key, one in licence.invoices.items() if not one.open_minor}
    return _told(licence, at, rest, ended=True)


def _told(
    licence: Licence, until: datetime, amounts: dict[str, int], *, ended: bool = False
) -> tuple[LicenceEvent, ...]:
    told = tuple(
        InvoiceAmount(invoice_id=key, amount_minor=amount) for key, amount in amounts.items() if amount
    )
    if not told:
        return ()
    fact = LicenceRecognised(
        licence_id=licence.licence_id,
        until=until,
        currency=licence.currency,
        amounts=told,
        total_minor=sum(one.amount_minor for one in told),
        ended=ended,
    )
    return (fact,)


def close_day(command: CloseLicenceDay, licence: Licence) -> tuple[LicenceEvent, ...]:
    known(licence)
    until = end_of(command.day)
    if command.effective_at < until - _LAST_INSTANT:
        raise InvalidLicence(
            f"{command.day.isoformat()} is over at {until:%Y-%m-%dT%H:%M:%SZ}; close it then."
        )
    if licence.recognised_until is not None and until <= licence.recognised_until:
        return ()
    return recognised(licence, until)
