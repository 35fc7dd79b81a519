"""A mailer on an application, whose mail comes to a server of the test's or to a list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from api.email.mailer import Mailer
from api.email.transport import Envelope, NotTaken
from api.stripe.delivery import Delivered
from ledger.effects import Effect, SendMail
from ledger.message import Origin
from projections.outbox.stored import decode
from tests.api.support import Caller, Running

_WAITING = "SELECT position, effect::text FROM outbox WHERE policy = 'email' ORDER BY position"
_RECORDS = "SELECT occasion, state, handed, reason FROM mails ORDER BY position, occasion"


def parsed(message: bytes) -> EmailMessage:
    found = message_from_bytes(message, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


class Taking:
    """A server that takes all, until it is told what to say first."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.says: list[NotTaken] = []

    async def send(self, envelope: Envelope) -> None:
        if self.says:
            raise self.says.pop(0)
        self.taken.append(envelope)

    @property
    def messages(self) -> list[EmailMessage]:
        return [parsed(one.message) for one in self.taken]


class Post:
    """What the outbox has of mail, and what becomes of it."""

    def __init__(self, app: Running, mailer: Mailer, server: Taking) -> None:
        self.app, self.mailer, self.server = app, mailer, server

    async def waiting(self, occasion: str = "") -> list[tuple[int, Effect]]:
        await self.app.projected()
        async with self.app.services.reading() as connection:
            found = await (await connection.execute(_WAITING)).fetchall()
        effects = [(position, decode(effect)) for position, effect in found]
        return [
            (position, one)
            for position, one in effects
            if isinstance(one, SendMail) and occasion in ("", one.occasion)
        ]

    async def deliver(self, occasion: str) -> Delivered:
        """The last of them. Raises what the mailer does."""
        position, effect = (await self.waiting(occasion))[-1]
        assert isinstance(effect, SendMail)
        return await self.mailer.deliver(effect, Origin(actor="worker", causation_id=str(position)))

    async def told(self, occasion: str) -> EmailMessage:
        await self.deliver(occasion)
        return self.server.messages[-1]

    async def records(self) -> list[tuple[Any, ...]]:
        async with self.app.services.reading() as connection:
            return await (await connection.execute(_RECORDS)).fetchall()


@pytest.fixture
async def post(app: Running) -> AsyncIterator[Post]:
    server = Taking()
    async with Mailer.open(app.services, server) as mailer:
        yield Post(app, mailer, server)


@pytest.fixture
async def ada(app: Running) -> Caller:
    """Somebody with an address."""
    caller = app.caller("usr_ada", "student")
    contact = {"email": "ada@example.org", "name": "Ada", "time_zone": "Europe/Berlin"}
    assert (await caller("PUT", "/api/me", json=contact)).status_code == 200
    return caller
