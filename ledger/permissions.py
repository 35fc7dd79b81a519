"""Who may send which command. HTTP routes ask earlier and more finely; here is the last gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ledger.domains import DOMAINS
from ledger.errors import Forbidden
from ledger.message import Command, Origin

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    command: roles for domain in DOMAINS for command, roles in domain.may_send.items()
}

_CHECKS: Mapping[type[Command], Callable[[Command, Origin], None]] = {
    command: domain.check_sender
    for domain in DOMAINS
    if domain.check_sender is not None
    for command in domain.may_send
}


def check(command: Command, origin: Origin) -> None:
    """Raises `Forbidden` when none of the origin's roles may send `command`."""
    allowed = MAY_SEND.get(type(command), frozenset())
    if origin.roles.isdisjoint(allowed):
        raise Forbidden(f"{command.NAME} needs one of the roles {', '.join(sorted(allowed)) or 'of nobody'}.")
    if further := _CHECKS.get(type(command)):
        further(command, origin)
