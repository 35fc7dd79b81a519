"""Votes: who found which review helpful."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.votes.decider import VOTES
from ledger.votes.permissions import MAY_SEND
from ledger.votes.stream import KIND

DOMAIN = Domain(name="votes", stream=KIND, decider=VOTES, may_send=MAY_SEND)
