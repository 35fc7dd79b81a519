"""What a user's connected account asks of Stripe."""

from __future__ import annotations

from ledger.accounts.events import AccountClosingRequested, AccountOutcomeUnknown, AccountRequested
from ledger.accounts.stream import KIND
from ledger.effects import CloseAccount, CreateAccount, Effect, ResolveAccount
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    user_id = KIND.id_of(recorded.stream)
    match recorded.event:
        case AccountRequested(account_id=account_id):
            return (CreateAccount(user_id, account_id),)
        case AccountOutcomeUnknown(account_id=account_id):
            return (ResolveAccount(user_id, account_id),)
        case AccountClosingRequested(account_id=account_id, request_id=request_id):
            return (CloseAccount(user_id, account_id, request_id),)
        case _:
            return ()
