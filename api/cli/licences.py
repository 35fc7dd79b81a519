"""`licences`: what organisations have licences for, and what they owe for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli import licence_life, licence_money
from api.cli.finance import named
from api.cli.installation import Installation, installation
from api.cli.licence_choices import licence_argument
from api.cli.terminal import Day, Month, json_option, print_json, print_table

if TYPE_CHECKING:
    from api.books.licences import ReceivablesReport
    from api.licences.resources import LicenceDetails, LicenceGrant, LicenceInUse, LicenceInvoice
    from api.seats.bodies import LicenceSeat
    from api.usage.bodies import LicenceUsage, UsageOfMetric
    from ledger.store.batched_queries import Connection

LIMIT = 1_000
STATUSES = ("quoted", "created", "active", "grace", "suspended", "expired", "revoked")


@click.group()
def licences() -> None:
    """Licences of organisations, their invoices and seats."""


@licences.command("list")
@click.option("--org", "org_id", help="Those of this organisation; else of all.")
@click.option("--status", type=click.Choice(STATUSES), help="Those that are in this state; else all.")
@click.option("--ends-before", type=Day(), help="Whose last term ends before that day (UTC).")
@json_option
def list_(org_id: str | None, status: str | None, ends_before: datetime | None, *, as_json: bool) -> None:
    """Show licences, the newest first, as they are now."""
    with installation() as here:
        filters = {"org_id": org_id, "status": status, "ends_before": ends_before}
        found = asyncio.run(_found(here, filters))
        names = asyncio.run(named(here, (one.org_id for one in found)))
    if as_json:
        print_json(found)
        return
    print_table(
        ("licence", "organisation", "name", "tier", "status", "#term", "ends", "lapses"),
        (
            (
                one.licence_id,
                one.org_id,
                names.get(one.org_id, ""),
                one.terms[-1].grant.tier if one.terms else one.quote.grant.tier if one.quote else "",
                one.status,
                len(one.terms),
                _time(one.ends_at),
                _time(one.lapses_at),
            )
            for one in found
        ),
        empty="There is no licence.",
    )


@licences.command()
@licence_argument
@json_option
def show(licence_id: str, *, as_json: bool) -> None:
    """Show a licence with its terms, and the quote that is open. Exit 2 when there is no such."""
    with installation() as here:
        one = asyncio.run(_shown(here, licence_id))
        name = asyncio.run(named(here, [one.org_id])).get(one.org_id)
    if as_json:
        print_json(one)
        return
    click.echo(f"{one.licence_id}  {one.status}, of {one.org_id}{f' ({name})' if name else ''}")
    if one.lapses_at is not None:
        click.echo(f"  until {_time(one.ends_at)} UTC, and with its grace until {_time(one.lapses_at)} UTC")
    if one.reason:
        click.echo(f"  because: {one.reason}")
    click.echo(f"  {one.seats_in_use} of its seats are in use")
    if one.owed_minor:
        click.echo(
            f"  {_amount(one.owed_minor, one.terms[-1].grant.currency)} are owed to them by credit notes"
        )
    if (quote := one.quote) is not None:
        price = _amount(quote.net_minor + quote.tax_minor, quote.grant.currency)
        click.echo(
            f"  {quote.quote_id} offers term {quote.term}, {quote.grant.tier} for {quote.months} months at "
            f"{price}, until {_time(quote.valid_until)} UTC"
        )
    print_table(
        ("#term", "tier", "from", "to", "#a year", "#seats", "", "limits"),
        (
            (
                term.number,
                term.grant.tier,
                _time(term.starts_at),
                _time(term.ends_at),
                _amount(term.grant.year_minor, term.grant.currency),
                _unlimited(term.grant.seats),
                "floating" if term.grant.floating else "named",
                _limits(term.grant),
            )
            for term in one.terms
        ),
        empty="It has no term: it is quoted, and not issued.",
    )


def _limits(grant: LicenceGrant) -> str:
    return ", ".join(f"{one.metric} {_unlimited(one.limit)}" for one in grant.allowances)


@licences.command()
@click.argument("licence_id", metavar="[LICENCE]", required=False)
@click.option("--open", "is_open", is_flag=True, help="Of which something is to be paid.")
@click.option("--overdue", is_flag=True, help="Which should have been paid by now.")
@json_option
def invoices(licence_id: str | None, *, is_open: bool, overdue: bool, as_json: bool) -> None:
    """Show invoices, the newest first: of a licence, or all. Exit 2 when there is no such licence."""
    with installation() as here:
        found = asyncio.run(_invoices(here, licence_id, is_open=is_open or overdue, overdue=overdue))
    if as_json:
        print_json(found)
        return
    print_table(
        ("number", "invoice", "licence", "kind", "#total", "#open", "due", "#written off"),
        (
            (
                one.number,
                one.invoice_id,
                one.licence_id,
                one.kind,
                _amount(one.net_minor + one.tax_minor, one.currency),
                _amount(one.open_minor, one.currency),
                f"{one.due_at:%Y-%m-%d}",
                _amount(one.written_off_minor, one.currency),
            )
            for one in found
        ),
        empty="There is no such invoice.",
    )


@licences.command()
@click.option("--as-of", type=Day(), help="At the end of that day (UTC).  [default: now]")
@json_option
def receivables(as_of: datetime | None, *, as_json: bool) -> None:
    """Show what each organisation owes, by age.

    In days from when an invoice was due. It is account 1100, to the cent.
    """
    with installation() as here:
        report = asyncio.run(_receivables(here, as_of))
    if as_json:
        print_json(report)
        return
    columns = ("total", "current", "days_0_30", "days_31_60", "days_61_90", "over_90")
    print_table(
        (
            "organisation",
            "name",
            *(f"#{column.replace('days_', '').replace('_', ' ')}" for column in columns),
        ),
        (
            (
                one.org_id,
                one.org_name or "",
                *(_amount(getattr(one, f"{column}_minor"), one.currency) for column in columns),
            )
            for one in report.items
        ),
        empty="Nobody owes anything.",
    )


@licences.command()
@licence_argument
@json_option
def seats(licence_id: str, *, as_json: bool) -> None:
    """Show who has a licence's seats, the newest first. Exit 2 when there is no such licence."""
    with installation() as here:
        found = asyncio.run(_seats(here, licence_id))
    if as_json:
        print_json(found)
        return
    print_table(
        ("seat", "user", "since", "until"),
        (
            (one.seat_id, one.user_id, _time(one.activated_at), _time(one.until) or "it is released")
            for one in found
        ),
        empty="Nobody has a seat of it.",
    )


