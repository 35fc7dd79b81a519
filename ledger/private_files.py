"""Folders and files of secrets: for their owner alone from the first moment on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    with _part(path, content) as part, suppress(FileExistsError):
        path.hardlink_to(part)  # unlike a renaming, never over another


def replace_file(path: Path, content: bytes) -> None:
    """In the place of what is there, or as a new one: whoever reads has the old or the new, whole."""
    path = path.resolve()  # a link stays one
    with _part(path, content) as part:
        part.replace(path)


@contextmanager
def _part(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside it, on the disk, which is gone afterwards."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)
