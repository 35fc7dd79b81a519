"""Who has which connected account: Stripe does not tell of one that left it."""

from __future__ import annotations

from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, OperationalError

from api.stripe.delivery import Owner, Postponed

_FIND: Final = """
    SELECT (SELECT notification_id FROM positions WHERE application_name = 'accounts'), user_id, account_id
    FROM (SELECT 1) AS always LEFT JOIN connected_accounts ON stripe_account_id = %s
"""


_CURRENCIES: Final = "SELECT DISTINCT currency FROM earnings_days WHERE user_id = %s ORDER BY currency"


class TableOwners:
    """`Owners` of the gateway. Connects for each: an account leaves once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def owner_of(self, stripe_account_id: str, position: int) -> Owner | None:
        [(projected, user_id, account_id)] = await self._ask(_FIND, stripe_account_id)
        if user_id is not None:
            return Owner(user_id, account_id)
        if (projected or 0) < position:
            raise Postponed("the tables of connected accounts are behind the ledger")
        return None

    async def currencies_of(self, user_id: str) -> tuple[str, ...]:
        return tuple(currency for (currency,) in await self._ask(_CURRENCIES, user_id))

    async def _ask(self, query: LiteralString, about: str) -> list[tuple[Any, ...]]:
        try:
            async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                return await (await connection.execute(query, (about,))).fetchall()
        except OperationalError as error:
            raise Postponed("the database did not answer") from error
