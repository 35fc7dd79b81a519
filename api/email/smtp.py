"""Mail over SMTP, with TLS and the server's certificate checked.

A connection for each message: it is asked for seldom, and what one server forgot of a session is no riddle.
"""

from __future__ import annotations

import re
import ssl

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from api.email.transport import Bounced, Envelope, NotTaken, Refused, Unclear
from api.settings import Settings, SettingsError

COMMAND_TIMEOUT_S = 15.0
CONTENT_TIMEOUT_S = 30.0
"""Together well within what a delivery may take: see `api.background.deliveries`."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
"""A server that says less may mean us, and an address is not left alone for that.
https://www.rfc-editor.org/rfc/rfc3463#section-3.2"""
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_FOR_GOOD = 500
"""RFC 5321: 4yz may pass, 5yz will not."""


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Raises `SettingsError`."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"LIBERATION_SMTP_CA_FILE names {ca_file}, which holds no certificates: {type(error).__name__}."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class SmtpTransport:
    def __init__(self, settings: Settings) -> None:
        """Raises `SettingsError`."""
        self._settings = settings
        self._tls = tls_context(settings.smtp_ca_file)

    async def send(self, envelope: Envelope) -> None:
        smtp = self._connection()
        try:
            await _prepared(smtp, envelope)
            await _handed(smtp, envelope)
        finally:
            smtp.close()

    def _connection(self) -> SMTP:
        settings = self._settings
        security = settings.smtp_security
        return SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port or PORTS[security],
            username=settings.smtp_username or None,
            password=settings.smtp_password or None,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            tls_context=None if security == "none" else self._tls,
            timeout=COMMAND_TIMEOUT_S,
        )


async def _prepared(smtp: SMTP, envelope: Envelope) -> None:
    """Up to where the content would follow: nothing has left."""
    international = not envelope.to.isascii()
    try:
        await smtp.connect()
        if international and not await _takes_utf8(smtp):
            raise Refused("the server takes no address with letters beyond ASCII")
        options, encoding = (["SMTPUTF8"], "utf-8") if international else ([], "ascii")
        await smtp.mail(envelope.sender, options=options, encoding=encoding)
        await smtp.rcpt(envelope.to, encoding=encoding)
    except SMTPRecipientRefused as error:
        raise _refused(error, "RCPT") from None
    except SMTPResponseException as error:  # of the connection, of us or of the sender: settings can mend it
        raise NotTaken(f"{_codes(error)} before the message") from None
    except (SMTPException, OSError) as error:
        raise NotTaken(f"SMTP: {type(error).__name__} before the message") from None


async def _takes_utf8(smtp: SMTP) -> bool:
    await smtp.ehlo()  # who neither logs in nor starts TLS was told nothing yet
    return smtp.supports_extension("smtputf8")


async def _handed(smtp: SMTP, envelope: Envelope) -> None:
    try:
        await smtp.data(envelope.message, timeout=CONTENT_TIMEOUT_S)
    except SMTPDataError as error:
        raise _refused(error, "DATA") from None
    except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
        raise Unclear(f"SMTP: {type(error).__name__} after the message") from None


def _refused(error: SMTPResponseException, command: str) -> NotTaken:
    reason = f"{_codes(error)} at {command}"
    if not _FOR_GOOD <= error.code < _FOR_GOOD + 100:
        return NotTaken(reason)
    return Bounced(reason) if _enhanced(error) in _NO_SUCH_ADDRESS else Refused(reason)


def _codes(error: SMTPResponseException) -> str:
    """All that is told of what the server said: it likes to repeat the address."""
    return f"SMTP {error.code} {_enhanced(error)}".strip()


def _enhanced(error: SMTPResponseException) -> str:
    found = _ENHANCED.match(error.message)
    return found[0] if found else ""
