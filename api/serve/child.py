"""A process of a service with several: `python -m api.serve.child api|worker READY [LISTENER]`.

READY and LISTENER are inherited descriptors: a pipe for one byte when this process is ready, and the socket.
Standard input is a pipe from the parent: its end means that the parent is gone.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from api import log, redaction
from api.serve.composition import ALL_HERE, composition_of
from api.serve.node import serving
from api.serve.sockets import inherited
from api.serve.stopping import forever, until_stopped
from api.services import open_services
from api.settings import Settings, load


async def run(settings: Settings, kind: str, ready: int, listener: socket.socket | None) -> None:
    async with _part(settings, kind, listener) as ended:
        os.write(ready, b"1")
        os.close(ready)
        await ended


@asynccontextmanager
async def _part(
    settings: Settings, kind: str, listener: socket.socket | None
) -> AsyncIterator[Awaitable[None]]:
    composition = composition_of(
        settings, settings.database_url, background=ALL_HERE if kind == "worker" else ()
    )
    if kind == "worker":
        async with open_services(composition):
            yield forever()
        return
    assert listener is not None
    async with serving(composition, listener) as ended:
        yield ended


def main() -> None:
    redaction.install_hooks()
    kind, ready = sys.argv[1], int(sys.argv[2])
    listener = inherited(int(sys.argv[3])) if len(sys.argv) > 3 else None  # noqa: PLR2004  optional
    settings = load()
    log.configure(settings)
    asyncio.run(until_stopped(run(settings, kind, ready, listener), orphaned=True))


if __name__ == "__main__":
    main()
