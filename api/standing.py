"""What is worrying of settings, login and clocks, for a service that runs; `liberation doctor` says more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from psycopg.rows import tuple_row

from api.clock import CLOSE_S
from api.settings import Settings
from api.stripe.contact import Contact
from ledger.store.batched_queries import Connection

KEPT_S = 60.0
"""How long what the database said is good for."""

LOGIN: Final = """
    SELECT session_user AS name, r.rolsuper AS superuser,
        coalesce(pg_has_role(session_user, n.nspowner, 'MEMBER'), false) AS owner
    FROM pg_roles AS r LEFT JOIN pg_namespace AS n ON n.nspname = %s
    WHERE r.rolname = session_user
"""
CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())::double precision"


class Standing:
    """Everybody may read it: it names no host, login or key."""

    def __init__(
        self, settings: Settings, contact: Contact, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._contact = contact
        self._clock = clock
        self._of_database: list[str] = []
        self._asked_at = float("-inf")

    async def worrying(self, connection: Connection) -> list[str]:
        if self._clock() - self._asked_at > KEPT_S:
            self._of_database = await self._ask(connection)
            self._asked_at = self._clock()
        return [*self._of_settings(), *self._of_database, *self._contact.worrying()]

    def _of_settings(self) -> list[str]:
        if self._settings.stripe_api_key and not self._settings.stripe_webhook_secret:
            return ["no webhook secret is set: every webhook is refused"]
        return []

    async def _ask(self, connection: Connection) -> list[str]:
        async with connection.cursor(row_factory=tuple_row) as cursor:
            sent = time.time()
            [(theirs,)] = await (await cursor.execute(CLOCK)).fetchall()
            ahead_s = (sent + time.time()) / 2 - theirs
            found = await (await cursor.execute(LOGIN, (self._settings.schema,))).fetchall()
        owner = self._settings.live and any(superuser or owns for _, superuser, owns in found)
        worries = ["the database login owns the ledger: see `liberation doctor`"] if owner else []
        if abs(ahead_s) > CLOSE_S:
            worries.append(f"the clock differs from the database's by more than {CLOSE_S:.0f} s")
        return worries
