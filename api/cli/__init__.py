"""The command line, `liberation`.

Exit codes, for scripts:

- 0: done, and nothing was found.
- 1: something was found that must be looked at: a broken chain, live tables that differ from rebuilt ones,
  what `doctor` calls wrong, a webhook endpoint that differs.
- 2: what was given cannot be used: options, settings, a file, a name, a port that is taken.
- 3: something needed cannot be reached or used: the database, Stripe.
- 130: interrupted.

Modules here import little at their top, as the command line should start quickly.
"""

from __future__ import annotations

from api.cli.commands import liberation

__all__ = ["liberation", "main"]


def main() -> None:
    """The console script."""
    liberation(prog_name="liberation")
