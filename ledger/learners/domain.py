"""Learners: how many courses each has started."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.learners.decider import LEARNER
from ledger.learners.permissions import MAY_SEND, check_sender
from ledger.learners.stream import KIND

DOMAIN = Domain(name="learners", stream=KIND, decider=LEARNER, may_send=MAY_SEND, check_sender=check_sender)
