"""Friendships: who asked whom, who are friends, who blocks whom."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.friendships.decider import FRIENDSHIP
from ledger.friendships.permissions import MAY_SEND
from ledger.friendships.stream import KIND

DOMAIN = Domain(name="friendships", stream=KIND, decider=FRIENDSHIP, may_send=MAY_SEND)
