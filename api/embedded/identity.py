"""As whom the programs run: `initdb` and `postgres` refuse root, and users without a name."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from api.embedded.binaries import INSTEAD
from api.embedded.errors import EmbeddedPostgresError

ACCOUNTS = ("postgres", "nobody")
"""Whom root lets run the server where no user namespace is to be had."""


class Identity(NamedTuple):
    """`uid` and `gid` to become, -1 for staying who we are; `prefix` is put before a command."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def run(
        self,
        command: list[str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.STDOUT,
        env: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
        start_new_session: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `command` to its end; its output is text and holds the errors too."""
        switch = self.uid >= 0
        return subprocess.run(  # noqa: S603  # commands are ours
            [*self.prefix, *command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=env,
            pass_fds=pass_fds,
            start_new_session=start_new_session,
            cwd="/",  # the caller's directory may be closed to `uid`
            user=self.uid if switch else None,
            group=self.gid if switch else None,
            extra_groups=[] if switch else None,
            text=True,
            check=False,
        )


def identity_for(directory: Path) -> Identity:
    """Whoever owns `directory`; in a user namespace, if that is root or has no name.

    Where the system gives no namespace, as in many containers, root hands an empty `directory` to an
    ordinary account. The next start finds its owner and needs no such thing.
    """
    owner = directory.stat()
    switch = os.geteuid() == 0 and owner.st_uid != 0
    uid, gid = (owner.st_uid, owner.st_gid) if switch else (-1, -1)
    if _is_ordinary(owner.st_uid if switch else os.geteuid()):
        return Identity(uid, gid)
    namespaced = Identity(uid, gid, _namespace())
    if _works(namespaced):
        return namespaced
    if os.geteuid() == 0 and not switch and not (directory / "cluster").exists():
        return _hand_over(directory)
    raise EmbeddedPostgresError(
        f"PostgreSQL cannot run as uid {os.geteuid()}, and `unshare --user` does not work here: "
        f"run as an ordinary user, or {INSTEAD}."
    )


def _is_ordinary(uid: int) -> bool:
    return uid != 0 and _has_name(uid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _namespace() -> tuple[str, ...]:
    """A user namespace in which our uid bears another number, one that has a name. Files stay ours."""
    unshare = shutil.which("unshare")
    named = next((entry for entry in pwd.getpwall() if entry.pw_uid not in {0, 65534}), None)
    if unshare is None or named is None:
        return ()
    return (unshare, "--user", f"--map-user={named.pw_uid}", f"--map-group={named.pw_uid}", "--")


def _works(identity: Identity) -> bool:
    if not identity.prefix:
        return False
    try:
        return identity.run(["true"]).returncode == 0
    except OSError:
        return False


def _hand_over(directory: Path) -> Identity:
    for name in ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        for path in (directory, *directory.glob("*.lock")):
            os.chown(path, account.pw_uid, account.pw_gid)
        return Identity(account.pw_uid, account.pw_gid)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, `unshare --user` does not work here, and there is no user named "
        f"{' or '.join(ACCOUNTS)}: run as an ordinary user, or {INSTEAD}."
    )
