"""What GET /api/payments/{id} would be without a product around it: a Litestar handler with the same queries.

No credentials, no limits, no headers, no metrics, no merging of reads; a pool of connections as anybody
would have. Run as `python -m tests.benchmarks.bare PORT CONNINFO`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

QUERIES = {
    "payment": "SELECT * FROM payments WHERE payment_id = %s",
    "refunds": "SELECT * FROM refunds WHERE payment_id = %s ORDER BY position",
    "disputes": "SELECT * FROM disputes WHERE payment_id = %s ORDER BY position",
    "events": "SELECT type, position, recorded_at FROM events WHERE stream = %s ORDER BY version",
}


@get("/api/payments/{payment_id:str}")
async def payment(payment_id: FromPath[str], state: State) -> dict[str, Any]:
    async with state.pool.connection() as conn, conn.pipeline():
        cursors = {
            name: await conn.execute(
                query.encode(), (f"payment-{payment_id}" if name == "events" else payment_id,), prepare=True
            )
            for name, query in QUERIES.items()
        }
        rows = {name: await cursor.fetchall() for name, cursor in cursors.items()}
    if not rows["payment"]:
        raise NotFoundException
    return {**rows.pop("payment")[0], **rows}


def serve(port: int, conninfo: str) -> None:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        settings = {"autocommit": True, "row_factory": dict_row}
        pool: AsyncConnectionPool[AsyncConnection[Any]]
        async with AsyncConnectionPool(conninfo, min_size=8, max_size=8, open=False, kwargs=settings) as pool:
            app.state.pool = pool
            yield

    app = Litestar([payment], lifespan=[lifespan], openapi_config=None, logging_config=None)
    uvicorn.run(app, port=port, loop="asyncio", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
