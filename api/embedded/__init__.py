"""PostgreSQL for those who have none: a server in a directory, shared by the processes that use it.

It runs while any process uses it and is gone with the last one, however that one ends.
"""

from api.embedded.errors import EmbeddedPostgresError
from api.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
