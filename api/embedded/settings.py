"""How the server is set: for a small machine that runs the service too, and writes that come in batches.

What is not named here is PostgreSQL's own default, `wal_level = replica` and `max_wal_senders` among
them: `pg_basebackup` and archiving work on the first day.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from api.embedded.errors import EmbeddedPostgresError

DEFAULTS: Mapping[str, str] = {
    # some pools of a few processes and an operator's tools; initdb may choose fewer on an odd machine
    "max_connections": "100",
    # streams' and ids' index pages stay in memory; taken only as it is used
    "shared_buffers": "256MB",
    # checkpoints, and with them whole pages in the log, come half as often; recovery still takes seconds
    "max_wal_size": "2GB",
    # point reads and set-based upserts are done before a compiler is warm
    "jit": "off",
    # the cores are busy with requests, and a container's /dev/shm of 64 MB makes parallel hashes fail
    "max_parallel_workers_per_gather": "0",
    # what is read is nearly always in memory: three I/O processes fewer than `worker`
    "io_method": "sync",
    # nobody subscribes: one process fewer
    "max_logical_replication_workers": "0",
    # disks without a head to move; the default of 4 prefers scans of whole tables
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

NOT_DURABLE: Mapping[str, str] = {
    # a crash of the machine may lose the whole cluster; a crash of the server loses nothing committed,
    # but for the last moments that synchronous_commit leaves to the log writer
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def options(sockets: Path, settings: Mapping[str, str], *, durable: bool) -> list[str]:
    """`-c name=value` for the command line, which nothing in the cluster's own files overrides."""
    # how we reach the server, and nobody else: no network, a socket in a directory that is ours alone
    fixed = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": "5432",
    }
    refused = sorted(fixed.keys() & settings.keys())
    if refused:
        raise EmbeddedPostgresError(
            f"The embedded server cannot change {', '.join(refused)}: it is reached by its socket alone."
        )
    chosen = {**DEFAULTS, **({} if durable else NOT_DURABLE), **settings, **fixed}
    return [argument for name, value in chosen.items() for argument in ("-c", f"{name}={value}")]
