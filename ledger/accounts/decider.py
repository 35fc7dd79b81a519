"""The rules of one user's connected accounts: one at a time, made and closed at Stripe, seen as Stripe says.

What the user asks for is judged; what Stripe reports is recorded when it is news.
"""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.accounts.commands import (
    AccountCommand,
    LostAccount,
    RecordAccountGone,
    RecordAccountRefusal,
    RecordAccountSnapshot,
    RecordAccountUnknown,
    RecordClosingRefusal,
    RequestAccount,
    RequestAccountClosing,
)
from ledger.accounts.countries import POSSIBLE, agreement_for, is_possible
from ledger.accounts.events import (
    AccountClosed,
    AccountClosingRefused,
    AccountClosingRequested,
    AccountEvent,
    AccountObserved,
    AccountOpened,
    AccountOutcomeUnknown,
    AccountRefused,
    AccountRequested,
    AccountUpdated,
)
from ledger.accounts.refusals import (
    AccountExists,
    AccountInProgress,
    CountryNotPossible,
    InvalidAccount,
    NoAccount,
)
from ledger.accounts.state import LEFT, OWNER, UNANSWERED, Account, evolve
from ledger.accounts.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Decider

TEXT_MAX = 255

_Events = tuple[AccountEvent, ...]


def decide(command: AccountCommand, account: Account) -> _Events:  # noqa: PLR0911 - one each command
    match command:
        case RequestAccount():
            return _request(command, account)
        case RecordAccountSnapshot():
            return _record_snapshot(command, account)
        case RecordAccountGone():
            return _record_gone(command, account)
        case RecordAccountRefusal():
            return _record_refusal(command, account)
        case RecordAccountUnknown():
            return _record_unknown(command, account)
        case RequestAccountClosing():
            return _request_closing(command, account)
        case RecordClosingRefusal():
            return _record_closing_refusal(command, account)
        case _:
            assert_never(command)


def _request(command: RequestAccount, account: Account) -> _Events:
    _check_texts(command.account_id, command.user_id)
    if not is_possible(command.country):
        raise CountryNotPossible(
            f"Stripe pays nobody in {command.country!r:.20}; possible are {', '.join(POSSIBLE)}."
        )
    if command.account_id == account.account_id:
        # its id derives from the intent: this very request made it, and was lost here when Stripe's was not
        return ()
    if account.creation in UNANSWERED:
        raise AccountInProgress("Your account is being made at Stripe; its outcome is being found out.")
    if account.is_open:
        raise AccountExists(f"You have an account in {account.country} already; a user has one at a time.")
    requested = AccountRequested(
        account_id=command.account_id,
        user_id=command.user_id,
        country=command.country,
        agreement=agreement_for(command.country, command.platform_country),
        business_type=command.business_type,
        attempt=account.attempt + 1,
    )
    return (requested,)


def _record_snapshot(command: RecordAccountSnapshot, account: Account) -> _Events:
    if command.account_id == account.account_id:
        return _news(command, account)
    if account.attempt:
        return ()  # of an account before the present one
    if command.lost is None:
        raise NotFound(
            f"The user has no connected account {command.account_id}; "
            "does another ledger use this Stripe account?"
        )
    taken_up = _taken_up(command, command.lost)
    return (taken_up, *_news(command, evolve(account, taken_up)))


def _taken_up(command: RecordAccountSnapshot, lost: LostAccount) -> AccountRequested:
    return AccountRequested(
        account_id=command.account_id,
        user_id=command.user_id,
        country=command.standing.country,
        agreement=lost.agreement,
        business_type=lost.business_type,
        attempt=1,
    )


def _news(command: RecordAccountSnapshot, account: Account) -> _Events:
    """`refused` was our reading of an answer, so that an account which is there after all outranks it. And
    one that was gone can be there again: it may have been looked for with another platform's key.
    """
    account_id = command.account_id
    opened: _Events = ()
    if account.creation != "opened":
        opened = (AccountOpened(account_id=account_id, stripe_account_id=command.stripe_account_id),)
    elif command.stripe_account_id != account.stripe_account_id or _is_old(account, command):
        return ()  # one that only says that it is the user's tells nothing of the one that they are paid by
    if command.standing == account.standing and not account.closed:
        return (AccountObserved(account_id=account_id, observed_at=command.observed_at),)
    updated = AccountUpdated(
        account_id=account_id, observed_at=command.observed_at, standing=command.standing
    )
    return (*opened, updated)


def _record_gone(command: RecordAccountGone, account: Account) -> _Events:
    if command.stripe_account_id != account.stripe_account_id or _is_old(account, command):
        return ()
    observed_at = command.observed_at
    if account.closed:
        return (AccountObserved(account_id=account.account_id, observed_at=observed_at),)
    cause = OWNER if account.closing else LEFT
    return (AccountClosed(account_id=account.account_id, observed_at=observed_at, cause=cause),)


def _is_old(account: Account, command: RecordAccountSnapshot | RecordAccountGone) -> bool:
    return account.observed_at is not None and command.observed_at <= account.observed_at


def _record_refusal(command: RecordAccountRefusal, account: Account) -> _Events:
    if command.account_id != account.account_id or account.creation not in UNANSWERED:
        return ()
    refused = AccountRefused(account_id=command.account_id, code=command.code, parameter=command.parameter)
    return (refused,)


def _record_unknown(command: RecordAccountUnknown, account: Account) -> _Events:
    if command.account_id != account.account_id or account.creation != "requested":
        return ()
    return (AccountOutcomeUnknown(account_id=command.account_id, cause=command.cause),)


def _request_closing(command: RequestAccountClosing, account: Account) -> _Events:
    _check_texts(command.request_id)
    if account.creation in UNANSWERED:
        raise AccountInProgress("Your account is still being made at Stripe: close it when that is known.")
    if not account.is_open:
        raise NoAccount("You have no connected account that is open.")
    if account.closing:
        raise AccountInProgress("Your account is being closed at Stripe; its outcome is being found out.")
    requested = AccountClosingRequested(account_id=account.account_id, request_id=command.request_id)
    return (requested,)


def _record_closing_refusal(command: RecordClosingRefusal, account: Account) -> _Events:
    if command.request_id != account.closing:
        return ()
    refused = AccountClosingRefused(
        account_id=account.account_id,
        request_id=command.request_id,
        code=command.code,
        currencies=command.currencies,
    )
    return (refused,)


def _check_texts(*texts: str) -> None:
    for text in texts:
        if not 0 < len(text) <= TEXT_MAX or "\0" in text:
            raise InvalidAccount(
                f"An id has from 1 to {TEXT_MAX} characters, and none of them is NUL (U+0000)."
            )


def stream(command: AccountCommand) -> str:
    return stream_of(command.user_id)


ACCOUNT: Decider[AccountCommand, Account, AccountEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Account(),
    commands=get_args(AccountCommand),
    events=get_args(AccountEvent),
)
