"""What a request names, with all its numbers: those of the catalogue, or the ones that an admin gives."""

from __future__ import annotations

from api.http.problems import FieldError, Unprocessable
from api.licences.bodies import CustomGrant, NewBilling
from ledger.catalogue import Catalogue
from ledger.errors import Forbidden
from ledger.licence_tiers import CUSTOM, Allowance, Grant, grant
from ledger.licences.refusals import LicenceNotOpen
from ledger.licences.state import Licence
from ledger.licences.terms import INVOICE, NET_DAYS, Billing


def granted(
    catalogue: Catalogue, tier: str, currency: str, custom: CustomGrant | None, *, by_admin: bool
) -> Grant:
    """Raises `Unprocessable` for what is not sold, and `Forbidden` for numbers of a manager's own."""
    if (tier == CUSTOM) != (custom is not None):
        raise _odd("/custom", "belongs to the tier `custom`, which needs it")
    if custom is not None:
        if not by_admin:
            raise Forbidden("Only an admin gives the numbers of a licence; choose a tier of the catalogue.")
        return _custom(custom, currency)
    found = grant(catalogue.licence_tiers, tier, currency, catalogue.version)
    if found is None:
        raise _odd("/tier", _not_sold(catalogue, tier, currency))
    return found


def _not_sold(catalogue: Catalogue, tier: str, currency: str) -> str:
    sold = catalogue.licence_tiers.get(tier)
    if sold is None:
        return f"there is no tier {tier!r:.60}: there are {', '.join([*catalogue.licence_tiers, CUSTOM])}"
    return f"{tier} is not sold in {currency.upper()}, but in {', '.join(sold.prices).upper()}"


def _odd(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable.at(FieldError(detail=detail, pointer=pointer))


def _custom(custom: CustomGrant, currency: str) -> Grant:
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


def tier_of(licence: Licence) -> str:
    """Raises `LicenceNotOpen` for one that is only quoted."""
    if licence.last is None:
        raise LicenceNotOpen("This licence is quoted and not issued: accept the quote, or issue it.")
    return licence.last.grant.tier
