"""What is remembered of a licence to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.licence_tiers import Grant
from ledger.licences.events import (
    LicenceActivated,
    LicenceCardPaymentEnding,
    LicenceCardPaymentReleased,
    LicenceCardPaymentReserved,
    LicenceCardPaymentTold,
    LicenceCredited,
    LicenceCreditPaidOut,
    LicenceEvent,
    LicenceExpired,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceInvoiceReopened,
    LicenceIssued,
    LicenceKeyReissued,
    LicenceKeyRevealed,
    LicenceNoticeDue,
    LicenceQuoted,
    LicenceRecognised,
    LicenceReinstated,
    LicenceRenewed,
    LicenceRevoked,
    LicenceSuspended,
    LicenceUpgraded,
    LicenceWrittenOff,
)
from ledger.licences.invoice import Invoice, credited, paid, reopened, written, written_off
from ledger.licences.terms import INVOICE, Billing, Term
from ledger.message import Instant
from ledger.persistent import PersistentMap, PersistentSet

MOST_OLD_KEYS = 20
"""That work beside the present one."""


class Quote(Struct, frozen=True):
    quote_id: str
    term: int
    grant: Grant
    months: int
    billing: Billing
    valid_until: Instant
    starts_at: Instant | None = None
    bridges: bool = False


class Granted(Struct, frozen=True):
    """A term and what it grants."""

    term: Term
    grant: Grant
    at: Instant | None = None
    """When it was issued or renewed, which may be in the grace of the term before; None is at its start."""


class CardPayment(Struct, frozen=True):
    """One payment by card, and what of it is known here."""

    reserved: LicenceCardPaymentReserved
    ending: bool = False
    as_of: int = 0
    kept_minor: int = 0
    """Of its charge, by the newest that was told."""
    lost_minor: int = 0
    """Of what was taken back after it was paid out as a credit."""


class Licence(Struct, frozen=True):
    licence_id: str = ""
    """Empty before it is quoted or issued."""
    facts: int = 0
    """How many it has: of two who know a licence, who has seen more of them knows it later."""
    org_id: str = ""
    quote: Quote | None = None
    """The one that is open, were it not for its date."""
    granted: PersistentMap[Granted] = PersistentMap()
    """The terms, by number as text, the oldest first."""
    billing: Billing = Billing()
    """The last one by which something was invoiced."""
    activated: bool = False
    suspended: bool = False
    revoked: bool = False
    keyed_at: Instant | None = None
    """When it last came to a term, to more of one, or to a new key: what its key says is as of then."""
    serial: int = 1
    """Of its present key."""
    old_keys_end: tuple[Instant, ...] = ()
    """Until when keys of the serials just before it work, the newest at the end; all others have ended."""
    expired_term: int = 0
    """The last one that was said to have lapsed."""
    noticed_term: int = 0
    noticed_days: int = 0
    """The last notice."""
    invoices: PersistentMap[Invoice] = PersistentMap()
    overage_months: PersistentSet = PersistentSet()
    recognised_until: Instant | None = None
    owed_minor: int = 0
    """By credit notes, and not paid out: its part of account 2300."""
    owed_since: Instant | None = None
    """When that last became more."""
    cards: PersistentMap[CardPayment] = PersistentMap()
    """Payments by card, by their ids; also of a licence that is yet to be bought."""
    purchase: str = ""
    """The payment by card that is under way for it, while it is not issued; empty for none."""

    @property
    def last(self) -> Granted | None:
        return self.granted.newest

    @property
    def first(self) -> Granted | None:
        return self.granted.get("1")

    @property
    def terms(self) -> tuple[Granted, ...]:
        """To be shown: all of them."""
        return tuple(self.granted.values())

    @property
    def currency(self) -> str:
        """All of its invoices are in one; empty before the first term."""
        return self.last.grant.currency if self.last else ""

    @property
    def deferred_minor(self) -> int:
        return sum(one.deferral.left_minor for one in self.invoices.values())


def evolve(licence: Licence, event: LicenceEvent) -> Licence:
    return replace(_evolved(licence, event), facts=licence.facts + 1)


def _evolved(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
    licence: Licence, event: LicenceEvent
) -> Licence:
    match event:
        case LicenceQuoted():
            return _quoted(licence, event)
        case LicenceIssued() | LicenceRenewed():
            return _granted(licence, event)
        case LicenceActivated():
            return replace(licence, activated=True)
        case LicenceSuspended():
            return replace(licence, suspended=True)
        case LicenceReinstated():
            return replace(licence, suspended=False)
        case LicenceUpgraded():
            billing = _last_billing(licence, event.billing)
            granted = _upgraded(licence.granted, event)
            return replace(licence, granted=granted, billing=billing, keyed_at=event.at)
        case LicenceKeyRevealed():
            return licence
        case LicenceKeyReissued():
            return _reissued(licence, event)
        case LicenceRevoked():
            return replace(licence, revoked=True, quote=None)
        case LicenceExpired():
            return replace(licence, expired_term=event.term)
        case LicenceNoticeDue():
            return replace(licence, noticed_term=event.term, noticed_days=event.days)
        case LicenceInvoiced():
            return _invoiced(licence, event)
        case LicenceInvoicePaid():
            return _changed(licence, event.invoice_id, lambda invoice: paid(invoice, event))
        case (
            LicenceCardPaymentReserved()
            | LicenceCardPaymentEnding()
            | LicenceCardPaymentReleased()
            | LicenceCardPaymentTold()
        ):
            return _of_card(licence, event)
        case LicenceInvoiceReopened():
            return _changed(licence, event.invoice_id, lambda invoice: reopened(invoice, event))
        case LicenceRecognised():
            return _recognised(licence, event)
        case LicenceCredited():
            return _credited(licence, event)
        case LicenceCreditPaidOut():
            return replace(licence, owed_minor=licence.owed_minor - event.amount_minor)
        case LicenceWrittenOff():
            return _changed(licence, event.invoice_id, lambda invoice: written_off(invoice, event))
        case _:
            assert_never(event)


def _quoted(licence: Licence, event: LicenceQuoted) -> Licence:
    quote = Quote(
        event.quote_id,
        event.term,
        event.grant,
        event.months,
        event.billing,
        event.valid_until,
        event.starts_at,
        event.bridges,
    )
    return replace(licence, licence_id=event.licence_id, org_id=event.org_id, quote=quote)


def _granted(licence: Licence, event: LicenceIssued | LicenceRenewed) -> Licence:
    return replace(
        licence,
        licence_id=event.licence_id,
        org_id=event.org_id,
        quote=None,
        granted=licence.granted.put(str(event.term.number), Granted(event.term, event.grant, event.at)),
        billing=_last_billing(licence, event.billing),
        keyed_at=event.at or event.term.starts_at,
    )


def _reissued(licence: Licence, event: LicenceKeyReissued) -> Licence:
    """What ends earlier already still does, and of two keys the older one ends first."""
    ends = [min(one, event.old_ends_at) for one in licence.old_keys_end if one > event.at]
    ends.append(event.old_ends_at)
    return replace(licence, keyed_at=event.at, serial=event.serial, old_keys_end=tuple(ends[-MOST_OLD_KEYS:]))


def _last_billing(licence: Licence, billing: Billing) -> Billing:
    return billing if billing.kind == INVOICE else licence.billing


def _upgraded(granted: PersistentMap[Granted], event: LicenceUpgraded) -> PersistentMap[Granted]:
    for number in event.terms:
        if (one := granted.get(str(number))) is not None:
            granted = granted.put(str(number), replace(one, grant=event.grant))
    return granted


def _invoiced(licence: Licence, event: LicenceInvoiced) -> Licence:
    invoice = written(event)
    months = licence.overage_months
    if event.kind == "overage":
        months = months.add(month_of(event.period_start))
    return replace(licence, invoices=licence.invoices.put(event.invoice_id, invoice), overage_months=months)


def month_of(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def _of_card(
    licence: Licence,
    event: LicenceCardPaymentReserved
    | LicenceCardPaymentEnding
    | LicenceCardPaymentReleased
    | LicenceCardPaymentTold,
) -> Licence:
    match event:
        case LicenceCardPaymentReserved():
            held = replace(licence, cards=licence.cards.put(event.payment_id, CardPayment(event)))
            return _held_by(held, event, event.payment_id)
        case LicenceCardPaymentEnding():
            return _with_card(licence, event.payment_id, lambda card: replace(card, ending=True))
        case LicenceCardPaymentReleased():
            after = _with_card(licence, event.payment_id, lambda card: replace(card, as_of=event.as_of))
            return _freed(after, event.payment_id)
        case LicenceCardPaymentTold():
            return _freed(_told(licence, event), event.payment_id)


def _told(licence: Licence, event: LicenceCardPaymentTold) -> Licence:
    after = _with_card(
        licence,
        event.payment_id,
        lambda card: replace(
            card,
            as_of=event.as_of,
            kept_minor=event.kept_minor,
            lost_minor=card.lost_minor + event.lost_minor,
        ),
    )
    return _owing(after, event.credited_minor, event.at)


def _owing(licence: Licence, more_minor: int, at: Instant) -> Licence:
    since = at if more_minor > 0 else licence.owed_since
    return replace(licence, owed_minor=licence.owed_minor + more_minor, owed_since=since)


def _with_card(licence: Licence, payment_id: str, change: Callable[[CardPayment], CardPayment]) -> Licence:
    card = licence.cards.get(payment_id)
    return replace(licence, cards=licence.cards.put(payment_id, change(card))) if card else licence


def _freed(licence: Licence, payment_id: str) -> Licence:
    """Nobody pays for it by that payment any more, if anybody did."""
    card = licence.cards.get(payment_id)
    return _held_by(licence, card.reserved, "", was=payment_id) if card else licence


def _held_by(
    licence: Licence, reserved: LicenceCardPaymentReserved, payment_id: str, was: str | None = None
) -> Licence:
    """With `was`, only where that one holds it."""
    if not reserved.invoice_id:
        return licence if was not in {None, licence.purchase} else replace(licence, purchase=payment_id)
    return _changed(
        licence,
        reserved.invoice_id,
        lambda invoice: invoice if was not in {None, invoice.paying} else replace(invoice, paying=payment_id),
    )


def _recognised(licence: Licence, event: LicenceRecognised) -> Licence:
    invoices = licence.invoices
    for one in event.amounts:
        if (invoice := invoices.get(one.invoice_id)) is not None:
            told = replace(invoice, deferral=invoice.deferral.told(one.amount_minor))
            invoices = invoices.put(one.invoice_id, told)
    until = max(event.until, licence.recognised_until or event.until)
    return replace(licence, invoices=invoices, recognised_until=until)


def _credited(licence: Licence, event: LicenceCredited) -> Licence:
    net = event.deferred_minor + event.recognised_minor
    owed = net + event.tax_minor - event.receivable_minor
    after = _changed(licence, event.invoice_id, lambda invoice: credited(invoice, event))
    return _owing(after, owed, event.at)


def _changed(licence: Licence, invoice_id: str, change: Callable[[Invoice], Invoice]) -> Licence:
    invoice = licence.invoices.get(invoice_id)
    if invoice is None:
        return licence
    return replace(licence, invoices=licence.invoices.put(invoice_id, change(invoice)))


def granted_at(licence: Licence, at: datetime) -> Granted | None:
    """The term that runs, or the last that did; the first before it begins."""
    found = licence.last
    while found is not None and found.term.starts_at > at:
        before = licence.granted.get(str(found.term.number - 1))
        if before is None:
            break
        found = before
    return found
