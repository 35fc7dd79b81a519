"""What an organisation calls itself before its people, where its logo is, and its domain. When they are
erased, its brand is used no more until somebody sets another.
"""

from __future__ import annotations

import msgspec

from api.erasable import ErasableWords
from ledger.store.batched_queries import Connection

BRANDS = ErasableWords("brand_words", of="org_id", columns=("name", "logo", "domain"))


class BrandWords(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    logo: str | None = None
    """An https address, which the service never asks."""
    domain: str | None = None


async def write(connection: Connection, words_id: str, org_id: str, author: str, words: BrandWords) -> str:
    """The salted hash; see `ErasableWords.write`."""
    return await BRANDS.write(connection, words_id, org_id, author, words.name, words.logo, words.domain)


async def read(connection: Connection, words_id: str) -> BrandWords | None:
    """None when they are erased."""
    found = await BRANDS.read(connection, words_id)
    return None if found is None else BrandWords(name=found[0], logo=found[1], domain=found[2])
