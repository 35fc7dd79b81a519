"""Where files are: room on the disks, and who may read what."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from api.doctor.finding import Finding, bad, ok, worrying, wrong
from api.settings import PREFIX, SECRETS

LITTLE_BYTES = 1 << 30
NOTHING_BYTES = 100 << 20
OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SECRETS = ("*.pem", "licence-keys.json", "sandbox/webhook-secret")
"""In the data directory."""


def disks(folders: Iterable[Path]) -> list[Finding]:
    """Of the data directory, and of the embedded database where that is on another disk."""
    places: dict[int, Path] = {}
    for folder in folders:
        existing = _existing(folder)
        places.setdefault(existing.stat().st_dev, existing)
    return [room(place, shutil.disk_usage(place).free) for place in places.values()]


def room(place: Path, free_bytes: int) -> Finding:
    said = f"{free_bytes / (1 << 30):.1f} GiB are free where {place} is"
    todo = "Free some, or move the data directory (LIBERATION_DATA_DIR)."
    if free_bytes < NOTHING_BYTES:
        return wrong("disk", f"{said}: soon nothing can be recorded.", todo)
    if free_bytes < LITTLE_BYTES:
        return worrying("disk", f"{said}.", todo)
    return ok("disk", f"{said}.")


def folder(data_dir: Path, *, live: bool) -> Finding:
    if not data_dir.exists():
        return ok("files.data_dir", f"{data_dir} is not there yet.")
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & OTHERS:
        said = f"Others may look into {data_dir} (mode {mode:04o}), where keys and secrets are."
        return bad("files.data_dir", said, f"chmod 700 {data_dir}", live=live)
    return ok("files.data_dir", f"{data_dir} is for its owner alone.")


def secrets(data_dir: Path, environ: Mapping[str, str]) -> Finding:
    """Those in the data directory, and those that settings name."""
    readable = sorted({str(path) for path in _secret_files(data_dir, environ) if _for_everybody(path)})
    if readable:
        said = f"Everybody on this machine can read {', '.join(readable)}."
        return wrong("files.secrets", said, f"chmod o-rwx {' '.join(readable)}; and roll what they hold.")
    return ok("files.secrets", "No file with a secret can be read by everybody.")


def _secret_files(data_dir: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    for pattern in _SECRETS:
        yield from data_dir.glob(pattern)
    for name in SECRETS:
        if named := environ.get(f"{PREFIX}{name.upper()}_FILE"):
            yield Path(named)
    if named := environ.get(f"{PREFIX}LICENCE_KEYS"):
        yield Path(named)


def _for_everybody(path: Path) -> bool:
    """By its own mode and those of all folders above it."""
    try:
        whole = path.resolve(strict=True)
        if not whole.stat().st_mode & stat.S_IROTH:
            return False
        return all(_passable(above) for above in whole.parents)
    except OSError:
        return False


def _passable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _existing(folder: Path) -> Path:
    """It, or what is above it and is there."""
    whole = Path(os.path.realpath(folder))
    return next(place for place in (whole, *whole.parents) if place.exists())
