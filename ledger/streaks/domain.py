"""Streaks: days in a row on which somebody learnt."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.streaks.decider import STREAKS
from ledger.streaks.permissions import MAY_SEND
from ledger.streaks.policy import react
from ledger.streaks.stream import KIND

DOMAIN = Domain(name="streaks", stream=KIND, decider=STREAKS, may_send=MAY_SEND, react=react)
