"""What a course is made of, as facts keep it: everything but people's words, which can be erased.

Title, description and the items' titles are in a table beside the facts, under `words_id`; `words_hash` is
salted there, so that a fact proves what was said for as long as it is kept, and tells nothing after.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ledger import money
from ledger.courses.refusals import InvalidContent
from ledger.split import WHOLE_BP, Part

LEVELS = ("beginner", "intermediate", "advanced")
"""From least to most."""
ITEMS_MAX = 500
INSTRUCTORS_MAX = 20
MINUTES_MAX = 100_000
WEIGHT_MAX = 1_000
ID_MAX = 255
REF_MAX = 1_000

CATEGORY = r"^[a-z0-9]+(-[a-z0-9]+)*$"
CATEGORY_MAX = 50
LANGUAGE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"
"""The part of BCP 47 that names what people speak: language, script, region, as `pt-BR` or `zh-Hant`."""
SHA256 = r"^[0-9a-f]{64}$"

_CATEGORY, _LANGUAGE, _SHA256 = (re.compile(pattern, re.ASCII) for pattern in (CATEGORY, LANGUAGE, SHA256))


class Item(Struct, frozen=True, kw_only=True):
    """One lesson. Its id stays its own for as long as it is in the course, whatever else changes of it."""

    item_id: str
    weight: int
    """Its part of the progress, in proportion to the others'."""
    minutes: int
    content_ref: str
    """Where its content is, in the words of whoever keeps it."""
    sha256: str
    """Of that content, in lower-case hexadecimal."""


class CourseContent(Struct, frozen=True, kw_only=True):
    words_id: str
    words_hash: str
    described: bool
    """Whether there is a description, as the rules cannot look."""
    category: str
    level: str
    language: str
    estimated_minutes: int
    price_minor: int
    """0 is free."""
    currency: str
    items: tuple[Item, ...] = ()
    instructors: tuple[Part, ...] = ()


def check(content: CourseContent) -> None:
    """Whether anything is wrong with it, whatever the course. Raises `InvalidContent`."""
    _check_text("words_id", content.words_id)
    _check_form(content)
    _check_minutes("estimated_minutes", content.estimated_minutes)
    _check_price(content)
    _check_items(content.items)
    _check_instructors(content.instructors)


def _check_form(content: CourseContent) -> None:
    if not _SHA256.match(content.words_hash):
        raise InvalidContent("`words_hash` must be a SHA-256 in lower-case hexadecimal.", "words_hash")
    if len(content.category) > CATEGORY_MAX or not _CATEGORY.match(content.category):
        raise InvalidContent(
            f"`category` must be words in lower case joined by hyphens, such as data-science, of at most "
            f"{CATEGORY_MAX} characters.",
            "category",
        )
    if content.level not in LEVELS:
        raise InvalidContent(f"`level` must be one of {', '.join(LEVELS)}.", "level")
    if not _LANGUAGE.match(content.language):
        raise InvalidContent("`language` must be a BCP 47 tag such as en or pt-BR.", "language")


def _check_price(content: CourseContent) -> None:
    if not money.is_currency(content.currency):
        raise InvalidContent(
            f"{content.currency!r:.80} is no currency: send an ISO 4217 code such as 'usd'.", "currency"
        )
    fault = money.charge_fault(content.price_minor, content.currency) if content.price_minor else ""
    if fault:
        written = money.format_minor(content.price_minor, content.currency)
        raise InvalidContent(
            f"`price_minor` must be 0 for a free course; a price {fault}. It was {written}.", "price_minor"
        )


def _check_items(items: tuple[Item, ...]) -> None:
    if len(items) > ITEMS_MAX:
        raise InvalidContent(f"A course has at most {ITEMS_MAX} items; these are {len(items)}.", "items")
    _check_once([item.item_id for item in items], "items", "item_id")
    for number, item in enumerate(items):
        where = f"items[{number}]"
        _check_text(f"{where}.item_id", item.item_id, ID_MAX, "items", number, "item_id")
        _check_text(f"{where}.content_ref", item.content_ref, REF_MAX, "items", number, "content_ref")
        _check_minutes(f"{where}.minutes", item.minutes, "items", number, "minutes")
        if not 1 <= item.weight <= WEIGHT_MAX:
            raise InvalidContent(
                f"`{where}.weight` must be from 1 to {WEIGHT_MAX}; it is {item.weight}.",
                "items",
                number,
                "weight",
            )
        if not _SHA256.match(item.sha256):
            raise InvalidContent(
                f"`{where}.sha256` must have 64 lower-case hexadecimal digits.", "items", number, "sha256"
            )


def _check_instructors(instructors: tuple[Part, ...]) -> None:
    if not 1 <= len(instructors) <= INSTRUCTORS_MAX:
        raise InvalidContent(f"A course has from 1 to {INSTRUCTORS_MAX} instructors.", "instructors")
    _check_once([one.user_id for one in instructors], "instructors", "user_id")
    for number, one in enumerate(instructors):
        _check_text(f"instructors[{number}].user_id", one.user_id, ID_MAX, "instructors", number, "user_id")
        if one.part_bp < 1:
            raise InvalidContent(
                "Each instructor's `part_bp` must be at least 1; leave out who has no part.",
                "instructors",
                number,
                "part_bp",
            )
    if (total := sum(one.part_bp for one in instructors)) != WHOLE_BP:
        raise InvalidContent(
            f"The instructors' `part_bp` must add up to {WHOLE_BP}, which is all; they come to {total}.",
            "instructors",
        )


def _check_once(ids: list[str], members: str, member: str) -> None:
    for number, one in enumerate(ids):
        if one in ids[:number]:
            raise InvalidContent(
                f"Each of `{members}` has its own `{member}`; {one!r:.80} is there twice.",
                members,
                number,
                member,
            )


def _check_minutes(name: str, minutes: int, *at: str | int) -> None:
    if not 1 <= minutes <= MINUTES_MAX:
        raise InvalidContent(f"`{name}` must be from 1 to {MINUTES_MAX}; it is {minutes}.", *(at or (name,)))


def _check_text(name: str, text: str, longest: int = ID_MAX, *at: str | int) -> None:
    if not text or len(text) > longest or "\0" in text:
        raise InvalidContent(
            f"`{name}` must have from 1 to {longest} characters, and no NUL.", *(at or (name,))
        )
