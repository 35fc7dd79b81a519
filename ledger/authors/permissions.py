"""Who may upload courses."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.authors.commands import AcceptUpload
from ledger.message import Command
from ledger.roles import AUTHORS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {AcceptUpload: AUTHORS}
