"""The keyring that signs what is said of licences: from a file, which is read again when it was changed."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from pathlib import Path

import structlog

from api.clock import Clock
from api.http.problems import ApiError
from api.known_licence_keys import KnownLicenceKeys
from api.redaction import protect
from api.settings import Settings, SettingsError
from ledger.licence_keys import file
from ledger.licence_keys.keyring import Keyring, KeyringError, made

KEYRING_FILE = "licence-keys.json"
"""In the data directory, unless another is set."""

log = structlog.get_logger()
_Version = tuple[int, int, int]


class LicenceKeysUnavailable(ApiError):
    """The service has no keyring to sign licences with, or cannot read it."""

    code = "licence_keys_unavailable"
    remedy = "Tell who runs the service: `liberation licence-keys list` says what is wrong with the keyring."
    passing = True


def keyring_path(settings: Settings) -> Path:
    return Path(settings.licence_keys or settings.data_dir / KEYRING_FILE)


class LicenceKeyring:
    """Made when it is first needed, for development alone. Where real money moves, or its place is named, it
    never is: in place of one that is not found it would sign other keys for licences that have some.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises `SettingsError` for a file that is named and cannot be used."""
        self._path = keyring_path(settings)
        self._makes = not (settings.live or settings.licence_keys)
        self._clock = clock
        self._keyring: Keyring | None = None
        self._version: _Version | None = None
        self.known = KnownLicenceKeys()
        """What the keyring signed: ask for `published` first, which forgets it when that has changed."""
        if settings.licence_keys:
            self._check()

    def signing(self) -> Keyring:
        """Raises `LicenceKeysUnavailable`."""
        keyring = self.published()
        if keyring is None:
            raise LicenceKeysUnavailable("This service has no keys to sign licences with.")
        return keyring

    def published(self) -> Keyring | None:
        """None where there is none. A file that cannot be read leaves what was read before, or raises
        `LicenceKeysUnavailable`.
        """
        version = self._found()
        if version is None and self._keyring is None and self._makes:
            self._make(self._clock.now())
        elif version is not None and version != self._version:
            self._read(version)
        if self._keyring is None and version is not None:
            raise LicenceKeysUnavailable("The keys that sign licences cannot be read.")
        return self._keyring

    def _found(self) -> _Version | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _make(self, now: datetime) -> None:
        try:
            self._take(file.make(self._path, made(now)))
        except (OSError, KeyringError) as error:
            log.warning("licence_keys_not_made", error=type(error).__name__)
            raise LicenceKeysUnavailable("No keys to sign licences with can be made here.") from None

    def _read(self, version: _Version) -> None:
        """Once for each change: what is read may be newer than `version`, and is then read once more."""
        self._version = version
        try:
            self._take(file.read(self._path))
        except (OSError, KeyringError) as error:
            log.warning("licence_keys_not_read", error=type(error).__name__)

    def _take(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self.known.clear()
        protect(b64encode(key.seed).decode() for key in keyring.keys)

    def _check(self) -> None:
        try:
            self._take(file.read(self._path))
        except OSError as error:
            raise SettingsError(
                f"LIBERATION_LICENCE_KEYS names {self._path}, which cannot be read: {error.strerror}. "
                "`liberation licence-keys new` makes one there."
            ) from None
        except KeyringError as error:
            raise SettingsError(f"LIBERATION_LICENCE_KEYS cannot be used. {error.detail}") from None
