"""E-mail: where it goes, and whether it goes at all."""

from __future__ import annotations

from api.doctor.finding import Finding, ok, worrying
from api.email.folder import FOLDER
from api.email.smtp import PORTS
from api.settings import Settings


def examine(settings: Settings) -> Finding:
    """By the settings; no server is asked."""
    if settings.smtp_host:
        port = settings.smtp_port or PORTS[settings.smtp_security]
        return ok("mail", f"Sent by {settings.smtp_host}:{port}, from {settings.email_from}.")
    if settings.live:
        return worrying("mail", "Nobody is sent mail.", "Set LIBERATION_SMTP_HOST and LIBERATION_EMAIL_FROM.")
    return ok("mail", f"Written to {settings.data_dir / FOLDER}: LIBERATION_SMTP_HOST is not set.")
