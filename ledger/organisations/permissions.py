"""Who may send which command about organisations. What a member may do there is their role's in it, which the
organisation's own facts tell, and never the credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.organisations.commands import (
    CloseOrganisation,
    CreateOrganisation,
    OrganisationCommand,
    SetBrand,
)
from ledger.roles import FOUNDERS, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    **dict.fromkeys(get_args(OrganisationCommand), USERS),
    CreateOrganisation: FOUNDERS,
}


def check_sender(command: Command, origin: Origin) -> None:
    if command.user_id != origin.sender:  # type: ignore[attr-defined]  # each of ours has one
        raise Forbidden("Nobody acts in an organisation for another user.")
    if "admin" in origin.roles:
        return
    if isinstance(command, CreateOrganisation) and command.owner_id != command.user_id:
        raise Forbidden("Only an administrator creates an organisation for another user.")
    if isinstance(command, CloseOrganisation | SetBrand) and command.by_admin:
        raise Forbidden("This needs one of the roles: admin.")
