"""Checks what the service signs about licences, offline and with public keys alone: keys, files and answers.

It stands alone: it needs Python's own library and `cryptography`, and its imports are relative, so that the
folder can be copied into another program under any name. docs/licence-format.md says what it reads.

Times are whole seconds since 1970, UTC. No secret is compared here, byte by byte or otherwise: whether a
signature holds is `cryptography`'s to say, and all that goes into that is public.
"""

from __future__ import annotations

from .checks import Result, check_answer, check_file, check_key
from .claims import AnswerClaims, Claims, FileClaims, KeyClaims
from .keys import PublicKey, UnusableKeys, keys_of
from .state import State, UnusableState

__all__ = [
    "AnswerClaims",
    "Claims",
    "FileClaims",
    "KeyClaims",
    "PublicKey",
    "Result",
    "State",
    "UnusableKeys",
    "UnusableState",
    "check_answer",
    "check_file",
    "check_key",
    "keys_of",
]
