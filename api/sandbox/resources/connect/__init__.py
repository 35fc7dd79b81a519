"""Connect: accounts that the platform pays, what it transfers to them, and what their banks get."""

from __future__ import annotations

from api.sandbox.resources.connect import (
    account_links,
    accounts,
    capabilities,
    external_accounts,
    paying_out,
    transfer_reversals,
    transfers,
)

ALL = (
    accounts.RESOURCE,
    account_links.RESOURCE,
    capabilities.RESOURCE,
    external_accounts.RESOURCE,
    paying_out.RESOURCE,
    transfers.RESOURCE,
    transfer_reversals.RESOURCE,
)
