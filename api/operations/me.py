"""The caller's contact data: personal, so kept apart from the facts, and erasable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from api.checkout.leaving import erasure
from api.courses import words as course_words
from api.email import languages
from api.enrolments import certificate_words
from api.http import idempotency
from api.http.auth import Principal
from api.http.checks import Check, blank_fault
from api.http.problems import FieldError, PositionNotReached, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.organisations.brand_words import BRANDS
from api.organisations.words import NAMES
from api.reviews.words import TEXTS
from api.services import Services, origin_of
from api.subscriptions import trial_cards
from api.words import EMAIL, NO_NUL, TIME_ZONE
from ledger.errors import Contended
from ledger.ids import new_id
from ledger.store.batched_queries import Connection
from ledger.streaks.commands import ChangeTimeZone
from ledger.streaks.refusals import TimeZoneChangedLately
from ledger.visibility.commands import SetVisibility
from ledger.visibility.decider import VISIBILITY
from ledger.visibility.state import LISTED, Visibility
from ledger.visibility.stream import stream_of

Call = Request[Principal, Any, State]
TAGS = ["me"]
_UTC = "UTC"
"""Of who said none."""
_ZONES = frozenset(available_timezones() - {"Factory", "localtime"})
"""Neither where nobody set one, nor what the machine has that this runs on: another's days are others."""


def _zone_fault(name: str) -> str | None:
    return None if name in _ZONES else f"{name} is no time zone: use an IANA name such as Europe/Berlin"


Email = Annotated[str, Meta(max_length=254, pattern=EMAIL, examples=["ada@example.org"])]
Name = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=NO_NUL, examples=["Ada"]), Check(blank_fault)
]
TimeZone = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=TIME_ZONE, examples=["Europe/Berlin"]),
    Check(_zone_fault),
]


Language = Annotated[languages.Language, Meta(examples=["en"])]


class Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`time_zone` is an IANA name; it decides when a day of a streak begins. `visibility` says how others see
    the caller on leaderboards: `hidden` not at all, `listed` by their opaque id, `named` by their name too.
    Mail is written in `language`, and says days by `time_zone`.
    """

    email: Email | None = None
    name: Name | None = None
    time_zone: TimeZone = "UTC"
    language: Language = "en"
    visibility: Visibility = LISTED


class ContactChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out is kept; null removes it, and leaves UTC, `en`, and the visibility `listed`."""

    email: Email | UnsetType | None = UNSET
    name: Name | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    visibility: Visibility | UnsetType | None = UNSET


_SELECT = "SELECT email, name, time_zone, language FROM contacts WHERE user_id = %s"


