"""More for the rest of a term. What it costs is counted to the second and invoiced at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ledger import money
from ledger.licence_tiers import Allowance, Grant
from ledger.licences.checks import check_billing, check_grant, running, whole
from ledger.licences.commands import UpgradeLicence
from ledger.licences.events import LicenceEvent, LicenceUpgraded
from ledger.licences.invoicing import invoiced
from ledger.licences.refusals import (
    InvalidLicence,
    LicenceNotOpen,
    LicencePriceChanged,
    NotAnUpgrade,
)
from ledger.licences.state import Granted, Licence, granted_at
from ledger.licences.status import has_lapsed
from ledger.licences.terms import INVOICE, proration


class Charge(Struct, frozen=True, kw_only=True):
    """What an upgrade costs for one term, without tax."""

    term: int
    grant: Grant
    """What the term grants then, and the price that is counted from later."""
    starts_at: datetime
    """Of what is charged: now, or when a term begins that follows already."""
    ends_at: datetime
    net_minor: int


def charges(licence: Licence, grant: Grant, now: datetime, *, given: bool = False) -> tuple[Charge, ...]:
    """For the term that runs and those that follow it already and are upgraded with it. What is given leaves
    each term at its own price. Raises refusals.
    """
    present = _upgradable(licence, grant, now, given=given)
    found = [(present, _offered(present, grant, given=given))]
    for one in _after(present, licence):
        offered = _offered(one, grant, given=given)
        if one.grant.tier == present.grant.tier and _gains(one.grant, offered):
            found.append((one, offered))
    return tuple(_charge(one, offered, whole(now)) for one, offered in found)


def _gains(old: Grant, new: Grant) -> bool:
    """A later term that would lose something, its price too, or gain nothing, was agreed as it is."""
    return _granted(old) != _granted(new) and not lesser(old, new)


def _offered(one: Granted, grant: Grant, *, given: bool) -> Grant:
    return replace(grant, year_minor=one.grant.year_minor) if given else grant


def _after(granted: Granted, licence: Licence) -> Iterator[Granted]:
    """The terms that follow it."""
    number = granted.term.number + 1
    while (found := licence.granted.get(str(number))) is not None:
        yield found
        number += 1


def _charge(one: Granted, grant: Grant, at: datetime) -> Charge:
    return Charge(
        term=one.term.number,
        grant=grant,
        starts_at=max(at, one.term.starts_at),
        ends_at=one.term.ends_at,
        net_minor=proration(one.grant, grant, one.term, at),
    )


def upgrade(command: UpgradeLicence, licence: Licence) -> tuple[LicenceEvent, ...]:
    check_billing(command.billing)
    now = command.effective_at
    due = charges(licence, command.grant, now, given=command.billing.kind != INVOICE)
    _check_cost(command, due)
    invoices: tuple[LicenceEvent, ...] = ()
    for one in due:
        invoices += invoiced(
            licence,
            kind="upgrade",
            term=one.term,
            net_minor=one.net_minor,
            currency=one.grant.currency,
            billing=command.billing,
            period=(one.starts_at, one.ends_at),
            at=now,
            before=len(invoices),
        )
    return (*_facts(command, licence, due), *invoices)


def _facts(command: UpgradeLicence, licence: Licence, due: tuple[Charge, ...]) -> Iterator[LicenceUpgraded]:
    """One for each price, as a fact has one grant."""
    terms: dict[int, list[Charge]] = {}
    for one in due:
        terms.setdefault(one.grant.year_minor, []).append(one)
    for alike in terms.values():
        yield LicenceUpgraded(
            licence_id=licence.licence_id,
            org_id=licence.org_id,
            terms=tuple(one.term for one in alike),
            at=whole(command.effective_at),
            from_tier=_present(licence, command.effective_at).grant.tier,
            grant=alike[0].grant,
            billing=command.billing,
        )


def _check_cost(command: UpgradeLicence, due: tuple[Charge, ...]) -> None:
    if command.expected_minor is None or command.billing.kind != INVOICE:
        return
    cost = sum(one.net_minor + command.billing.tax_minor(one.net_minor, one.grant.currency) for one in due)
    if cost > command.expected_minor:
        raise LicencePriceChanged(
            f"{money.format_minor(cost, command.grant.currency)} is to pay, with tax: send {cost} as "
            "`expected_minor` to have it for at most that."
        )


def _present(licence: Licence, now: datetime) -> Granted:
    return granted_at(licence, now) or running(licence)


def _upgradable(licence: Licence, grant: Grant, now: datetime, *, given: bool) -> Granted:
    last = running(licence)
    check_grant(grant)
    if has_lapsed(licence, now) or last.term.ends_at <= now:
        raise LicenceNotOpen(f"The last term ended on {last.term.ends_at:%Y-%m-%d}: renew with the new tier.")
    present = _present(licence, now)
    if grant.currency != present.grant.currency:
        raise InvalidLicence(f"This licence is invoiced in {present.grant.currency.upper()}, and stays so.")
    if less := lesser(present.grant, _offered(present, grant, given=given)):
        raise NotAnUpgrade(
            f"This would become less before the term ends: {', '.join(less)}. Renew with it instead."
        )
    if _granted(grant) == _granted(present.grant):
        raise NotAnUpgrade("The licence grants all of this already.")
    return present


def _granted(grant: Grant) -> Grant:
    """Without what it costs and where its numbers are from."""
    return replace(grant, year_minor=0, catalogue_version="")


def lesser(old: Grant, new: Grant) -> list[str]:
    """What `new` has less of, as words."""
    found = [f"the feature {name}" for name in old.features if name not in new.features]
    found += [f"the limit of {one.metric}" for one in old.allowances if _is_less(one, new)]
    if _below(new.seats, old.seats):
        found.append("seats")
    if _below(new.transfers, old.transfers):
        found.append("transfers")
    if new.grace_days < old.grace_days:
        found.append("grace_days")
    if new.year_minor < old.year_minor:
        found.append("the price")
    return found


def _is_less(old: Allowance, new: Grant) -> bool:
    """A limit that was soft and is hard refuses what was let through."""
    allowance = new.allowance(old.metric)
    if allowance is None or _below(allowance.limit, old.limit):
        return True
    return old.soft and not allowance.soft and allowance.limit is not None


def _below(new: int | None, old: int | None) -> bool:
    """None is without limit."""
    return new is not None and (old is None or new < old)
