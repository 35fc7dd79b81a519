"""Why a command is refused. HTTP knows these only by `code`; `api/problems.py` gives them a status."""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """Base of all that a caller can act on. `detail` says what to do about it."""

    code: ClassVar[str]

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Refused(LedgerError):
    """The rules say no; nothing was recorded."""

    code = "refused"


class Invalid(Refused):
    """The command makes no sense as it is, whatever the state."""

    code = "invalid"


class Unknown(Refused):
    """There is no such thing, or it is not the caller's."""

    code = "not_found"


class Forbidden(Refused):
    """The caller may not send this command."""

    code = "forbidden"


class IdempotencyMismatch(Refused):
    """The command id was used before for another payload."""

    code = "idempotency_mismatch"


class Contended(LedgerError):
    """Too many writers on one stream; nothing was recorded and it is safe to send again."""

    code = "contended"


class StoreUnavailable(LedgerError):
    """The store could not be reached; whether the command was recorded is unknown.

    Safe to send again with the same `command_id`.
    """

    code = "store_unavailable"


class ChainBroken(LedgerError):
    """The stored history is not what was appended."""

    code = "chain_broken"

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(detail)
        self.position = position
