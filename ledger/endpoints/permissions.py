"""Who may send which command about endpoints. Of which organisation somebody is a manager the routes ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ledger.endpoints.commands import DisableEndpoint, EndpointCommand
from ledger.message import Command
from ledger.roles import SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    **dict.fromkeys(get_args(EndpointCommand), USERS),
    DisableEndpoint: USERS | SYSTEM,
}
