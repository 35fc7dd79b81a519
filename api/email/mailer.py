"""Delivers mail of the outbox: composed when it is sent, kept before it leaves, and sent once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from api.email import origin as origins
from api.email.composing import COMPOSERS
from api.email.folder import FOLDER, FolderTransport
from api.email.letter import LeftOut, Letter
from api.email.message import Attachment, Heading, Unaddressable, addressable, message_of
from api.email.recipients import Recipient, leave_alone, recipient
from api.email.records import MOST_HANDED, OVER, Record, Records
from api.email.rendering import Look, render
from api.email.smtp import SmtpTransport
from api.email.transport import Bounced, Envelope, NotTaken, Refused, Transport, Unclear
from api.lettering import LettersMissing, fonts_in
from api.organisations.branding import brand_for
from api.receipts import pdf
from api.receipts.answering import seller_of
from api.services import Services
from api.settings import Settings
from api.stripe.delivery import Delivered, Postponed
from ledger.effects import SendMail
from ledger.ids import derived_id
from ledger.message import Origin

PARKED: Final = 0
"""Tries: it is for somebody to look at, at once."""
NOBODYS: Final = "liberation@localhost"
"""Whom mail in a folder is from where nobody is named."""

log = structlog.get_logger()


def transport_of(settings: Settings) -> Transport | None:
    """None where mail goes nowhere: real people's is not left in a folder. Raises `SettingsError`."""
    if settings.smtp_host:
        return SmtpTransport(settings)
    return None if settings.live else FolderTransport(settings.data_dir / FOLDER)


class Mailer:
    def __init__(self, services: Services, transport: Transport | None) -> None:
        self._services = services
        self._transport = transport
        self._records = Records(services.reads)
        self._fonts = fonts_in(services.settings.fonts_dir)

    @classmethod
    @asynccontextmanager
    async def open(cls, services: Services, transport: Transport | None = None) -> AsyncIterator[Mailer]:
        """By the settings where no `transport` is given. Raises `SettingsError`."""
        async with services.reading() as connection:
            await origins.state_first(connection)
        yield cls(services, transport or transport_of(services.settings))

    async def deliver(self, mail: SendMail, origin: Origin) -> Delivered:
        """Sends it, or finds that it is not to be sent. Raises Postponed."""
        services = self._services
        if self._transport is None:
            return Delivered()
        async with services.reading() as connection:
            if not await origins.is_same(connection):
                raise Postponed(
                    "this database was restored: see what was told already, then `liberation email resume`",
                    PARKED,
                )
        mail_id = derived_id("mail", services.store.ledger_id, mail.occasion, mail.about, mail.ref)
        record = await self._records.begun(mail_id, mail.occasion, int(origin.causation_id), services.now())
        if record.state in OVER:
            return Delivered()
        if record.handed >= MOST_HANDED:
            raise Postponed("uncertain: a server may have it twice already", PARKED)
        found = await self._addressed(mail)
        if isinstance(found, LeftOut):
            return await self._left_out(mail_id, record, found.reason)
        letter, to = found
        try:
            envelope = await self._envelope(mail_id, record, letter, to)
        except Unaddressable:
            return await self._left_out(mail_id, record, "unusable_address")
        try:
            await self._send(envelope, record, self._transport)
        except Bounced:
            await leave_alone(services.reads, letter.user_id, to.email)
        return Delivered()

    async def _addressed(self, mail: SendMail) -> tuple[Letter, Recipient] | LeftOut:
        letter = await COMPOSERS[mail.occasion](self._services, mail)
        if isinstance(letter, LeftOut):
            return letter
        to = await recipient(self._services.reads, letter.user_id)
        return to if isinstance(to, LeftOut) else (letter, to)

    async def _left_out(self, mail_id: str, record: Record, reason: str) -> Delivered:
        await self._records.settle(mail_id, "left_out", reason=reason, handed=record.handed)
        return Delivered()

    async def _envelope(self, mail_id: str, record: Record, letter: Letter, to: Recipient) -> Envelope:
        settings = self._services.settings
        brand = await brand_for(self._services, letter.user_id)
        look = Look(seller=seller_of(settings), brand=brand, site=settings.site_url)
        heading = Heading(
            mail_id=mail_id,
            sender=settings.email_from or NOBODYS,
            sender_name=look.name,
            to=to.email,
            to_name=to.name,
            at=record.first_at,
        )
        message = await asyncio.to_thread(self._message, heading, letter, to, look)
        return Envelope(mail_id=mail_id, sender=heading.sender, to=addressable(to.email), message=message)

    def _message(self, heading: Heading, letter: Letter, to: Recipient, look: Look) -> bytes:
        return message_of(heading, render(letter, to, look), self._attachments(letter))

    def _attachments(self, letter: Letter) -> tuple[Attachment, ...]:
        """A receipt whose letters no font has is had where they are signed in."""
        if letter.receipt is None:
            return ()
        try:
            content = pdf.render(letter.receipt, self._fonts)
        except LettersMissing as missing:
            log.warning("receipt_not_attached", code=missing.code)
            return ()
        name = f"{letter.receipt.file_name}.pdf"
        return (Attachment(name=name, media_type=pdf.MEDIA_TYPE, content=content),)

    async def _send(self, envelope: Envelope, record: Record, transport: Transport) -> None:
        mail_id = envelope.mail_id
        if not await self._records.hand(mail_id, record.handed):
            raise Postponed("another worker has it")
        try:
            await transport.send(envelope)
        except Unclear as why:
            handed = record.handed + 1
            await self._records.settle(mail_id, "uncertain", reason=why.reason, handed=handed)
            if handed >= MOST_HANDED:
                raise Postponed(f"uncertain: {why.reason}", PARKED) from None
            raise Postponed(f"uncertain: {why.reason}") from None
        except Bounced as why:
            await self._records.settle(mail_id, "bounced", reason=why.reason, handed=record.handed)
            raise
        except Refused as why:
            await self._records.settle(mail_id, "refused", reason=why.reason, handed=record.handed)
            raise Postponed(why.reason, PARKED) from None
        except NotTaken as why:
            await self._records.settle(mail_id, "waiting", reason=why.reason, handed=record.handed)
            raise Postponed(why.reason) from None
        else:
            await self._records.settle(mail_id, "sent", handed=record.handed + 1)
