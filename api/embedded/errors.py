"""What can go wrong is mostly the machine's: a full disk, a missing permission, another version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.errors import OperatorError


class EmbeddedPostgresError(OperatorError):
    """The embedded server cannot be had; `detail` is one or a few lines for the operator."""

    code = "embedded_postgres"


@contextmanager
def explained(attempt: str) -> Iterator[None]:
    """Turns an `OSError` into "Cannot <attempt>: <the system's reason>: <path>"."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise EmbeddedPostgresError(f"Cannot {attempt}: {error.strerror or error}{where}") from error
