"""Which licences an organisation has: whose seats are freed when somebody leaves it."""

from __future__ import annotations

from typing import Final

from psycopg import AsyncConnection, OperationalError

from api.stripe.delivery import Postponed

_FIND: Final = """
    SELECT
        coalesce((SELECT notification_id FROM positions WHERE application_name = 'licences'), 0),
        (SELECT coalesce(array_agg(licence_id ORDER BY position), '{}') FROM licences WHERE org_id = %s)
"""


class TableLicences:
    """`Licences` of the gateway. Connects for each: people leave seldom."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def of_organisation(self, org_id: str, position: int) -> tuple[str, ...]:
        try:
            async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                [(projected, found)] = await (await connection.execute(_FIND, (org_id,))).fetchall()
        except OperationalError as error:
            raise Postponed("the database did not answer") from error
        if projected < position:
            raise Postponed("the tables of licences are behind the ledger")
        return tuple(found)