@licences.command()
@licence_argument
@click.option("--month", type=Month(), help="A calendar month (UTC).  [default: this one]")
@json_option
def usage(licence_id: str, month: date | None, *, as_json: bool) -> None:
    """Show what was used of a licence in a month."""
    with installation() as here:
        found = asyncio.run(_usage(here, licence_id, month))
    if as_json:
        print_json(found)
        return
    print_table(
        ("metric", "#used", "#peak", "#limit", "#beyond", "#overage", "alerted"),
        (
            (
                one.metric,
                one.used,
                one.peak,
                _unlimited(one.limit),
                one.beyond,
                _overage(one),
                f"at {one.alerted_percent} %" if one.alerted_percent else "",
            )
            for one in found.metrics
        ),
        empty=f"Nothing is granted or used in {found.month}.",
    )


def _overage(one: UsageOfMetric) -> str:
    return _amount(one.overage_minor, one.currency) if one.overage_minor else ""


def _unlimited(number: int | None) -> str:
    return "no limit" if number is None else str(number)


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _amount(amount_minor: int, currency: str) -> str:
    from ledger.money import format_minor

    return format_minor(amount_minor, currency)


@asynccontextmanager
async def _reading(here: Installation) -> AsyncIterator[Connection]:
    from psycopg import AsyncConnection

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        yield conn


def _now() -> datetime:
    from api.clock import SystemClock

    return SystemClock().now()


async def _found(here: Installation, filters: dict[str, Any]) -> list[LicenceDetails]:
    from api.http.paging import LARGEST
    from api.licences.listing import LISTED, with_terms
    from api.reads import rows
    from projections.licences.tables import LICENCES

    now = _now()
    arguments = {**filters, "managed": None, "now": now, "before": LARGEST, "limit": LIMIT}
    async with _reading(here) as conn:
        return await with_terms(conn, await rows(conn, LISTED, LICENCES, arguments), now)


async def _shown(here: Installation, licence_id: str) -> LicenceInUse:
    from api.licences.listing import details_of

    async with _reading(here) as conn:
        return await details_of(conn, licence_id, _now())


async def _invoices(
    here: Installation, licence_id: str | None, *, is_open: bool, overdue: bool
) -> list[LicenceInvoice]:
    from api.licences.listing import EVERY_INVOICE, details_of
    from api.licences.resources import invoice_of_row
    from api.reads import rows
    from projections.licences.tables import LICENCE_INVOICES

    arguments = {
        "licence_id": licence_id,
        "open": is_open,
        "due_before": _now() if overdue else None,
        "limit": LIMIT,
    }
    async with _reading(here) as conn:
        if licence_id is not None:
            await details_of(conn, licence_id, _now())
        return [invoice_of_row(row) for row in await rows(conn, EVERY_INVOICE, LICENCE_INVOICES, arguments)]


async def _receivables(here: Installation, as_of: datetime | None) -> ReceivablesReport:
    from api.books.licences import receivables_at
    from ledger.invoices.recognition import end_of

    moment = end_of(as_of.date()) if as_of else _now()
    async with _reading(here) as conn:
        return await receivables_at(conn, moment)


async def _seats(here: Installation, licence_id: str) -> list[LicenceSeat]:
    from api.http.paging import LARGEST
    from api.licences.listing import details_of
    from api.seats.managing import seats_held

    async with _reading(here) as conn:
        await details_of(conn, licence_id, _now())
        return await seats_held(conn, licence_id, _now(), LARGEST, LIMIT)


async def _usage(here: Installation, licence_id: str, month: date | None) -> LicenceUsage:
    from api.cli.licence_choices import known_licence
    from api.usage.reads import usage_of
    from ledger.store import Store
    from ledger.usage.metrics import month_of

    now = _now()
    async with Store.open(here.url, schema=here.settings.schema) as store, _reading(here) as conn:
        licence = await known_licence(store, licence_id)
        return await usage_of(conn, licence, f"{month:%Y-%m}" if month else month_of(now), now)


for _command in (*licence_life.COMMANDS, *licence_money.COMMANDS):
    licences.add_command(_command)
