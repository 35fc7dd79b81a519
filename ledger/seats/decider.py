"""The rules of a licence's seats: one for each device, and never more given than the licence has.

What the licence says comes with the command. A command that knows it as it was before another one did is
refused, so that once a seat was given or refused by a lower limit none is given by a higher one. A claim
that overtakes a suspension gives nothing all the same: whoever asks what a seat gives asks the licence, too.
"""

from __future__ import annotations

from datetime import UTC
from typing import assert_never, get_args

from ledger.errors import Contended, NotFound
from ledger.licences.live import check_live
from ledger.message import Decider
from ledger.seats.commands import (
    ActivateSeat,
    DeactivateSeat,
    FreeMemberSeats,
    ReleaseSeat,
    SeatCommand,
)
from ledger.seats.events import SeatActivated, SeatDeactivated, SeatEvent, SeatReleased, SeatsLapsed
from ledger.seats.refusals import InvalidSeat, SeatsExceeded, SeatTaken, TransfersExceeded
from ledger.seats.state import Seat, Seats, evolve, without
from ledger.seats.stream import stream_of

_TEXT_MAX = 255


def decide(command: SeatCommand, seats: Seats) -> tuple[SeatEvent, ...]:
    match command:
        case ActivateSeat():
            return _activate(command, seats)
        case ReleaseSeat():
            return _release(command, seats)
        case DeactivateSeat():
            return _deactivate(command, seats)
        case FreeMemberSeats():
            return _free(command, seats)
        case _:
            assert_never(command)


def _activate(command: ActivateSeat, seats: Seats) -> tuple[SeatEvent, ...]:
    _check_texts(command.seat_id, command.device, command.user_id)
    terms = command.terms
    check_live(terms.status)
    if terms.as_of < seats.as_of:
        raise Contended("The licence has changed since this claim was made: send it again.")
    lapsed = tuple(one for one in command.lapsed if (seat := seats.find(one)) and seat.floating)
    left = without(seats, lapsed)
    if (held := left.held.get(command.device)) is not None:
        if held.user_id != command.user_id:
            raise SeatTaken("The seat of this device is another user's.")
        return ()
    if terms.limit is not None and len(left.held) >= terms.limit:
        raise SeatsExceeded(f"{len(left.held)} seats are in use, and this licence has {terms.limit}.")
    activated = SeatActivated(
        licence_id=command.licence_id,
        org_id=command.org_id,
        seat_id=command.seat_id,
        device=command.device,
        user_id=command.user_id,
        floating=terms.floating,
        limit=terms.limit,
        as_of=terms.as_of,
    )
    if not lapsed:
        return (activated,)
    return (SeatsLapsed(licence_id=command.licence_id, seat_ids=lapsed), activated)


def _release(command: ReleaseSeat, seats: Seats) -> tuple[SeatEvent, ...]:
    """Nothing where the device has no seat, or one of somebody else."""
    held = seats.held.get(command.device)
    if held is None or held.user_id != command.user_id:
        return ()
    released = SeatReleased(
        licence_id=command.licence_id,
        org_id=seats.org_id,
        seat_id=held.seat_id,
        user_id=held.user_id,
        month=_transfer(command, held, seats),
    )
    return (released,)


def _deactivate(command: DeactivateSeat, seats: Seats) -> tuple[SeatEvent, ...]:
    held = seats.find(command.seat_id)
    if held is None:
        raise NotFound(f"Nobody has a seat {command.seat_id!r:.80} of this licence.")
    deactivated = SeatDeactivated(
        licence_id=command.licence_id,
        org_id=seats.org_id,
        seat_id=held.seat_id,
        user_id=held.user_id,
        month=_transfer(command, held, seats),
    )
    return (deactivated,)


def _free(command: FreeMemberSeats, seats: Seats) -> tuple[SeatEvent, ...]:
    return tuple(
        SeatDeactivated(
            licence_id=command.licence_id, org_id=seats.org_id, seat_id=held.seat_id, user_id=held.user_id
        )
        for held in seats.held.values()
        if held.user_id == command.user_id
    )


def _transfer(command: ReleaseSeat | DeactivateSeat, held: Seat, seats: Seats) -> str:
    """The month among whose transfers it counts: none for a seat that frees itself."""
    if held.floating:
        return ""
    month = f"{command.effective_at.astimezone(UTC):%Y-%m}"
    if command.transfers is not None and seats.freed_in(month) >= command.transfers:
        raise TransfersExceeded(
            f"{seats.freed_in(month)} named seats were freed in {month}, and {command.transfers} may be."
        )
    return month


def _check_texts(*texts: str) -> None:
    for one in texts:
        if not 0 < len(one) <= _TEXT_MAX or "\0" in one:
            raise InvalidSeat(
                f"Ids and hashes have from 1 to {_TEXT_MAX} characters, and none of them is NUL."
            )


def stream(command: SeatCommand) -> str:
    return stream_of(command.licence_id)


SEATS: Decider[SeatCommand, Seats, SeatEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Seats(),
    commands=get_args(SeatCommand),
    events=get_args(SeatEvent),
)
