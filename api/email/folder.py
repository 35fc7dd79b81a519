"""Mail as files, for who tries the service without a server for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from api.email.transport import Envelope

FOLDER = "mail"


class FolderTransport:
    """A file for each message, which mail programs open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, envelope: Envelope) -> None:
        await asyncio.to_thread(self._write, envelope)

    def _write(self, envelope: Envelope) -> None:
        """Whole or not at all; what names people is for its owner alone."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{envelope.mail_id}.eml"
        partial = file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_bytes(envelope.message)
        partial.replace(file)
