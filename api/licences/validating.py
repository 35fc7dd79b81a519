"""A licence validated by who has its key: always an answer, signed, and nothing consumed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.http.admission import take
from api.http.auth import Principal
from api.http.context import STATE, RequestState
from api.http.problems import PositionNotReached, TooSlow, Unprocessable
from api.http.promises import responses
from api.http.responses import Fresh
from api.licence_keyring import LicenceKeysUnavailable
from api.licences.holding import Held, LicenceKey, find
from api.services import Services
from api.words import FEATURE, NONCE
from ledger.instants import from_unix
from ledger.licence_keys.signing import answer_of
from ledger.licence_tiers import Grant
from ledger.licences.checks import whole
from ledger.licences.state import Licence, granted_at
from ledger.licences.status import lapses_at
from ledger.licences.validating import NOT_FOUND, good_until, hard_limits, standing_code, use_code
from ledger.seats.decider import SEATS
from ledger.seats.state import Seats
from ledger.seats.stream import stream_of as seats_stream
from ledger.usage.decider import USAGE
from ledger.usage.metrics import month_of
from ledger.usage.stream import stream_of as usage_stream
from ledger.verifier import AnswerClaims
from ledger.verifier.claims import VALID
from ledger.verifier.codes import ADVICE

TAGS = ["licences"]
Call = Request[Principal | None, Any, State]
LIFE: Final = timedelta(minutes=5)
"""Of an answer."""
_MEANWHILE: Final = "; an answer that you have is good until its `valid_until`"
_LAPSED: Final = """
    SELECT count(*)
    FROM seat_leases
    WHERE seat_id = ANY(%(seats)s) AND (closed OR until <= %(now)s)
"""
Nonce = Annotated[
    str,
    QueryParameter(
        pattern=NONCE,
        description="Drawn anew for each question, and repeated in its answer.",
    ),
]
Feature = Annotated[str | None, QueryParameter(pattern=FEATURE, description="Whether it has this, too.")]


class LicenceValidation(msgspec.Struct, frozen=True, kw_only=True):
    """`answer` says the same, signed: what is offline checks that, with the nonce that it drew."""

    valid: bool
    code: str
    """`valid`, or the first that applies of `not_found`, `revoked`, `suspended`, `expired`,
    `feature_missing`, `seats_exceeded` and `usage_exceeded`."""
    detail: str
    nonce: str
    feature: str | None
    licence_id: str | None
    issued_at: datetime
    valid_until: datetime
    """Of this answer."""
    expires_at: datetime | None
    """When the licence stops working, with its grace."""
    answer: str


@get(
    "/api/enterprise/licenses/validate",
    operation_id="validateLicence",
    summary="Validate a licence key",
    tags=TAGS,
    responses=responses(LicenceKeysUnavailable, Unprocessable, PositionNotReached, TooSlow),
)
async def validate_licence(
    services: NamedDependency[Services],
    request: Call,
    licence_key: LicenceKey,
    nonce: Nonce,
    feature: Feature = None,
) -> Fresh[LicenceValidation]:
    """For everybody who has the key: 200 with `valid` and a `code`, but not too often (429). It consumes
    nothing: seats and usage at their limits are valid, and beyond one that was lowered they are not.
    """
    now = whole(services.now())
    held = await _asked(services, request, licence_key)
    code = NOT_FOUND if held is None else await _code(services, held.licence, feature, now)
    about = None if code == NOT_FOUND else held
    claims = _claims(about, code, (nonce, feature), now)
    signed = answer_of(claims, services.licence_keyring.signing())
    return Fresh(_shown(claims, signed))


async def _asked(services: Services, request: Call, key: str) -> Held | None:
    """The licence, if the key works. Counted by address before anything is looked at, and then by licence, as
    a key may be tried from everywhere; one that is wrong is its address's once more, on the same way.
    """
    state: RequestState = request.scope[STATE]  # type: ignore[literal-required]  # our own key in the scope
    address = state.address
    take(services.validations, address, state, what=f"Too many questions from this address{_MEANWHILE}")
    found = await find(services, key)
    held = found if found and found.works else None
    about = held.licence.licence_id if held else address
    take(services.licence_validations, about, state, what=f"Too many questions with this key{_MEANWHILE}")
    return held


async def _code(services: Services, licence: Licence, feature: str | None, now: datetime) -> str:
    code, granted = standing_code(licence, feature, now), granted_at(licence, now)
    if code != VALID or granted is None:
        return code
    grant, licence_id = granted.grant, licence.licence_id
    metrics, month = [metric for metric, _ in hard_limits(grant)], month_of(now)
    streams = [(USAGE, usage_stream(licence_id, metric, month)) for metric in metrics]
    seats, *usage = await services.store.states([(SEATS, seats_stream(licence_id)), *streams])
    used = {metric: each.used for metric, each in zip(metrics, usage, strict=True)}
    return use_code(grant, await _in_use(services, seats, grant, now), used)


async def _in_use(services: Services, seats: Seats, grant: Grant, now: datetime) -> int:
    """Seats whose leases are over count no more, which is asked only where it matters."""
    held = len(seats.held)
    if grant.seats is None or held <= grant.seats:
        return held
    floating = [one.seat_id for one in seats.held.values() if one.floating]
    async with services.reading() as connection:
        row = await (await connection.execute(_LAPSED, {"seats": floating, "now": now})).fetchone()
    return held - (row[0] if row else 0)


def _claims(held: Held | None, code: str, asked: tuple[str, str | None], now: datetime) -> AnswerClaims:
    """`asked` is the nonce and the feature."""
    ends = lapses_at(held.licence) if held else None
    until = now + LIFE
    if held and code == VALID and (good := good_until(held.licence, held.serial, now)):
        until = min(until, whole(good))
    return AnswerClaims(
        nonce=asked[0],
        subject=held.licence.licence_id if held else None,
        feature=asked[1],
        code=code,
        issued_at=int(now.timestamp()),
        valid_until=int(until.timestamp()),
        expires_at=None if ends is None else int(ends.timestamp()),
    )


def _shown(claims: AnswerClaims, signed: str) -> LicenceValidation:
    return LicenceValidation(
        valid=claims.code == VALID,
        code=claims.code,
        detail=ADVICE[claims.code],
        nonce=claims.nonce,
        feature=claims.feature,
        licence_id=claims.subject,
        issued_at=from_unix(claims.issued_at),
        valid_until=from_unix(claims.valid_until),
        expires_at=None if claims.expires_at is None else from_unix(claims.expires_at),
        answer=signed,
    )


HANDLERS = (validate_licence,)
