"""How many organisations one user may own."""

from __future__ import annotations

from ledger.catalogue import OrganisationLimits
from ledger.organisations.refusals import TooManyOrganisations


def check_owned(owned: int, limits: OrganisationLimits) -> None:
    """Before one more. Raises `TooManyOrganisations`."""
    if owned >= limits.owned:
        raise TooManyOrganisations(
            f"The user owns {owned} organisations, and {limits.owned} is as many as one may."
        )
