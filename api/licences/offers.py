"""What a request names, with all its numbers: those of the catalogue, or the ones that an admin gives."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace

from api.http.problems import FieldError, Unprocessable
from api.licences.bodies import CustomGrant, NewBilling
from ledger.catalogue import Catalogue
from ledger.errors import Forbidden
from ledger.licence_tiers import CUSTOM, Allowance, Grant, grant
from ledger.licences.refusals import LicenceNotOpen
from ledger.licences.state import Licence
from ledger.licences.terms import INVOICE, NET_DAYS, Billing


class Wanted(Struct, frozen=True):
    """What a term is asked to be of, as it was said. `tier` None is as now."""

    tier: str | None
    currency: str
    custom: CustomGrant | None


def granted(
    catalogue: Catalogue, tier: str, currency: str, custom: CustomGrant | None, *, by_admin: bool
) -> Grant:
    """Raises `Unprocessable` for what is not sold, and `Forbidden` for numbers of a manager's own."""
    if custom is not None and tier != CUSTOM:
        raise _odd("/custom", "belongs to the tier `custom` alone: leave it out, or name that tier")
    if custom is not None and not by_admin:
        raise Forbidden("Only an admin gives the numbers of a licence; choose a tier of the catalogue.")
    if custom is not None:
        return _custom(catalogue, custom, currency)
    if tier == CUSTOM and by_admin:
        raise _odd("/custom", "the tier `custom` needs its numbers here: `year_minor` and `seats` at least")
    found = grant(catalogue.licence_tiers, tier, currency, catalogue.version)
    if found is None:
        raise _odd("/tier", _not_sold(catalogue, tier, currency, by_admin=by_admin))
    return found


def granted_next(
    catalogue: Catalogue, licence: Licence, wanted: Wanted, billing: Billing, *, by_admin: bool
) -> Grant:
    """Of the term after the last one. Where that was `custom` and nothing else is asked for, its numbers go
    on. Raises as `granted` does, and `LicenceNotOpen` for a licence that is only quoted.
    """
    last = last_grant(licence)
    if wanted.custom is not None or last.tier != CUSTOM or (wanted.tier or CUSTOM) != CUSTOM:
        tier = wanted.tier or last.tier
        return granted(catalogue, tier, wanted.currency, wanted.custom, by_admin=by_admin)
    if billing.kind == INVOICE and not last.year_minor:
        if not by_admin:
            raise Forbidden("This licence was given, and has no price to renew it at: an admin renews it.")
        raise _odd("/custom", "the last term was given: say the numbers with a price, or give it once more")
    return replace(last, currency=wanted.currency)


def quoted(catalogue: Catalogue, licence: Licence | None, wanted: Wanted, billing: Billing) -> Grant:
    """Of an admin's quote: of a new licence, or of the next term of one that is issued. Raises as `granted`
    does.
    """
    if licence is not None and licence.last is not None:
        return granted_next(catalogue, licence, wanted, billing, by_admin=True)
    if wanted.tier is None:
        raise _odd("/tier", f"say which one: there are {_sold(catalogue, by_admin=True)}")
    return granted(catalogue, wanted.tier, wanted.currency, wanted.custom, by_admin=True)


def _sold(catalogue: Catalogue, *, by_admin: bool) -> str:
    return ", ".join([*catalogue.licence_tiers, *([CUSTOM] if by_admin else [])])


def _not_sold(catalogue: Catalogue, tier: str, currency: str, *, by_admin: bool) -> str:
    there_are = f"there are {_sold(catalogue, by_admin=by_admin)}"
    if tier == CUSTOM:
        return f"an administrator gives the numbers of `custom`, and quotes or issues it; else {there_are}"
    sold = catalogue.licence_tiers.get(tier)
    if sold is None:
        return f"there is no tier {tier!r:.60}: {there_are}"
    return f"{tier} is not sold in {currency.upper()}, but in {', '.join(sold.prices).upper()}"


def _odd(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable.at(FieldError(detail=detail, pointer=pointer))


def _custom(catalogue: Catalogue, custom: CustomGrant, currency: str) -> Grant:
    known = catalogue.feature_names
    if faults := [
        FieldError(detail=_no_feature(name, known), pointer=f"/custom/features/{index}")
        for index, name in enumerate(custom.features)
        if name not in known
    ]:
        raise Unprocessable.at(*faults)
    return Grant(
        tier=CUSTOM,
        currency=currency,
        year_minor=custom.year_minor,
        grace_days=custom.grace_days,
        seats=custom.seats,
        floating=custom.floating,
        lease_minutes=custom.lease_minutes,
        transfers=custom.transfers,
        features=tuple(custom.features),
        allowances=tuple(
            Allowance(
                metric=one.metric,
                limit=one.limit,
                soft=bool(one.overage_minor),
                overage_minor=one.overage_minor,
                per=one.per,
            )
            for one in custom.allowances
        ),
    )


def _no_feature(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=3)
    return f"no plan has the feature {name!r:.80}; there is {', '.join(near or known)}"


def billed(asked: NewBilling | None, licence: Licence | None, *, by_admin: bool) -> Billing:
    """A manager pays as late as an admin let them before; whether and with which tax is not theirs. Raises
    `Forbidden`.
    """
    billing = asked or NewBilling()
    if not by_admin and (billing.kind != INVOICE or billing.tax_bp is not None):
        raise Forbidden("Only an admin says how a licence is taxed, or gives one without an invoice.")
    if billing.kind != INVOICE:
        return Billing()
    last = licence.billing if licence else Billing()
    most = last.net_days or NET_DAYS[1]
    net_days = billing.net_days or most
    if not by_admin and net_days > most:
        raise Forbidden(f"Only an admin gives longer than {most} days to pay: that is what this licence has.")
    tax_bp = last.tax_bp if billing.tax_bp is None else billing.tax_bp
    return Billing(kind=INVOICE, net_days=net_days, tax_bp=tax_bp)


def last_grant(licence: Licence) -> Grant:
    """Raises `LicenceNotOpen` for one that is only quoted."""
    if licence.last is None:
        raise LicenceNotOpen("This licence is quoted and not issued: accept the quote, or issue it.")
    return licence.last.grant
