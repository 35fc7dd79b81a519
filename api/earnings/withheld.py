"""Why an instructor is paid nothing as things are: found by the last run, or by the amounts themselves."""

from __future__ import annotations

from collections.abc import Mapping

from api.earnings.resources import Withheld
from ledger.earnings.balances import Balances
from ledger.earnings.paying import payable_minor
from ledger.earnings.refusals import (
    AccountBelowZero,
    AccountNotPayable,
    BelowMinimum,
    PlatformShort,
    RecallInProgress,
)
from ledger.store.batched_queries import Connection

_FOUND = """
    SELECT currency, reason, detail, withheld_at
    FROM payouts_withheld
    WHERE user_id = %(user_id)s
    UNION ALL
    SELECT currency, %(recalling)s, %(told)s, min(requested_at)
    FROM payout_recalls
    WHERE user_id = %(user_id)s AND ended_at IS NULL
    GROUP BY currency
"""
_REMEDIES = {
    one.code: one.remedy for one in (AccountNotPayable, AccountBelowZero, PlatformShort, RecallInProgress)
}
_RECALLING = {
    "recalling": RecallInProgress.code,
    "told": "A transfer is being taken back in part or whole; what is payable is known after that.",
}


async def withheld_from(connection: Connection, user_id: str) -> dict[str, Withheld]:
    """By currency, of what was looked at; an open recall holds up whatever else does."""
    found = await (await connection.execute(_FOUND, {"user_id": user_id, **_RECALLING})).fetchall()
    return {
        currency: Withheld(reason=reason, detail=detail, remedy=_REMEDIES.get(reason, ""), since=since)
        for currency, reason, detail, since in found
    }


def why_nothing(currency: str, balance: Balances, found: Mapping[str, Withheld]) -> Withheld | None:
    if balance.reserved_minor or not (balance.available_minor or balance.debt_minor):
        return None
    try:
        payable_minor(balance, currency)
    except BelowMinimum as little:
        return Withheld(reason=little.code, detail=str(little), remedy=little.remedy, since=None)
    return found.get(currency)
