"""The append-only store: the only part of `ledger` that touches a database.

`Store` handles commands and reads for the service's event loop, `Reader` reads for threads and command
lines, `migrate` makes the schema, `verify` and `checkpoint` prove that history is what was appended.
"""

from ledger.store.connection import APPLICATION, AUDITOR, Role, conninfo
from ledger.store.migrations import MigrationError, migrate
from ledger.store.reader import Reader
from ledger.store.store import Store

__all__ = ["APPLICATION", "AUDITOR", "MigrationError", "Reader", "Role", "Store", "conninfo", "migrate"]
