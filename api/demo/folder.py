"""The demonstration's data directory: whose it is, and how far its history got."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from api.email.folder import FOLDER as MAIL
from api.embedded.locks import EXCLUSIVE, open_lock, try_lock
from api.serve.database import FOLDER as DATABASE
from api.serve.sandbox import FOLDER as SANDBOX
from api.serve.sandbox import Files
from api.settings import SettingsError
from ledger.private_files import make_folder

MARK = "demo.json"
LOG = "service.log"
_OURS = (DATABASE, SANDBOX, MAIL, MARK, LOG)
"""What a fresh start forgets; keys stay, and with them the credentials that were given out."""


class Mark(msgspec.Struct, frozen=True):
    """`making`: the history is incomplete, and all in this directory is the demonstration's."""

    state: Literal["making", "made"]
    seed: int
    scale: float
    at: datetime


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / LOG

    @contextmanager
    def taken(self) -> Iterator[None]:
        """For this process alone. Raises `SettingsError` when another demonstration has it."""
        make_folder(self.path)
        lock = open_lock(self.path / "demo.lock")
        with open(lock, closefd=True):  # noqa: PTH123  a descriptor, to be closed
            if not try_lock(lock, EXCLUSIVE):
                raise SettingsError(
                    f"The demo runs already on {self.path}: stop it, or choose another with --data-dir."
                )
            yield

    def mark(self) -> Mark | None:
        try:
            return msgspec.json.decode((self.path / MARK).read_bytes(), type=Mark)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise SettingsError(f"{self.path / MARK} cannot be read: {error}. Use --fresh.") from None

    def set_mark(self, state: Literal["making", "made"], seed: int, scale: float) -> None:
        part = self.path / f"{MARK}.part"
        part.write_bytes(msgspec.json.encode(Mark(state, seed, scale, datetime.now(UTC))))
        part.replace(self.path / MARK)  # whole or not at all

    def forget(self) -> None:
        """Raises `SettingsError` while a service runs on it."""
        self._check_unused()
        for name in _OURS:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _check_unused(self) -> None:
        for path in (self.path / DATABASE / "users.lock", Files(self.path).lock):
            if not path.exists():
                continue
            lock = open_lock(path)
            with open(lock, closefd=True):  # noqa: PTH123  a descriptor, to be closed
                if not try_lock(lock, EXCLUSIVE):
                    raise SettingsError(f"A service runs on {self.path}: stop it first.")
