"""The keyring as a file, for its owner alone. It cannot be made again, and without it there is no key for
what was issued: it is backed up, apart from the database.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from ledger.licence_keys.keyring import Keyring, KeyringError, SigningKey
from ledger.message import Instant
from ledger.private_files import FILE_MODE, make_file, make_folder, replace_file

_FORMAT = "liberation.licence-keys.v1"


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`kid` is there for people, and to know a damaged file by."""

    kid: str
    seed: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    """As base64."""
    created_at: Instant
    retired_at: Instant | None
    compromised_at: Instant | None

    def __repr__(self) -> str:
        return f"_Kept({self.kid})"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    keys: Annotated[tuple[_Kept, ...], msgspec.Meta(min_length=1)]


def read(path: Path) -> Keyring:
    """Raises `KeyringError` for what is no keyring, and `OSError`."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except msgspec.MsgspecError as error:  # it names places, never what is there
        raise _unusable(path, str(error)) from None
    keyring = Keyring(tuple(map(_key, file.keys)))
    retired = [key.retired_at for key in keyring.keys[:-1]]
    if file.format != _FORMAT or [key.kid for key in keyring.keys] != [kept.kid for kept in file.keys]:
        raise _unusable(path, "its format is another, or a kid is not that of its key")
    if keyring.keys[-1].retired_at or None in retired or retired != sorted(filter(None, retired)):
        raise _unusable(path, "all keys but the last must have times to retire at, in order")
    return keyring


def make(path: Path, keyring: Keyring) -> Keyring:
    """What is there afterwards: another process's, where that was first. Raises as `read` does."""
    make_file(path, _written(keyring))
    return read(path)


def change(path: Path, how: Callable[[Keyring], Keyring]) -> Keyring:
    """Of several who change it at once each finds what the one before it left. Raises as `read` does."""
    with _locked(path):
        keyring = how(read(path))
        replace_file(path, _written(keyring))
    return keyring


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """By a file beside it, as the keyring itself is replaced."""
    make_folder(path.parent)
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _key(kept: _Kept) -> SigningKey:
    return SigningKey(
        seed=kept.seed,
        created_at=kept.created_at,
        retired_at=kept.retired_at,
        compromised_at=kept.compromised_at,
    )


def _written(keyring: Keyring) -> bytes:
    keys = tuple(
        _Kept(
            kid=key.kid,
            seed=key.seed,
            created_at=key.created_at,
            retired_at=key.retired_at,
            compromised_at=key.compromised_at,
        )
        for key in keyring.keys
    )
    return msgspec.json.format(msgspec.json.encode(_File(format=_FORMAT, keys=keys))) + b"\n"


def _unusable(path: Path, why: str) -> KeyringError:
    return KeyringError(
        f"{path} is no keyring of licence keys that can be used: {why}. Restore it from a backup."
    )
