"""To whom mail goes: contact data as it is when it is sent, which may have been erased."""

from __future__ import annotations

from typing import Final

import msgspec

from api.email.letter import LeftOut
from api.reads import ReadPool


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    email: str
    name: str
    time_zone: str
    language: str


_FIND: Final = "SELECT email, name, time_zone, language, bounced_at FROM contacts WHERE user_id = %s"


async def recipient(reads: ReadPool, user_id: str) -> Recipient | LeftOut:
    """Or why there is none."""
    async with reads.connection() as connection:
        found = await (await connection.execute(_FIND, (user_id,))).fetchone()
    if found is None or not found[0]:
        return LeftOut("no_address")
    email, name, time_zone, language, bounced_at = found
    if bounced_at is not None:
        return LeftOut("address_bounced")
    return Recipient(email=email, name=name or "", time_zone=time_zone, language=language)


_BOUNCED: Final = """
    UPDATE contacts
    SET bounced_at = clock_timestamp()
    WHERE user_id = %s AND email = %s
"""


async def leave_alone(reads: ReadPool, user_id: str, email: str) -> None:
    """Until its user says another, which they may have done meanwhile."""
    async with reads.connection() as connection:
        await connection.execute(_BOUNCED, (user_id, email))
