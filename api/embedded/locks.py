"""`flock(2)`, as the kernel drops it with its process, however that ends, and it can be handed to a child.

POSIX record locks (`lockf`) would be lost as soon as any part of a process closes the same file.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX


def open_lock(path: Path) -> int:
    """A descriptor of its own open file description: locks taken through it are its own."""
    return open_private(path, os.O_RDWR)


def open_private(path: Path, flags: int) -> int:
    """Makes the file, with mode 0600, if there is none.

    It belongs to the owner of its directory, also when root makes it, who may serve that owner.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def try_lock(descriptor: int, kind: int) -> bool:
    """Whether the lock was had at once. A refused change of kind also loses the kind held before."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
