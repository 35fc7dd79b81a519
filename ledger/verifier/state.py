"""The latest time that was seen, kept in a file, so that a clock that is set back is noticed.

It keeps honest people honest: who may write the file can also remove it.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from .claims import LAST_SECOND


class UnusableState(ValueError):
    """The state file can neither be used nor made; the message says why and what to do."""


class State:
    """Several programs may share one: it is whole or not there, and the later time stays, but that of two
    which write in the same moment either may.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def latest(self) -> int | None:
        """None before the first time. Raises `UnusableState`, also for a damaged file."""
        try:
            said = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UnusableState(self._trouble("read", error)) from None
        latest = said.get("latest_seen") if isinstance(said, dict) else None
        if type(latest) is not int or not 0 <= latest <= LAST_SECOND:
            raise UnusableState(self._trouble("read", ValueError("it has no time")))
        return latest

    def saw(self, at: int) -> None:
        """Keeps the time if it is the latest. Raises `UnusableState`."""
        latest = self.latest()
        if latest is not None and at <= latest:
            return
        try:
            self._write(json.dumps({"latest_seen": at}).encode())
        except OSError as error:
            raise UnusableState(self._trouble("written", error)) from None

    def _write(self, content: bytes) -> None:
        """Beside it first, then in its place."""
        descriptor, part = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(self._path)
        except OSError:
            with suppress(OSError):
                Path(part).unlink()
            raise

    def _trouble(self, done: str, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or "it is not what was written"
        return (
            f"The state file {self._path} cannot be {done}: {reason}. Let it be in a folder that this "
            "program may write to; if it is damaged, see that the clock is right and remove it."
        )
