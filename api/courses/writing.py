"""What a request makes of a course: its content for the facts, its words for the table beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from api.courses import words as course_words
from api.courses.resources import (
    InstructorPart,
    NewItem,
    ReviseCourse,
    RevisedItem,
    UploadCourse,
)
from api.courses.words import Words, config_of
from api.erasable import salted
from api.http.checks import blank_fault
from api.http.problems import FieldError, Unprocessable
from api.services import Services
from ledger.courses.content import CourseContent, Item
from ledger.split import WHOLE_BP, Part
from ledger.visible import is_visible

UNWRITTEN = "0" * 64
"""Stands for the hash of words that are not written yet, while the rules are asked whether they may be."""


class Draft(msgspec.Struct, frozen=True):
    """`words` None: they stay as they are."""

    content: CourseContent
    words: Words | None = None


def uploaded(services: Services, body: UploadCourse, author: str, command_id: str) -> Draft:
    _check_titles(body.title, body.items)
    items = [(_item_id(services, command_id, number), item) for number, item in enumerate(body.items)]
    content = CourseContent(
        words_id=services.id_of("wrd", command_id),
        words_hash=UNWRITTEN,
        described=is_visible(body.description),
        category=body.category,
        level=body.level,
        language=body.language,
        estimated_minutes=body.estimated_minutes,
        price_minor=body.price_minor,
        currency=body.currency.lower(),
        items=_items(items),
        instructors=_instructors(body.instructors) or (Part(user_id=author, part_bp=WHOLE_BP),),
    )
    titles = {item_id: item.title for item_id, item in items}
    return Draft(content, Words(title=body.title, description=body.description, item_titles=titles))


def revised(
    services: Services, body: ReviseCourse, before: CourseContent, known: Words | None, command_id: str
) -> Draft:
    """`known` None: what was written is erased, so that it must be written anew."""
    _check_titles(body.title, body.items)
    changes: dict[str, Any] = {
        name: value
        for name in ("category", "level", "language", "estimated_minutes", "price_minor")
        if (value := getattr(body, name)) is not None
    }
    if body.currency is not None:
        changes["currency"] = body.currency.lower()
    if body.instructors is not None:
        changes["instructors"] = _instructors(body.instructors)
    items = None if body.items is None else _named(services, body.items, before, command_id)
    if items is not None:
        changes["items"] = _items(items)
    after = msgspec.structs.replace(before, **changes)
    words = _words(body, items, known)
    if words == known and config_of(after.language) == config_of(before.language):
        return Draft(after)
    described, words_id = is_visible(words.description), services.id_of("wrd", command_id)
    after = msgspec.structs.replace(after, words_id=words_id, words_hash=UNWRITTEN, described=described)
    return Draft(after, words)


def _check_titles(title: str | None, items: Sequence[NewItem] | None) -> None:
    """Alone, no fault of the body's type has brought them up."""
    titles = {} if title is None else {"/title": title}
    titles |= {f"/items/{number}/title": item.title for number, item in enumerate(items or ())}
    faults = ((pointer, blank_fault(text)) for pointer, text in titles.items())
    if errors := [FieldError(detail=fault, pointer=pointer) for pointer, fault in faults if fault]:
        raise Unprocessable.at(*errors)


def _words(body: ReviseCourse, items: Sequence[tuple[str, NewItem]] | None, known: Words | None) -> Words:
    if known is None and (body.title is None or items is None):
        missing = [name for name in ("title", "items") if getattr(body, name) is None]
        raise Unprocessable.at(
            *(
                FieldError(detail="is required, as what was written is erased", pointer=f"/{name}")
                for name in missing
            )
        )
    known = known or Words(title="", description="", item_titles={})
    return Words(
        title=known.title if body.title is None else body.title,
        description=known.description if body.description is None else body.description,
        item_titles=known.item_titles if items is None else {key: item.title for key, item in items},
    )


def _named(
    services: Services, items: Sequence[RevisedItem], before: CourseContent, command_id: str
) -> list[tuple[str, NewItem]]:
    """Those that stay keep their ids. Raises `Unprocessable` for an id that is of no item of the course."""
    known = {item.item_id for item in before.items}
    strange = [
        FieldError(
            detail="is no item of this course: leave it out for a new one", pointer=f"/items/{number}/item_id"
        )
        for number, item in enumerate(items)
        if item.item_id is not None and item.item_id not in known
    ]
    if strange:
        raise Unprocessable.at(*strange)
    return [
        (item.item_id or _item_id(services, command_id, number), item) for number, item in enumerate(items)
    ]


def _item_id(services: Services, command_id: str, number: int) -> str:
    return services.id_of("itm", f"{command_id}:{number}")


def _items(items: Sequence[tuple[str, NewItem]]) -> tuple[Item, ...]:
    return tuple(
        Item(
            item_id=item_id,
            weight=item.weight,
            minutes=item.minutes,
            content_ref=item.content_ref,
            sha256=item.sha256,
        )
        for item_id, item in items
    )


def _instructors(parts: Sequence[InstructorPart] | None) -> tuple[Part, ...]:
    return tuple(Part(user_id=part.user_id, part_bp=part.part_bp) for part in parts or ())


class Written(msgspec.Struct, frozen=True):
    content: CourseContent
    """With the hash of what was written."""
    salt: bytes = b""
    """Empty where nothing was."""


async def write(services: Services, draft: Draft, course_id: str, author: str) -> Written:
    """Before the command, so that no fact tells of words that are nowhere."""
    content, words = draft.content, draft.words
    if words is None:
        return Written(content)
    async with services.reading() as connection:
        salt = await course_words.write(
            connection, content.words_id, course_id, author, content.language, words
        )
    words_hash = salted(salt, words)
    return Written(msgspec.structs.replace(content, words_hash=words_hash), salt)
