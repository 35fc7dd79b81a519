"""Folders and files of secrets: for their owner alone from the first moment on."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_folder(folder: Path) -> None:
    """Unless it is there, and so are those above it: `Path.mkdir` would give them the mode of any folder."""
    for each in reversed((folder, *folder.parents)):
        if not each.exists():
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)


def make_file(path: Path, content: bytes) -> None:
    """Unless it is there. Of several processes one makes it, and nobody ever reads half of it."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(part)  # unlike a renaming, never over another
    finally:
        part.unlink(missing_ok=True)
