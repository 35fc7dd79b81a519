"""Whether a source is awarded: the ids of commands tell, as the store records each of them once."""

from __future__ import annotations

from itertools import count

from ledger.message import Recorded
from ledger.store import Store
from ledger.tokens.events import TokensAwarded, TokensClawedBack
from ledger.tokens.following import Attempt, Source


async def last_attempt(store: Store, source: Source) -> Attempt:
    """As it is now, or was a moment ago; what is decided on an older one is a repeat, or a mismatch.

    Two reads for each time that the source was awarded, which is once, as long as nothing is refunded.
    """
    attempt = Attempt()
    while True:
        number = attempt.number + 1
        award = await _award(store, source.award_id(number))
        if award is None:
            return attempt
        reversal = await _reversal(store, source.claw_back_id(number))
        attempt = Attempt(number, award, reversal)
        if reversal is None:
            return attempt


async def awards_of(store: Store, source: Source) -> list[Recorded]:
    """Each award of a source and what reversed it, from the first attempt on."""
    found: list[Recorded] = []
    for number in count(1):
        award = await store.find_command(source.award_id(number))
        reversal = await store.find_command(source.claw_back_id(number)) if award else ()
        found += [
            fact for fact in (*award, *reversal) if isinstance(fact.event, TokensAwarded | TokensClawedBack)
        ]
        if not reversal:
            break
    return found


async def _award(store: Store, command_id: str) -> TokensAwarded | None:
    found = (fact.event for fact in await store.find_command(command_id))
    return next((event for event in found if isinstance(event, TokensAwarded)), None)


async def _reversal(store: Store, command_id: str) -> TokensClawedBack | None:
    found = (fact.event for fact in await store.find_command(command_id))
    return next((event for event in found if isinstance(event, TokensClawedBack)), None)
