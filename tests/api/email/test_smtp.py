"""A server that speaks SMTP, its faults, and what they are taken for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from api.email.smtp import SmtpTransport
from api.email.transport import Bounced, Envelope, NotTaken, Refused, Unclear
from api.settings import Settings, SettingsError, load

MESSAGE = b"Subject: Hello\r\nMessage-ID: <mail_1@example.org>\r\n\r\n.one dot, then the end\r\n"
ENVELOPE = Envelope(mail_id="mail_1", sender="from@example.org", to="ada@example.org", message=MESSAGE)


class Handler:
    """Takes mail, or says at a command what it is told to. None cuts the connection."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.says: dict[str, str | None] = {}
        self.over_tls: list[bool] = []

    async def handle_RCPT(  # noqa: N802  as the library calls it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.says.get("RCPT") or "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  the same
        answer = self.says.get("DATA", "250 OK")
        self.over_tls.append(server.transport.get_extra_info("ssl_object") is not None)
        if answer is None:
            self.taken.append(envelope.content)
            server.transport.abort()
            return "250 OK"
        if answer.startswith("2"):
            self.taken.append(envelope.content)
        return answer


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def listening(
    protocol: Callable[[], SMTP], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def served_by(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
async def plain(handler: Handler) -> AsyncIterator[SmtpTransport]:
    async with listening(lambda: SMTP(handler, enable_SMTPUTF8=True, hostname="test")) as port:
        yield SmtpTransport(
            Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", email_from=ENVELOPE.sender)
        )


async def test_a_message_arrives_as_it_was(plain: SmtpTransport, handler: Handler) -> None:
    await plain.send(ENVELOPE)
    assert handler.taken == [MESSAGE]


@pytest.mark.parametrize(
    ("command", "said", "kind", "told"),
    [
        ("RCPT", "450 4.2.1 ada@example.org is busy", NotTaken, "SMTP 450 4.2.1 at RCPT"),
        ("RCPT", "550 5.1.1 ada@example.org is unknown", Bounced, "SMTP 550 5.1.1 at RCPT"),
        ("RCPT", "550 5.7.1 relaying denied", Refused, "SMTP 550 5.7.1 at RCPT"),
        ("RCPT", "550 no", Refused, "SMTP 550 at RCPT"),
        ("DATA", "451 4.3.0 later", NotTaken, "SMTP 451 4.3.0 at DATA"),
        ("DATA", "554 5.7.1 ada@example.org says spam", Refused, "SMTP 554 5.7.1 at DATA"),
        ("DATA", None, Unclear, "SMTP: SMTPServerDisconnected after the message"),
    ],
)
async def test_what_a_server_says_and_what_it_means(
    plain: SmtpTransport, handler: Handler, command: str, said: str | None, kind: type[NotTaken], told: str
) -> None:
    handler.says[command] = said
    with pytest.raises(NotTaken) as why:
        await plain.send(ENVELOPE)
    assert (type(why.value), why.value.reason) == (kind, told)
    assert handler.taken == ([MESSAGE] if said is None else [])


async def test_an_address_beyond_ascii(plain: SmtpTransport, handler: Handler) -> None:
    await plain.send(msgspec.structs.replace(ENVELOPE, to="jörg@example.org"))
    assert handler.taken == [MESSAGE]


def settings_of(port: int, authority: trustme.CA, folder: Path, **more: Any) -> Settings:
    authority.cert_pem.write_to_path(folder / "ca.pem")
    given = {"smtp_ca_file": str(folder / "ca.pem"), "email_from": ENVELOPE.sender, **more}
    return Settings(smtp_host="localhost", smtp_port=port, **given)


async def test_tls_is_started_and_we_are_known_by_our_password(
    handler: Handler, authority: trustme.CA, tmp_path: Path
) -> None:
    def allows(*given: Any) -> AuthResult:
        return AuthResult(success=given[-1] == LoginPassword(b"us", b"secret-word"), handled=False)

    def protocol() -> SMTP:
        context = served_by(authority)
        return SMTP(
            handler, tls_context=context, require_starttls=True, authenticator=allows, auth_required=True
        )

    async with listening(protocol) as port:
        settings = settings_of(port, authority, tmp_path, smtp_username="us", smtp_password="secret-word")
        await SmtpTransport(settings).send(ENVELOPE)
        assert (handler.taken, handler.over_tls) == ([MESSAGE], [True])
        unknown = SmtpTransport(msgspec.structs.replace(settings, smtp_password="another"))
        with pytest.raises(NotTaken, match=r"SMTP 535 .*before the message") as why:
            await unknown.send(ENVELOPE)
        assert "another" not in str(why.value)
        await refuses_a_stranger(settings)
    assert handler.taken == [MESSAGE]


async def test_tls_from_the_first_byte(handler: Handler, authority: trustme.CA, tmp_path: Path) -> None:
    async with listening(lambda: SMTP(handler), served_by(authority)) as port:
        settings = settings_of(port, authority, tmp_path, smtp_security="tls")
        await SmtpTransport(settings).send(ENVELOPE)
        assert (handler.taken, handler.over_tls) == ([MESSAGE], [True])
        await refuses_a_stranger(settings)
    assert handler.taken == [MESSAGE]


async def refuses_a_stranger(settings: Settings) -> None:
    """Whose certificate nobody vouches for."""
    transport = SmtpTransport(msgspec.structs.replace(settings, smtp_ca_file=""))
    with pytest.raises(NotTaken, match="before the message"):
        await transport.send(ENVELOPE)


async def test_nobody_who_offers_no_tls_is_told_anything(handler: Handler) -> None:
    async with listening(lambda: SMTP(handler)) as port:
        settings = Settings(smtp_host="localhost", smtp_port=port, email_from=ENVELOPE.sender)
        with pytest.raises(NotTaken, match="before the message"):
            await SmtpTransport(settings).send(ENVELOPE)
    assert handler.taken == []


async def test_where_nobody_listens(handler: Handler) -> None:
    async with listening(lambda: SMTP(handler)) as port:
        pass
    settings = Settings(
        smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", email_from=ENVELOPE.sender
    )
    with pytest.raises(NotTaken, match="before the message"):
        await SmtpTransport(settings).send(ENVELOPE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "EMAIL_FROM must say"),
        ({"EMAIL_FROM": "a@example.org", "SMTP_USERNAME": "us"}, "go together"),
        ({"EMAIL_FROM": "a@example.org", "SMTP_SECURITY": "none"}, "without TLS"),
        ({"EMAIL_FROM": "nobody"}, "must be an e-mail address"),
    ],
)
def test_settings_that_cannot_be_used_are_told(given: dict[str, str], said: str) -> None:
    settings = {f"LIBERATION_{name}": value for name, value in given.items()}
    with pytest.raises(SettingsError, match=said):
        load({"LIBERATION_SMTP_HOST": "smtp.example.org", **settings})


def test_a_file_without_certificates_is_told() -> None:
    with pytest.raises(SettingsError, match="holds no certificates"):
        SmtpTransport(Settings(smtp_host="smtp.example.org", smtp_ca_file="/dev/null"))
