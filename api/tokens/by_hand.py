"""What an administrator asks of a user's tokens, as commands: over HTTP and at the command line the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from api.awards import last_attempt
from api.reads import rows, select
from api.tokens.resources import AwardPart, TokenAward
from ledger.errors import IdempotencyMismatch, NotFound
from ledger.message import Recorded
from ledger.rewards import BY_HAND
from ledger.store import Store
from ledger.store.batched_queries import Connection
from ledger.tokens.commands import AwardTokens, ConfirmAward
from ledger.tokens.events import AwardRequested, TokensAwarded
from ledger.tokens.following import Now, Source, terms_of
from ledger.tokens.refusals import AwardDecided, SourceUsed
from projections.tokens.tables import TOKEN_REQUESTS, TokenRequestRow

_REQUEST = select("SELECT {columns} FROM {table} WHERE request_id = %s", TOKEN_REQUESTS)

_ABOVE_THE_LIMIT = (
    "Another administrator, who confirms or declines it: by hand, one alone gives a user less on a day (UTC)."
)
_FOR_THEMSELVES = "Another administrator, who confirms or declines it: nobody gives themselves tokens alone."


async def award_of(store: Store, source: Source, now: Now, amount: int, reason: str) -> AwardTokens:
    """The last attempt once more where it stands: the same is a repeat, and anything else is refused."""
    number = await _attempt(store, source)
    return AwardTokens(
        command_id=source.award_id(number),
        effective_at=now.at,
        user_id=source.user_id,
        rule=source.rule,
        source_ref=source.source_ref,
        attempt=number,
        amount=amount,
        reason=reason,
        terms=terms_of(source.rule, now),
    )


async def confirmation_of(store: Store, asked: TokenRequestRow, now: Now, admin_id: str) -> ConfirmAward:
    source = source_of(asked)
    number = await _attempt(store, source)
    return ConfirmAward(
        command_id=source.award_id(number),
        effective_at=now.at,
        user_id=source.user_id,
        request_id=asked.request_id,
        source_ref=source.source_ref,
        attempt=number,
        admin_id=admin_id,
        terms=terms_of(BY_HAND, now),
    )


def source_of(asked: TokenRequestRow) -> Source:
    return Source(asked.user_id, BY_HAND, asked.source_ref)


async def _attempt(store: Store, source: Source) -> int:
    last = await last_attempt(store, source)
    return last.number if last.stands else last.number + 1


@contextmanager
def awarded_once(source: Source) -> Iterator[None]:
    """Raises `SourceUsed` where another award has the command's id."""
    try:
        yield
    except IdempotencyMismatch as error:
        raise SourceUsed(
            f"{source.rule} awarded something else for {source.source_ref!r:.80} already."
        ) from error


@contextmanager
def decided_once(asked: TokenRequestRow) -> Iterator[None]:
    """Raises `AwardDecided` where it does not wait; `asked` is as it was a moment ago, at the latest."""
    try:
        yield
    except (IdempotencyMismatch, NotFound) as error:
        how = "decided" if asked.status == "waiting" else asked.status
        raise AwardDecided(f"The award {asked.request_id} was {how} already.") from error


async def request_at(connection: Connection, request_id: str) -> TokenRequestRow | None:
    found = await rows(connection, _REQUEST, TOKEN_REQUESTS, (request_id,))
    return found[0] if found else None


def no_request(request_id: str) -> NotFound:
    return NotFound(f"There is no award {request_id!r:.80}.")


def award_shown(recorded: Sequence[Recorded]) -> TokenAward:
    """Of the last fact, before which may be what time has done."""
    event = recorded[-1].event
    if isinstance(event, AwardRequested):
        return TokenAward(
            user_id=event.user_id,
            status="waiting",
            rule=BY_HAND,
            source_ref=event.source_ref,
            asked=event.amount,
            granted=0,
            parts=[AwardPart(name="base", amount=event.amount)],
            lot_id=None,
            request_id=event.request_id,
            waits_for=_FOR_THEMSELVES if event.requested_by == event.user_id else _ABOVE_THE_LIMIT,
            confirm=f"/api/tokens/awards/{event.request_id}/confirm",
            pending_until=None,
            expires_at=None,
            repaid=0,
        )
    assert isinstance(event, TokensAwarded)
    return TokenAward(
        user_id=event.user_id,
        status="granted" if event.pending_until is None else "pending",
        rule=event.rule,
        source_ref=event.source_ref,
        asked=event.asked,
        granted=event.amount,
        parts=[AwardPart(name=one.name, amount=one.amount) for one in event.parts],
        lot_id=event.lot_id,
        request_id=event.request_id or None,
        waits_for=None,
        confirm=None,
        pending_until=event.pending_until,
        expires_at=event.stretch.expires_at,
        repaid=event.repaid,
    )
