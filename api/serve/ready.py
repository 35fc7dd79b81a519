"""How a process tells its parent that it is ready: by one byte in a pipe that it inherits."""

from __future__ import annotations

import asyncio
import os


async def first_byte(descriptor: int) -> bytes:
    """Empty when the other end was closed instead."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        return await reader.read(1)
    finally:
        transport.close()
