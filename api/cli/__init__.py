"""The command line, `liberation`.

Exit codes, for scripts:

- 0: done, and nothing was found.
- 1: checked, and something is wrong: a broken chain, live tables that differ from rebuilt ones, what `doctor`
  calls wrong, a webhook endpoint that differs, what `stripe adopt` finds lacking. Nothing else.
- 2: what was given cannot be used: options, settings, a file, a name, a port that is taken, a database login
  that may not do what the command does.
- 3: something needed cannot be reached or used: the database, Stripe.
- 70: a fault of ours, with its traceback.
- 130: interrupted.
- 141: who read the output went away, as `head` does.

Modules here import little at their top, as the command line should start quickly.
"""

from __future__ import annotations

from api.cli.commands import liberation
from api.redaction import install_hooks

__all__ = ["liberation", "main"]


def main() -> None:
    """The console script."""
    install_hooks()
    liberation(prog_name="liberation")
