"""Why a command is refused. HTTP knows these only by `code`; `api/http/problems.py` gives them a status.

What a class says of itself is shown to callers, as the cause and the remedy of its code.
"""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """Base of all that a caller can act on. `detail` says what to do about it."""

    code: ClassVar[str]
    remedy: ClassVar[str]
    """What to do in any case of it, for who meets the code."""
    passing: ClassVar[bool] = False
    """Nothing was decided: sent again with the same key, the request is judged anew. Else the refusal is
    final, and a repeat gets it again: what is asked for is done, or over, or began and came to nothing. Every
    error says which it is, or one of the bases below does; who says nothing is final.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class OperatorError(LedgerError):
    """Base of what only who runs the service meets, at its start or at the command line: no request does."""


class Refused(LedgerError):
    """The rules say no; nothing was recorded."""

    code = "refused"
    remedy = "Read `detail`, which names the rule and what would satisfy it."


class Invalid(Refused):
    """The command makes no sense as it is, whatever the state."""

    code = "invalid"
    remedy = "Correct what `detail` names and send it again."
    passing = True


class NotFound(Refused):
    """There is no such thing, or it is not the caller's."""

    code = "not_found"
    remedy = "Check the id, and that the credential is of whom it belongs to."
    passing = True


class Forbidden(Refused):
    """The caller is known, and has no role that may do this."""

    code = "forbidden"
    remedy = "Use a credential with one of the roles, or the scope, that `detail` names."
    passing = True


class IdempotencyMismatch(Refused):
    """The command id, over HTTP the `Idempotency-Key`, was used before for another payload."""

    code = "idempotency_mismatch"
    remedy = "Take a new key for a new intent; a repeat has the key and the body of the first time."
    passing = True


class Contended(LedgerError):
    """Too many writers on one stream; nothing was recorded."""

    code = "contended"
    remedy = "Send it again in a moment, with the same key."
    passing = True


class StoreUnavailable(LedgerError):
    """The store could not be reached; whether the command was recorded is unknown."""

    code = "store_unavailable"
    remedy = "Send it again in a moment: with the same key, nothing is done twice."
    passing = True


class ChainBroken(LedgerError):
    """The stored history is not what was appended."""

    code = "chain_broken"
    remedy = "Tell who runs the service: `liberation verify` names the position."
    passing = True

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(detail)
        self.position = position
