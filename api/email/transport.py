"""How a message leaves: what a server that takes it can say, and what that means."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """`mail_id` names it for ever; `sender` and `to` are addresses alone."""

    mail_id: str
    sender: str
    to: str
    message: bytes

    def __repr__(self) -> str:
        return f"Envelope({self.mail_id})"


class NotTaken(Exception):
    """It did not leave, and may later. `reason` names nobody."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(NotTaken):
    """It did not leave, and will not: it is for somebody to look at."""


class Bounced(NotTaken):
    """There is no such address."""


class Unclear(NotTaken):
    """Nobody knows whether it was taken: the answer to its content never came."""


class Transport(Protocol):
    async def send(self, envelope: Envelope) -> None:
        """Returns when it was taken. Raises `NotTaken`."""
        ...
