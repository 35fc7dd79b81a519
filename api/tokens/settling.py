"""What matures and expires, recorded soon after it did: whoever reads a balance sees it at once anyway."""

from __future__ import annotations

from psycopg import AsyncConnection

from api.clock import Clock
from ledger.message import Origin
from ledger.store import Store
from ledger.tokens.commands import SettleTokens
from projections.queries.due import tokens_due

AT_ONCE = 500
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


async def settle_tokens(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """How many users it was recorded for."""
    now, done = clock.now(), 0
    after = None
    while due := await tokens_due(conn, now, AT_ONCE, after=after):
        for one in due:
            command = SettleTokens(
                command_id=f"settle_tokens:{one.user_id}:{one.at.isoformat()}",
                effective_at=now,
                user_id=one.user_id,
            )
            outcome = await store.handle(command, WORKER)
            done += bool(outcome.recorded) and not outcome.repeated
        after = due[-1]
    return done
