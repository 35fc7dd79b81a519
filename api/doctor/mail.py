"""E-mail, of which there is none yet."""

from __future__ import annotations

from api.doctor.finding import Finding, ok


def examine() -> Finding:
    return ok("mail", "Not configured: this version sends no e-mail.")
