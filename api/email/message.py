"""A rendered letter as a message: headers, both bodies, and what is attached."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

import msgspec

from api.email.formats import line
from api.email.rendering import Rendered


class Unaddressable(ValueError):
    """What is kept as an address is none that mail can go to."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    media_type: str
    content: bytes


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """`sender_name` is shown beside the address; `at` is when it was first tried."""

    mail_id: str
    sender: str
    sender_name: str
    to: str
    to_name: str
    at: datetime


def message_of(heading: Heading, rendered: Rendered, attachments: tuple[Attachment, ...] = ()) -> bytes:
    """Raises `Unaddressable`. What stands in a header is on one line, whatever it is made of."""
    sender, to = _address(heading.sender, heading.sender_name), _address(heading.to, heading.to_name)
    message = EmailMessage(policy=SMTP if to.addr_spec.isascii() else SMTPUTF8)
    message["From"], message["To"] = sender, to
    message["Subject"] = line(rendered.subject)
    message["Date"] = heading.at
    message["Message-ID"] = f"<{heading.mail_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # https://www.rfc-editor.org/rfc/rfc3834
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    for each in attachments:
        main, _, sub = each.media_type.partition("/")
        message.add_attachment(each.content, maintype=main, subtype=sub, filename=each.name)
    return message.as_bytes()


def addressable(address: str) -> str:
    """As a server takes it, with its domain in ASCII. Raises `Unaddressable`."""
    return _address(address, "").addr_spec


def _address(address: str, name: str) -> Address:
    try:
        local, _, domain = address.rpartition("@")
        return Address(line(name), addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except (ValueError, IndexError, LookupError) as error:  # as the library is, of what it cannot parse
        raise Unaddressable from error
