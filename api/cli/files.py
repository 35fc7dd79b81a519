"""Files that commands write: whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from api.cli.errors import UNUSABLE, CommandError, unwritable

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What a file system says that knows no hard links."""


@contextmanager
def written(path: Path, *, replace: bool) -> Iterator[IO[str]]:
    """A text file that takes the place of `path` at the end; nothing is left of it when something is raised.

    Without `replace` a file that is there stays, and this raises `CommandError`, also when it came meanwhile.
    A device or a pipe is written to as it is.
    """
    if path.exists() and not path.is_file():
        with _telling(path), path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    if not replace:
        check_free(path)
    path = path.resolve()  # a link stays one
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with _telling(path), part.open("x", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _telling(path):
            _put(part, path, replace=replace)
    finally:
        part.unlink(missing_ok=True)


def check_free(path: Path) -> None:
    """`CommandError` when a file is there already; what is no file can be written to again."""
    if path.is_file() or path.is_symlink():
        raise CommandError(
            f"{path} exists already, and is not overwritten: give --out another name, or a directory, in "
            "which each gets a name of its own.",
            UNUSABLE,
        )


def _put(part: Path, path: Path, *, replace: bool) -> None:
    if replace:
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
        return
    try:
        path.hardlink_to(part)  # unlike a renaming, never over another
    except FileExistsError:
        check_free(path)
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        check_free(path)
        part.rename(path)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from error
