"""Whether a source is awarded: the ids of commands tell, as the store records each of them once."""

from __future__ import annotations

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


async def _award(store: Store, command_id: str) -> TokensAwarded | None:
    found = (fact.event for fact in await store.find_command(command_id))
    return next((event for event in found if isinstance(event, TokensAwarded)), None)


async def _reversal(store: Store, command_id: str) -> TokensClawedBack | None:
    found = (fact.event for fact in await store.find_command(command_id))
    return next((event for event in found if isinstance(event, TokensClawedBack)), None)
