"""How a command ends when it does not end well: what it prints and the exit code, whatever was raised."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from api.cli.errors import CRASHED, FOUND, INTERRUPTED, UNUSABLE, CommandError
from api.redaction import redact, traceback_of

_FAULT = (
    "This is a fault of liberation's own, and says nothing about the ledger. Please report it to those who "
    "maintain it, with the lines above and what `liberation --version` prints."
)


@contextmanager
def ending() -> Iterator[None]:
    """Ends the process if anything is raised: no secret is printed, and the exit code is not 1 by chance."""
    try:
        yield
    except click.ClickException as error:
        _tell(_shown(error))
        # click has 1 for a file that it cannot open, and the like
        found = isinstance(error, CommandError) or error.exit_code != FOUND
        sys.exit(error.exit_code if found else UNUSABLE)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except BaseException as error:  # noqa: BLE001  also a library's SystemExit; ours is `Context.exit`
        _tell(f"{traceback_of(error)}\n{_FAULT}")
        sys.exit(CRASHED)
    finally:
        _flush()


def _shown(error: click.ClickException) -> str:
    text = io.StringIO()
    error.show(text)
    return text.getvalue().rstrip("\n")


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody may be there to read
        click.echo(redact(text), err=True)


def _flush() -> None:
    """What cannot be written is let go: Python would try again in the end, and tell of it."""
    if sys.stdout is None:  # closed before this began
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
