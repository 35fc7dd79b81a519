"""What every command about a licence must have: texts that say something, and numbers that can be meant."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from ledger import money
from ledger.errors import NotFound
from ledger.licence_tiers import LEASE_MAX_MINUTES, Grant
from ledger.licences.invoice import Invoice
from ledger.licences.refusals import InvalidLicence, LicenceNotOpen
from ledger.licences.state import Granted, Licence
from ledger.licences.terms import INVOICE, NET_DAYS, NONE, Billing, Term
from ledger.message import Instant
from ledger.visible import is_visible

TEXT_MAX = 255
REASON_MAX = 500
MONTHS_MAX = 120
AHEAD = timedelta(days=730)
"""How far ahead a licence may begin."""
REACH = timedelta(days=20 * 366)
"""How far ahead it may end."""
GRACE_MAX_DAYS = 366
LARGEST_MINOR = 10**12
COUNT_MAX = 10**15
TAX_MAX_BP = 10_000
FEATURES_MAX = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


def check_ids(*ids: str) -> None:
    for one in ids:
        if not 0 < len(one) <= TEXT_MAX or "\0" in one:
            raise InvalidLicence(f"An id has from 1 to {TEXT_MAX} characters, and none of them is NUL.")


def check_reason(reason: str) -> None:
    if not is_visible(reason) or len(reason) > REASON_MAX or "\0" in reason:
        raise InvalidLicence(f"`reason` must have from 1 to {REASON_MAX} characters to be seen, and no NUL.")


def check_reference(reference: str) -> None:
    if not is_visible(reference) or len(reference) > TEXT_MAX or "\0" in reference:
        raise InvalidLicence(
            f"`reference` must have from 1 to {TEXT_MAX} characters to be seen, and no NUL: it is what the "
            "bank's statement says."
        )


def check_date(field: str, day: date, since: datetime, now: datetime) -> None:
    """Of a bank transfer, which is none of a time before all of it was owed, so that at no date more is paid
    than is owed.
    """
    first, last = (moment.astimezone(UTC).date() for moment in (since, now))
    if day > last:
        raise InvalidLicence(f"`{field}` must not be after today; it was {day.isoformat()}.")
    if day < first:
        raise InvalidLicence(
            f"`{field}` must not be before {first.isoformat()}, when so much came to be owed: record "
            "what was paid earlier on that day."
        )


def check_amount(field: str, amount_minor: int) -> None:
    if not 0 < amount_minor <= LARGEST_MINOR:
        raise InvalidLicence(f"`{field}` must be from 1 to {LARGEST_MINOR}; it was {amount_minor}.")


def check_step(field: str, amount_minor: int, licence: Licence) -> None:
    """Of an invoice that a card may pay what is left of."""
    if fault := money.step_fault(amount_minor, licence.currency):
        raise InvalidLicence(f"`{field}` {fault}; it was {written(amount_minor, licence)}.")


def check_offer(grant: Grant, months: int, billing: Billing) -> None:
    if not 1 <= months <= MONTHS_MAX:
        raise InvalidLicence(f"`months` must be from 1 to {MONTHS_MAX}; it was {months}.")
    check_grant(grant)
    check_billing(billing)


def check_grant(grant: Grant) -> None:
    if not _NAME.fullmatch(grant.tier):
        raise InvalidLicence(f"{grant.tier!r:.80} is no name of a tier.")
    if not money.is_currency(grant.currency):
        raise InvalidLicence(f"{grant.currency!r:.20} is no ISO 4217 code in lower case, such as usd.")
    _within("year_minor", grant.year_minor, 0, LARGEST_MINOR)
    _within("grace_days", grant.grace_days, 0, GRACE_MAX_DAYS)
    if grant.seats is not None:
        _within("seats", grant.seats, 1, COUNT_MAX)
    _within("lease_minutes", grant.lease_minutes, 1, LEASE_MAX_MINUTES)
    if grant.transfers is not None:
        _within("transfers", grant.transfers, 0, COUNT_MAX)
    if len(grant.features) > FEATURES_MAX or len(set(grant.features)) < len(grant.features):
        raise InvalidLicence(f"`features` has at most {FEATURES_MAX}, each of them once.")
    for name in grant.features:
        if not _NAME.fullmatch(name):
            raise InvalidLicence(f"{name!r:.80} is no name of a feature.")
    _check_allowances(grant)


def _check_allowances(grant: Grant) -> None:
    metrics = [one.metric for one in grant.allowances]
    if len(set(metrics)) < len(metrics):
        raise InvalidLicence("`allowances` has a metric twice.")
    for one in grant.allowances:
        if not _NAME.fullmatch(one.metric):
            raise InvalidLicence(f"{one.metric!r:.80} is no name of a metric.")
        if one.limit is not None:
            _within(f"{one.metric}.limit", one.limit, 0, COUNT_MAX)
        _within(f"{one.metric}.overage_minor", one.overage_minor, 0, LARGEST_MINOR)
        _within(f"{one.metric}.per", one.per, 1, COUNT_MAX)
        if one.soft and one.limit is None:
            raise InvalidLicence(f"{one.metric} is without limit, so that nothing is beyond it.")
        if one.overage_minor and not one.soft:
            raise InvalidLicence(f"{one.metric} has a hard limit, beyond which there is nothing to bill.")


def check_billing(billing: Billing) -> None:
    match billing.kind:
        case "none":
            if billing.net_days or billing.tax_bp:
                raise InvalidLicence(
                    "What is given is neither due nor taxed: leave `net_days` and `tax_bp` out."
                )
        case "invoice":
            if billing.net_days not in NET_DAYS:
                raise InvalidLicence(f"`net_days` must be one of {', '.join(map(str, NET_DAYS))}.")
            _within("tax_bp", billing.tax_bp, 0, TAX_MAX_BP)
        case _:
            raise InvalidLicence(f"`billing` must be {NONE} or {INVOICE}; it was {billing.kind!r:.40}.")


def _within(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidLicence(f"`{field}` must be from {least} to {most}; it was {value}.")


def check_start(starts_at: datetime | None, now: datetime) -> None:
    if starts_at is not None and not whole(now) <= starts_at <= now + AHEAD:
        raise InvalidLicence(
            f"`starts_at` must not be over, nor more than {AHEAD.days} days ahead; leave it out to begin now."
        )


def check_end(term: Term, now: datetime) -> None:
    if term.ends_at > now + REACH:
        raise InvalidLicence(f"A licence ends at most {REACH.days} days ahead; this term would end later.")


def whole(moment: Instant) -> datetime:
    """Terms begin at a second, as what is earned of them is counted in seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def running(licence: Licence) -> Granted:
    """The last term of a licence that was issued and not revoked. Raises refusals."""
    known(licence)
    if (last := licence.last) is None:
        raise LicenceNotOpen("This licence is quoted and not issued: accept the quote, or issue it.")
    if licence.revoked:
        raise LicenceNotOpen("This licence is revoked, for good: issue another one.")
    return last


def known(licence: Licence) -> None:
    if not licence.licence_id:
        raise NotFound("There is no such licence.")


def invoice_of(licence: Licence, invoice_id: str) -> Invoice:
    invoice = licence.invoices.get(invoice_id)
    if invoice is None:
        raise NotFound(f"This licence has no invoice {invoice_id!r:.80}.")
    return invoice


def written(amount_minor: int, licence: Licence) -> str:
    return money.format_minor(amount_minor, licence.currency)
