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
    starts_at: datetime
    """Of what is charged: now, or when a term begins that follows already."""
    ends_at: datetime
    net_minor: int


def charges(licence: Licence, grant: Grant, now: datetime) -> tuple[Charge, ...]:
    """For the term that runs and those of its tier that follow it already. Raises refusals."""
    present = _upgradable(licence, grant, now)
    return tuple(
        _charge(one, grant, whole(now))
        for one in _from(present, licence)
        if one.grant.tier == present.grant.tier
    )


def _from(granted: Granted, licence: Licence) -> Iterator[Granted]:
    """A term and those that follow it."""
    found: Granted | None = granted
    while found is not None:
        yield found
        found = licence.granted.get(str(found.term.number + 1))


def _charge(one: Granted, grant: Grant, at: datetime) -> Charge:
    return Charge(
        term=one.term.number,
        starts_at=max(at, one.term.starts_at),
        ends_at=one.term.ends_at,
        net_minor=proration(one.grant, grant, one.term, at),
    )


def upgrade(command: UpgradeLicence, licence: Licence) -> tuple[LicenceEvent, ...]:
    check_billing(command.billing)
    now, wanted = command.effective_at, command.grant
    due = charges(licence, wanted, now)
    _check_cost(command, due)
    present = _present(licence, now).grant
    if command.billing.kind != INVOICE:
        wanted = replace(wanted, year_minor=present.year_minor)
    upgraded = LicenceUpgraded(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        terms=tuple(one.term for one in due),
        at=whole(now),
        from_tier=present.tier,
        grant=wanted,
        billing=command.billing,
    )
    facts: tuple[LicenceEvent, ...] = (upgraded,)
    for one in due:
        facts += invoiced(
            licence,
            kind="upgrade",
            term=one.term,
            net_minor=one.net_minor,
            currency=wanted.currency,
            billing=command.billing,
            period=(one.starts_at, one.ends_at),
            at=now,
            before=len(facts) - 1,
        )
    return facts


def _check_cost(command: UpgradeLicence, due: tuple[Charge, ...]) -> None:
    if command.expected_minor is None or command.billing.kind != INVOICE:
        return
    cost = sum(one.net_minor + command.billing.tax_minor(one.net_minor) for one in due)
    if cost > command.expected_minor:
        raise LicencePriceChanged(
            f"{money.format_minor(cost, command.grant.currency)} is to pay, with tax: send {cost} as "
            "`expected_minor` to have it for at most that."
        )


def _present(licence: Licence, now: datetime) -> Granted:
    return granted_at(licence, now) or running(licence)


def _upgradable(licence: Licence, grant: Grant, now: datetime) -> Granted:
    last = running(licence)
    check_grant(grant)
    if has_lapsed(licence, now) or last.term.ends_at <= now:
        raise LicenceNotOpen(f"The last term ended on {last.term.ends_at:%Y-%m-%d}: renew with the new tier.")
    present = _present(licence, now)
    if grant.currency != present.grant.currency:
        raise InvalidLicence(f"This licence is invoiced in {present.grant.currency.upper()}, and stays so.")
    if less := lesser(present.grant, grant):
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
    allowance = new.allowance(old.metric)
    return allowance is None or _below(allowance.limit, old.limit)


def _below(new: int | None, old: int | None) -> bool:
    """None is without limit."""
    return new is not None and (old is None or new < old)