@get(
    "/api/me",
    operation_id="getContact",
    summary="The caller's contact data",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_contact(request: Call, services: NamedDependency[Services]) -> Read[Contact]:
    """All null, and UTC, when nothing was given or it was erased."""
    async with services.reading() as connection:
        row = await (await connection.execute(_SELECT, (request.user.id,))).fetchone()
    visibility = await _visibility(services, request)
    if row is None:
        return Read(Contact(visibility=visibility))
    return Read(_contact(row, visibility))


def _contact(row: Sequence[Any], visibility: Visibility) -> Contact:
    email, name, time_zone, language = row
    return Contact(email=email, name=name, time_zone=time_zone, language=language, visibility=visibility)


async def _visibility(services: Services, request: Call) -> Visibility:
    """By the ledger."""
    standing = await services.store.state(VISIBILITY, stream_of(request.user.id))
    return standing.visibility


_UPSERT = """
    INSERT INTO contacts AS kept (user_id, email, name, time_zone, language)
    VALUES (
        %(user_id)s, %(email)s, %(name)s, coalesce(%(time_zone)s, 'UTC'), coalesce(%(language)s, 'en')
    )
    ON CONFLICT (user_id) DO UPDATE
    SET email = CASE WHEN %(has_email)s THEN excluded.email ELSE kept.email END,
        name = CASE WHEN %(has_name)s THEN excluded.name ELSE kept.name END,
        time_zone = CASE WHEN %(has_time_zone)s THEN excluded.time_zone ELSE kept.time_zone END,
        language = CASE WHEN %(has_language)s THEN excluded.language ELSE kept.language END,
        bounced_at = CASE
            WHEN %(has_email)s AND excluded.email IS DISTINCT FROM kept.email THEN NULL
            ELSE kept.bounced_at
        END,
        updated_at = clock_timestamp()
    RETURNING email, name, time_zone, language
"""


@put(
    "/api/me",
    operation_id="putContact",
    response_description="What is kept now",
    summary="Set contact data",
    tags=TAGS,
    responses=responses(TimeZoneChangedLately, Contended),
)
async def put_contact(
    data: JSONBody[ContactChange], request: Call, services: NamedDependency[Services]
) -> Response[Contact]:
    """Keeps what the body leaves out. Only the visibility is in a fact: all else can be erased for good. The
    time zone can be changed once in 24 hours, as it decides when a day of a streak begins.
    """
    _check(data)
    values: dict[str, Any] = {"user_id": request.user.id}
    for name in ("email", "name", "time_zone", "language"):
        given = getattr(data, name)
        values |= {name: None if given is UNSET else given, f"has_{name}": given is not UNSET}
    async with services.reading() as connection, connection.transaction():
        before = await _zone_of(connection, request.user.id)
        row = await (await connection.execute(_UPSERT, values)).fetchone()
        assert row is not None, "it was written"
        if row[2] != before:  # refused, nothing is kept of all this
            removed = data.time_zone is None
            command = _zone_change(request, services, erased=removed)
            await services.store.handle(command, origin_of(request))
    headers = await _set_visibility(data.visibility, request, services)
    visibility = await _visibility(services, request)
    return Response(_contact(row, visibility), headers=headers)


async def _set_visibility(
    visibility: Visibility | UnsetType | None, request: Call, services: Services
) -> dict[str, str]:
    """The headers that tell how far the ledger is; none where nothing was asked."""
    if visibility is UNSET:
        return {}
    command = SetVisibility(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        user_id=request.user.id,
        visibility=visibility or LISTED,
    )
    return (await services.submitter.submit(command, origin_of(request))).headers


_SELECT_ZONE = "SELECT time_zone FROM contacts WHERE user_id = %s FOR UPDATE"


async def _zone_of(connection: Connection, user_id: str) -> str:
    row = await (await connection.execute(_SELECT_ZONE, (user_id,))).fetchone()
    return str(row[0]) if row else _UTC


def _zone_change(request: Call, services: Services, *, erased: bool = False) -> ChangeTimeZone:
    """That it changed is a fact, and which it is now is none."""
    return ChangeTimeZone(
        command_id=new_id("cmd"), effective_at=services.now(), user_id=request.user.id, erased=erased
    )


def _check(contact: ContactChange) -> None:
    """Alone, no fault of the body's type has brought them up."""
    faults: dict[str, str | None] = {}
    if contact.time_zone:
        faults["/time_zone"] = _zone_fault(contact.time_zone)
    if contact.name:
        faults["/name"] = blank_fault(contact.name)
    if errors := [FieldError(detail=fault, pointer=pointer) for pointer, fault in faults.items() if fault]:
        raise Unprocessable.at(*errors)


_DELETE = "DELETE FROM contacts WHERE user_id = %s"


@delete(
    "/api/me",
    operation_id="eraseContact",
    response_description="It is erased",
    summary="Erase contact data, words and cards",
    tags=TAGS,
    responses=responses(Contended, PositionNotReached),
)
async def erase_contact(request: Call, services: NamedDependency[Services]) -> Response[None]:
    """At once and for good, with what the caller wrote of their courses, which are listed no longer, and in
    reviews and replies, whose stars stay, the name on their certificates, the names that they gave to
    organisations and classes, and the brands that they set. Their payments that wait are canceled, and pages
    on which they were to pay are over, soon after; what its cardholder confirmed first is paid, and can be
    refunded. At Stripe their cards and the customer are deleted, soon after when it does not answer: a
    subscription ends with it, at once, and gives nothing back.
    Payments stay: they hold no name, only the opaque id; and so does the visibility, so that nobody comes to
    be seen by it.
    """
    user_id = request.user.id
    command = await erasure(services, user_id)
    async with services.reading() as connection, connection.transaction():
        if await _zone_of(connection, user_id) != _UTC:
            await services.store.handle(_zone_change(request, services, erased=True), origin_of(request))
        await connection.execute(_DELETE, (user_id,))
        await course_words.erase(connection, user_id)
        await certificate_words.erase(connection, user_id)
        await TEXTS.erase(connection, user_id)
        await NAMES.erase(connection, user_id)
        await BRANDS.erase(connection, user_id)
        await trial_cards.take_off(connection, user_id)
        await idempotency.erase(connection, user_id)
    done = await services.submitter.submit(command, origin_of(request))
    return Response(None, status_code=204, headers=done.headers)


HANDLERS = (get_contact, put_contact, erase_contact)
