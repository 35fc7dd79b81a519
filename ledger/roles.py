"""The roles that a sender can have, and the groups of them that commands are open to."""

from __future__ import annotations

ROLES = frozenset({"student", "instructor", "enterprise", "admin", "service", "system"})
USERS = frozenset({"student", "instructor", "enterprise", "admin"})
AUTHORS = frozenset({"instructor", "admin"})
ADMINS = frozenset({"admin"})
SYSTEM = frozenset({"system"})
"""The actors `stripe`, `worker` and `operator`: they report, and ask for nothing."""
