"""A certificate is one page, whatever is on it, and the same bytes each time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from api.enrolments.certificate_pdf import CertificatePage, render
from api.lettering import LettersMissing
from api.organisations.branding import Brand
from api.settings import Settings

PAGE = CertificatePage(
    certificate_id="crt_1",
    issuer="Liberation",
    name="Łukasz <b>& Ольга",
    course="Statistics with R",
    level="beginner",
    revision=3,
    completed_at=datetime(2026, 3, 1, 23, tzinfo=UTC),
    address="https://learn.example.org/api/certificates/crt_1",
)


def test_it_is_the_same_bytes_each_time() -> None:
    assert render(PAGE) == render(PAGE)
    assert render(PAGE) != render(msgspec.structs.replace(PAGE, revision=4))


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("王小明", "CJK"),
        ("محمد", "ARABIC"),
        ("राम", "DEVANAGARI"),
        ("משה", "HEBREW"),
        ("Ada 🎓", "GRAD"),
    ],
)
@pytest.mark.parametrize("field", ["name", "course", "issuer"])
def test_nothing_is_printed_with_letters_missing(field: str, name: str, script: str) -> None:
    with pytest.raises(LettersMissing, match=script):
        render(msgspec.structs.replace(PAGE, **{field: name}))


def test_it_says_what_it_is_and_whose_and_not_what_made_it() -> None:
    printed = render(PAGE)
    told = dict(re.findall(rb"/(Title|Author|Creator|Producer|Subject) \((.*?)\)", printed))
    assert told[b"Author"] == told[b"Creator"] == told[b"Producer"] == b"Liberation"
    assert told[b"Subject"] == PAGE.address.encode()
    assert b"/Title" in printed
    assert b"unspecified" not in printed


def test_a_brand_stands_in_place_of_the_issuer_also_in_what_the_file_says_of_itself() -> None:
    brand = Brand(name="Lakeside", text_colour="#ffffff", background_colour="#1f4e79")
    printed = render(msgspec.structs.replace(PAGE, brand=brand))
    told = dict(re.findall(rb"/(Author|Creator|Producer) \((.*?)\)", printed))
    assert told[b"Author"] == told[b"Creator"] == told[b"Producer"] == b"Lakeside"
    assert b"Liberation" not in printed


@pytest.mark.parametrize(
    "long", [{"name": "Wolfeschlegelstein " * 10}, {"course": "x" * 200}, {"issuer": "word " * 200}]
)
def test_what_is_long_is_set_smaller_and_not_on_a_second_page(long: dict[str, Any]) -> None:
    assert render(msgspec.structs.replace(PAGE, **long)).count(b"/Type /Page\n") == 1


def test_its_address_is_the_one_that_people_reach_the_service_at() -> None:
    assert Settings(public_url="https://learn.example.org/").address == "https://learn.example.org"
    assert Settings().address == "http://127.0.0.1:8000"
