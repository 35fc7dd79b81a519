"""The rules of one movement of Stripe's balance that nothing of ours has posted: found once, explained by
finance, and taken back once when it turns out to be ours.
"""

from __future__ import annotations

from typing import assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger import chart
from ledger.errors import NotFound
from ledger.message import Decider
from ledger.unclaimed.commands import (
    ClaimMovement,
    ExplainMovement,
    RecordMovement,
    RecordMovementFundsAvailable,
    UnclaimedCommand,
    WithdrawExplanation,
)
from ledger.unclaimed.events import (
    MovementClaimed,
    MovementExplained,
    MovementExplanationWithdrawn,
    MovementFound,
    MovementFundsAvailable,
    UnclaimedEvent,
)
from ledger.unclaimed.postings import account_of
from ledger.unclaimed.refusals import AccountNotExplainable, ExplanationUnsaid, MovementKnown
from ledger.unclaimed.stream import stream_of
from ledger.unclaimed.treatment import EXPLAINABLE, against, cash
from ledger.visible import is_visible

NOTE_MAX = 500


class Movement(Struct, frozen=True, gc=False):
    balance_transaction_id: str = ""
    """Empty until it is found."""
    currency: str = ""
    amount_minor: int = 0
    net_minor: int = 0
    cash: str = ""
    """The account at Stripe in which its net stands."""
    account: str = ""
    """What it stands against; 1090 while nobody knows what it was."""
    explained: bool = False
    claimed_by: str = ""


def decide(command: UnclaimedCommand, movement: Movement) -> tuple[UnclaimedEvent, ...]:
    if isinstance(command, RecordMovement):
        return () if movement.balance_transaction_id else (_found(command),)
    if not movement.balance_transaction_id:
        raise NotFound(f"Nothing is recorded of the balance transaction {command.balance_transaction_id}.")
    match command:
        case RecordMovementFundsAvailable():
            return _available(movement)
        case ExplainMovement():
            return _explained(command, movement)
        case WithdrawExplanation():
            _check_open(movement)
            return _withdrawn(movement)
        case ClaimMovement():
            return _claimed(command, movement)
        case _:
            assert_never(command)


def _found(command: RecordMovement) -> MovementFound:
    return MovementFound(
        balance_transaction=command.balance_transaction,
        kind=command.kind,
        reporting_category=command.reporting_category,
        balance_type=command.balance_type,
        against=against(command.kind, command.reporting_category, command.source_id).number,
        source_id=command.source_id,
        description=command.description,
    )


def _available(movement: Movement) -> tuple[UnclaimedEvent, ...]:
    if movement.cash != chart.STRIPE_PENDING.number or movement.claimed_by:
        return ()
    available = MovementFundsAvailable(
        balance_transaction_id=movement.balance_transaction_id,
        currency=movement.currency,
        net_minor=movement.net_minor,
    )
    return (available,)


def _explained(command: ExplainMovement, movement: Movement) -> tuple[UnclaimedEvent, ...]:
    _check_open(movement)
    if not is_visible(command.note) or len(command.note) > NOTE_MAX or "\0" in command.note:
        raise ExplanationUnsaid(f"Say in `note`, with at most {NOTE_MAX} characters, what it was.")
    if command.account not in {account.number for account in EXPLAINABLE}:
        named = ", ".join(f"{account.number} {account.name}" for account in EXPLAINABLE)
        raise AccountNotExplainable(
            f"A movement at Stripe cannot be explained as {command.account}: take one of {named}."
        )
    if movement.explained and command.account == movement.account:
        return ()
    explained = MovementExplained(
        balance_transaction_id=movement.balance_transaction_id,
        currency=movement.currency,
        account=command.account,
        amount_minor=movement.amount_minor,
        net_minor=movement.net_minor,
        note=command.note,
    )
    return (*_withdrawn(movement), explained)


def _withdrawn(movement: Movement) -> tuple[UnclaimedEvent, ...]:
    if not movement.explained:
        return ()
    withdrawn = MovementExplanationWithdrawn(
        balance_transaction_id=movement.balance_transaction_id,
        currency=movement.currency,
        account=movement.account,
        amount_minor=movement.amount_minor,
        net_minor=movement.net_minor,
    )
    return (withdrawn,)


def _check_open(movement: Movement) -> None:
    if movement.claimed_by:
        raise MovementKnown(
            f"{movement.balance_transaction_id} is ours: {movement.claimed_by} posts it, and nothing of it "
            "is unexplained any more."
        )
    if not movement.explained and movement.account != chart.UNEXPLAINED.number:
        raise MovementKnown(
            f"{movement.balance_transaction_id} is known by its kind, and posted to {movement.account}."
        )


def _claimed(command: ClaimMovement, movement: Movement) -> tuple[UnclaimedEvent, ...]:
    if movement.claimed_by:
        return ()
    claimed = MovementClaimed(
        balance_transaction_id=movement.balance_transaction_id,
        currency=movement.currency,
        claimed_by=command.claimed_by,
        cash=movement.cash,
        account=movement.account,
        amount_minor=movement.amount_minor,
        net_minor=movement.net_minor,
    )
    return (claimed,)


def evolve(movement: Movement, event: UnclaimedEvent) -> Movement:
    match event:
        case MovementFound(balance_transaction=entry):
            return replace(
                movement,
                balance_transaction_id=entry.balance_transaction_id,
                currency=entry.currency,
                amount_minor=entry.amount_minor,
                net_minor=entry.net_minor,
                cash=cash(entry, event.balance_type).number,
                account=account_of(event.against).number,
            )
        case MovementFundsAvailable():
            return replace(movement, cash=chart.STRIPE_AVAILABLE.number)
        case MovementExplained():
            return replace(movement, account=event.account, explained=True)
        case MovementExplanationWithdrawn():
            return replace(movement, account=chart.UNEXPLAINED.number, explained=False)
        case MovementClaimed():
            return replace(movement, claimed_by=event.claimed_by)
        case _:
            assert_never(event)


def stream(command: UnclaimedCommand) -> str:
    if isinstance(command, RecordMovement):
        return stream_of(command.balance_transaction.balance_transaction_id)
    return stream_of(command.balance_transaction_id)


UNCLAIMED: Decider[UnclaimedCommand, Movement, UnclaimedEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Movement(),
    commands=get_args(UnclaimedCommand),
    events=get_args(UnclaimedEvent),
    begins=(RecordMovement,),
)
