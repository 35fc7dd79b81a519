"""Authors: how many courses each uploads in a month."""

from __future__ import annotations

from ledger.authors.decider import AUTHOR
from ledger.authors.permissions import MAY_SEND
from ledger.authors.policy import react
from ledger.authors.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(name="authors", stream=KIND, decider=AUTHOR, may_send=MAY_SEND, react=react)
