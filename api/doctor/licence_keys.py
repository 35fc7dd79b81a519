"""Whether what is said of licences can be signed."""

from __future__ import annotations

from datetime import datetime

from api.doctor.finding import Finding, ok, wrong
from api.licence_keyring import keyring_path
from api.settings import Settings
from ledger.licence_keys import file
from ledger.licence_keys.keyring import KeyringError

CHECK = "licence_keys"


def examine(settings: Settings, now: datetime) -> Finding:
    path = keyring_path(settings)
    try:
        keyring = file.read(path)
    except FileNotFoundError:
        if settings.licence_keys:
            said = f"LIBERATION_LICENCE_KEYS names {path}, which is not there: the service does not start."
            return wrong(CHECK, said, "Restore it from a backup, or make one: liberation licence-keys new")
        return ok(CHECK, f"There is no keyring yet: {path} is made before licences are sold.")
    except OSError as error:
        said = f"{path} cannot be read ({error.strerror}): no licence has a key."
        return wrong(CHECK, said, "Let the service's user read it.")
    except KeyringError as error:
        return wrong(CHECK, error.detail, "Restore the keyring of licence keys from a backup.")
    return ok(CHECK, f"{keyring.signing(now).kid} signs licences, of {len(keyring.keys)} published.")
