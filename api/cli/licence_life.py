"""`licences`, as far as it makes something of them: from the quote to the end."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.installation import Installation, installation
from api.cli.licence_choices import (
    Offer,
    catalogue,
    handled,
    known_licence,
    licence_argument,
    offered,
    reason_option,
)
from api.cli.terminal import Day

if TYPE_CHECKING:
    from api.licences.offers import Wanted
    from ledger.licences.commands import LicenceCommand
    from ledger.licences.state import Licence
    from ledger.store import Store

starts_option = click.option("--starts", type=Day(), help="When it begins (UTC).  [default: now]")


@click.command()
@click.argument("about", metavar="ORG|LICENCE")
@click.argument("tier", metavar="[TIER]", required=False)
@click.option("--until", type=Day(), required=True, help="It can be accepted before that day (UTC).")
@starts_option
@offered(currency=True)
def quote(about: str, until: datetime, starts: datetime | None, offer: Offer) -> None:
    """Quote a licence, or with a licence its renewal.

    A renewal needs no tier: it is as now. All numbers are kept, whatever the catalogue becomes. A later quote
    takes its place. Sent again, a new licence is quoted again.
    """
    with installation() as here:
        licence, _ = asyncio.run(handled(here, _quoting(here, about, until, starts, offer)))
    assert licence.quote is not None, "it is quoted just now"
    click.echo(f"{licence.quote.quote_id} is open: {licence.licence_id} can be had until {until:%Y-%m-%d}.")


def _quoting(here: Installation, about: str, until: datetime, starts: datetime | None, offer: Offer) -> Any:
    async def make(store: Store, fields: dict[str, Any]) -> LicenceCommand:
        from api.licences.managing import check_can_have_licences
        from api.licences.offers import billed, quoted
        from ledger.ids import new_id
        from ledger.licences.commands import QuoteLicence

        known = await known_licence(store, about) if about.startswith("lic_") else None
        await check_can_have_licences(store, known.org_id if known else about)
        billing = billed(offer.billing_of(), known, by_admin=True)
        return QuoteLicence(
            **fields,
            licence_id=known.licence_id if known else new_id("lic"),
            org_id="" if known else about,
            quote_id=new_id("lqu"),
            grant=quoted(catalogue(here), known, _wanted(offer, known), billing),
            months=offer.months,
            billing=billing,
            valid_until=until,
            starts_at=starts,
        )

    return make


@click.command()
@click.argument("org_id", metavar="ORG")
@click.argument("tier", metavar="TIER")
@starts_option
@offered(currency=True)
def issue(org_id: str, starts: datetime | None, offer: Offer) -> None:
    """Issue a licence, on an invoice or given.

    Its time runs from when it begins, also before it is activated. Sent again, another one is issued.
    """

    async def make(store: Store, fields: dict[str, Any]) -> LicenceCommand:
        from api.licences.managing import check_can_have_licences
        from api.licences.offers import billed, quoted
        from ledger.ids import new_id
        from ledger.licences.commands import IssueLicence

        await check_can_have_licences(store, org_id)
        billing = billed(offer.billing_of(), None, by_admin=True)
        return IssueLicence(
            **fields,
            licence_id=new_id("lic"),
            org_id=org_id,
            grant=quoted(catalogue(here), None, _wanted(offer, None), billing),
            months=offer.months,
            billing=billing,
            starts_at=starts,
        )

    with installation() as here:
        _say(*asyncio.run(handled(here, make)))


@click.command()
@licence_argument
@click.option("--term", type=click.IntRange(min=2), required=True, help="The number that it is to have.")
@click.option("--tier", help="Of the new term.  [default: as now]")
@click.option("--backdate", is_flag=True, help="From the expiry, also when it has lapsed.")
@offered()
def renew(licence_id: str, term: int, offer: Offer, *, backdate: bool) -> None:
    """Give a licence one more term, once.

    From the end of the last one; where it has lapsed, from now. What `custom` grants goes on as it is.
    """

    async def make(store: Store, fields: dict[str, Any]) -> LicenceCommand:
        from api.licences.managing import check_can_have_licences
        from api.licences.offers import billed, granted_next
        from ledger.licences.commands import RenewLicence

        known = await known_licence(store, licence_id)
        await check_can_have_licences(store, known.org_id)
        billing = billed(offer.billing_of(), known, by_admin=True)
        return RenewLicence(
            **fields,
            licence_id=licence_id,
            term=term,
            grant=granted_next(catalogue(here), known, _wanted(offer, known), billing, by_admin=True),
            months=offer.months,
            billing=billing,
            backdate=backdate,
        )

    with installation() as here:
        _say(*asyncio.run(handled(here, make)))


def _wanted(offer: Offer, known: Licence | None) -> Wanted:
    from api.licences.offers import Wanted

    currency = (offer.currency or (known and known.currency) or "usd").lower()
    return Wanted(offer.tier, currency, offer.grant_of())


@click.command()
@licence_argument
def activate(licence_id: str) -> None:
    """Have a licence work. Exit 2 before it begins."""
    from ledger.licences.commands import ActivateLicence

    _decide(licence_id, ActivateLicence)


@click.command()
@licence_argument
@reason_option
def suspend(licence_id: str, reason: str) -> None:
    """Stop a licence until it is reinstated. Its time goes on, and what is owed stays owed."""
    from ledger.licences.commands import SuspendLicence

    _decide(licence_id, SuspendLicence, reason=reason)


@click.command()
@licence_argument
@reason_option
def reinstate(licence_id: str, reason: str) -> None:
    """End the suspension of a licence."""
    from ledger.licences.commands import ReinstateLicence

    _decide(licence_id, ReinstateLicence, reason=reason)


@click.command()
@licence_argument
@reason_option
@click.option("--credit", is_flag=True, help="Give back what is not earned of its invoices.")
def revoke(licence_id: str, reason: str, *, credit: bool) -> None:
    """End a licence for good."""
    from ledger.licences.commands import RevokeLicence

    _decide(licence_id, RevokeLicence, reason=reason, credit=credit)


@click.command()
@licence_argument
@reason_option
@click.option("--old-until", type=Day(), help="Keys given before work until then.  [default: now]")
def reissue(licence_id: str, reason: str, old_until: datetime | None) -> None:
    """Give a licence another key.

    Where its old one came into wrong hands, or what signed it did. Who manages the organisation reveals it.
    """
    from ledger.licences.commands import ReissueLicenceKey

    licence, _ = _decided(licence_id, ReissueLicenceKey, reason=reason, old_ends_at=old_until)
    click.echo(f"{licence_id} has a new key, its number {licence.serial}, which is to be revealed.")


def _decide(licence_id: str, kind: type[Any], **more: Any) -> None:
    _say(*_decided(licence_id, kind, **more))


def _decided(licence_id: str, kind: type[Any], **more: Any) -> tuple[Licence, datetime]:
    async def make(store: Store, fields: dict[str, Any]) -> LicenceCommand:
        await known_licence(store, licence_id)
        command: LicenceCommand = kind(**fields, licence_id=licence_id, **more)
        return command

    with installation() as here:
        return asyncio.run(handled(here, make))


def _say(licence: Licence, now: datetime) -> None:
    from ledger.licences.status import lapses_at, status_at

    ends, lapses = licence.last, lapses_at(licence)
    assert ends is not None
    assert lapses is not None, "what is only quoted takes none of these commands"
    click.echo(
        f"{licence.licence_id} is {status_at(licence, now)}, in term {ends.term.number} until "
        f"{ends.term.ends_at:%Y-%m-%d %H:%M} UTC, with its grace until {lapses:%Y-%m-%d %H:%M} UTC."
    )


COMMANDS = (quote, issue, activate, renew, suspend, reinstate, revoke, reissue)
