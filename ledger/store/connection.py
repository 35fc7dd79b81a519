"""How every part of the service connects: one schema in sight, one role, a name in `pg_stat_activity`."""

from __future__ import annotations

from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Role = Literal["liberation_application", "liberation_auditor"]

APPLICATION: Role = "liberation_application"
AUDITOR: Role = "liberation_auditor"
_IN_UTC = "-c timezone=UTC"
"""Elsewhere the last hours of the year 9999 are in another, which no `datetime` is."""


def conninfo(
    url: str,
    *,
    schema: str = "liberation",
    role: Role | None = APPLICATION,
    name: str = "liberation",
    durable: bool = True,
) -> str:
    """The libpq string for `url`, with `search_path` and `role` set from the first moment.

    `pg_temp` comes last, so that nobody's temporary table can stand in for one of ours. A pooler
    between (PgBouncer) must pass `options` on, or set both for its user. Without `durable` a commit does not
    wait for the disk, for what may be lost.
    """
    settings = [str(conninfo_to_dict(url).get("options") or ""), f"-c search_path={schema},pg_temp", _IN_UTC]
    if role is not None:
        settings.append(f"-c role={role}")
    if not durable:
        settings.append("-c synchronous_commit=off")
    return make_conninfo(url, options=" ".join(filter(None, settings)), application_name=name)
