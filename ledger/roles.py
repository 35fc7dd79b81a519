"""The roles that a sender can have, and the groups of them that commands are open to."""

from __future__ import annotations

ROLES = frozenset({"student", "instructor", "enterprise", "admin", "service", "system"})
USERS = frozenset({"student", "instructor", "enterprise", "admin"})
AUTHORS = frozenset({"instructor", "admin"})
PAID = frozenset({"instructor", "enterprise", "admin"})
"""Who can have a connected account, and so be paid."""
FOUNDERS = frozenset({"enterprise", "admin"})
"""Who creates organisations."""
ADMINS = frozenset({"admin"})
REPORTERS = USERS | {"service"}
"""Who says what was learnt: learners, and services that they learn by."""
TRUSTED = frozenset({"admin", "service"})
"""Whose word is taken for what is not seen here, and for other people's."""
SYSTEM = frozenset({"system"})
"""The actors `stripe`, `worker` and `operator`: they report, and ask for nothing."""
