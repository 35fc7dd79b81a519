"""Who has which connected account: Stripe does not tell of one that left it."""

from __future__ import annotations

from typing import Final

from psycopg import AsyncConnection, OperationalError

from api.stripe.delivery import Owner, Postponed

_FIND: Final = """
    SELECT (SELECT notification_id FROM positions WHERE application_name = 'accounts'), user_id, account_id
    FROM (SELECT 1) AS always LEFT JOIN connected_accounts ON stripe_account_id = %s
"""


class TableOwners:
    """`Owners` of the gateway. Connects for each: an account leaves once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def owner_of(self, stripe_account_id: str, position: int) -> Owner | None:
        try:
            async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                row = await (await connection.execute(_FIND, (stripe_account_id,))).fetchone()
        except OperationalError as error:
            raise Postponed("the database did not answer") from error
        projected, user_id, account_id = row or (None, None, None)
        if user_id is not None:
            return Owner(user_id, account_id)
        if (projected or 0) < position:
            raise Postponed("the tables of connected accounts are behind the ledger")
        return None
