"""How a licence comes to a term: quoted and accepted, issued, renewed. Each term is given once."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from ledger.errors import NotFound
from ledger.licence_tiers import Grant
from ledger.licences.checks import (
    check_end,
    check_ids,
    check_offer,
    check_start,
    known,
    running,
    whole,
)
from ledger.licences.commands import AcceptQuote, IssueLicence, QuoteLicence, RenewLicence
from ledger.licences.events import LicenceEvent, LicenceIssued, LicenceQuoted, LicenceRenewed
from ledger.licences.invoicing import invoiced
from ledger.licences.refusals import (
    AlreadyRenewed,
    InvalidLicence,
    LicenceExists,
    LicenceNotOpen,
    QuoteExpired,
    QuoteNotOpen,
)
from ledger.licences.state import Licence, Quote
from ledger.licences.status import has_lapsed
from ledger.licences.terms import INVOICE, Billing, Term, first_term, next_term

_Events = tuple[LicenceEvent, ...]
QUOTE_DAYS_MAX = 180


def quote(command: QuoteLicence, licence: Licence) -> _Events:
    check_ids(command.licence_id, command.quote_id)
    check_offer(command.grant, command.months, command.billing)
    now = command.effective_at
    if not 0 < (command.valid_until - now).total_seconds() <= QUOTE_DAYS_MAX * 86_400:
        raise InvalidLicence(f"`valid_until` must be ahead, by at most {QUOTE_DAYS_MAX} days.")
    number, org_id = 1, licence.org_id or command.org_id
    check_ids(org_id)
    if command.org_id not in {"", org_id}:
        raise NotFound("This organisation has no such licence.")
    if licence.last:
        last = running(licence)
        _check_currency(command.grant, licence)
        if command.starts_at is not None:
            raise InvalidLicence("A renewal begins when the last term ends: leave `starts_at` out.")
        number = last.term.number + 1
    check_start(command.starts_at, now)
    quoted = LicenceQuoted(
        licence_id=command.licence_id,
        org_id=org_id,
        quote_id=command.quote_id,
        term=number,
        grant=_charged(command.grant, command.billing),
        months=command.months,
        billing=command.billing,
        valid_until=command.valid_until.astimezone(UTC),
        starts_at=whole(command.starts_at) if command.starts_at else None,
        bridges=licence.last is not None and not has_lapsed(licence, now),
    )
    return (quoted,)


def accept(command: AcceptQuote, licence: Licence) -> _Events:
    """With the numbers of the quote, whatever the catalogue has become."""
    known(licence)
    found = licence.quote
    if found is None or found.quote_id != command.quote_id:
        raise QuoteNotOpen(_not_open(command.quote_id, found))
    if command.effective_at >= found.valid_until:
        raise QuoteExpired(f"This quote was valid until {found.valid_until:%Y-%m-%dT%H:%M:%SZ}.")
    if licence.last:
        return _renewed(licence, found.grant, found.months, found.billing, command.effective_at, quote=found)
    start = whole(command.effective_at)
    return issued(licence, found, max(start, found.starts_at or start), command.effective_at)


def _not_open(quote_id: str, found: Quote | None) -> str:
    there_is = f"the one that is open is {found.quote_id}" if found else "none is open"
    return f"This licence has no open quote {quote_id!r:.80}: {there_is}."


def issue(command: IssueLicence, licence: Licence) -> _Events:
    check_ids(command.licence_id, command.org_id)
    check_offer(command.grant, command.months, command.billing)
    check_start(command.starts_at, command.effective_at)
    if licence.last:
        raise LicenceExists("This licence is issued already.")
    if licence.org_id not in {"", command.org_id}:
        raise NotFound("This organisation has no such licence.")
    offer = Quote(
        quote_id="",
        term=1,
        grant=_charged(command.grant, command.billing),
        months=command.months,
        billing=command.billing,
        valid_until=command.effective_at,
    )
    about = replace(licence, licence_id=command.licence_id, org_id=command.org_id)
    return issued(about, offer, command.starts_at or whole(command.effective_at), command.effective_at)


def issued(licence: Licence, offer: Quote, starts_at: datetime, now: datetime) -> _Events:
    term = first_term(1, whole(starts_at), offer.months)
    check_end(term, now)
    issued = LicenceIssued(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        term=term,
        grant=offer.grant,
        billing=offer.billing,
        quote_id=offer.quote_id,
        at=whole(now),
    )
    return (issued, *_for_term(licence, term, offer.grant, offer.billing, now))


def renew(command: RenewLicence, licence: Licence) -> _Events:
    last = running(licence)
    check_offer(command.grant, command.months, command.billing)
    _check_currency(command.grant, licence)
    following = last.term.number + 1
    if command.term > following:
        raise InvalidLicence(f"`term` must be {following}, which comes next; it was {command.term}.")
    if command.term < following:
        raise AlreadyRenewed(
            f"Term {last.term.number} is the last one, until {last.term.ends_at:%Y-%m-%dT%H:%M:%SZ}; "
            f"term {command.term} was to be given."
        )
    return _renewed(
        licence,
        _charged(command.grant, command.billing),
        command.months,
        command.billing,
        command.effective_at,
        backdate=command.backdate,
    )


def _renewed(
    licence: Licence,
    grant: Grant,
    months: int,
    billing: Billing,
    now: datetime,
    *,
    backdate: bool = False,
    quote: Quote | None = None,
) -> _Events:
    """From the expiry while it is live or in grace, so that nothing is lost nor had for nothing; else from
    now, unless it is asked to begin where the last term ended.
    """
    last = running(licence)
    lapsed = has_lapsed(licence, now)
    term = (
        next_term(last.term, months)
        if backdate or not lapsed
        else first_term(last.term.number + 1, whole(now), months)
    )
    check_end(term, now)
    if term.ends_at <= now:
        raise LicenceNotOpen(
            f"A term from {term.starts_at:%Y-%m-%d} would be over since {term.ends_at:%Y-%m-%d}: "
            "renew it from now, or for longer."
        )
    renewed = LicenceRenewed(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        term=term,
        grant=grant,
        billing=billing,
        quote_id=quote.quote_id if quote else "",
        backdated=lapsed and backdate,
        at=whole(now),
    )
    return (renewed, *_for_term(licence, term, grant, billing, now))


def _for_term(licence: Licence, term: Term, grant: Grant, billing: Billing, now: datetime) -> _Events:
    return invoiced(
        licence,
        kind="term",
        term=term.number,
        net_minor=grant.price_minor(term.months),
        currency=grant.currency,
        billing=billing,
        period=(term.starts_at, term.ends_at),
        at=now,
    )


def _charged(grant: Grant, billing: Billing) -> Grant:
    """What is given costs nothing, also when a later upgrade is counted from it."""
    return grant if billing.kind == INVOICE else replace(grant, year_minor=0)


def _check_currency(grant: Grant, licence: Licence) -> None:
    if grant.currency != licence.currency:
        raise InvalidLicence(
            f"This licence is invoiced in {licence.currency.upper()}, and stays so; "
            f"it was {grant.currency.upper()}."
        )
