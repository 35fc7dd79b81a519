"""Each letter in each language: whole, on one line where it is a header, and nothing of it is markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from api.email.formats import amount, day, line
from api.email.languages import LANGUAGES
from api.email.letter import Letter, Money
from api.email.rendering import Look, Rendered, render
from api.email.samples import BRAND, TEMPLATES, reader, sample

LOOK = Look(seller=("Liberation", "Unter den Linden 1, Berlin"), site="https://example.org/account")


def rendered(letter: Letter, language: str = "en", look: Look = LOOK) -> Rendered:
    return render(letter, reader(language), look)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_in_every_language(template: str, language: str) -> None:
    letter = rendered(sample(template), language)
    assert "\n" not in letter.subject
    assert not re.search(r"[{}|]|None|True|False", letter.subject + letter.text)
    for part in (letter.text, letter.html):
        assert "Ada" in part
        assert "Unter den Linden 1, Berlin" in part
        assert "https://example.org/account" in part
    assert f'<html lang="{language}"' in letter.html
    assert "<style" not in letter.html
    assert 'class="sheet" style="' in letter.html, "programs that read mail drop style sheets"
    said = {rendered(sample(template), other).text for other in LANGUAGES}
    assert len(said) == len(LANGUAGES)


def test_amounts_carry_their_code() -> None:
    assert [amount(Money(500, code), "en") for code in ("nzd", "jpy", "kwd")] == [
        "NZD 5.00",
        "JPY 500",
        "KWD 0.500",
    ]
    assert amount(Money(123_456, "eur"), "de") == "EUR 1234,56"


def test_a_day_is_the_readers() -> None:
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert day(at, "en", "Pacific/Kiritimati") == "2 March 2026"
    assert day(at, "de", "Europe/Berlin") == "1. März 2026"


def test_text_is_on_one_line_and_controls_nothing() -> None:
    assert line("a\r\nBcc: b\u2028c\x00\x1b[1m\u202ed") == "a Bcc: b c[1md"


def test_what_people_wrote_is_text() -> None:
    title = "| A | <b>B</b>\n\n| C | D & {{ x }}"
    letter = rendered(sample("course_bought", title=title))
    assert "<b>" not in letter.html
    assert letter.html.count("<tr") == 2, "no row of the table is theirs"
    assert "{{ x }}" in letter.text


def test_white_label_is_whole() -> None:
    branded = rendered(sample("receipt"), look=Look(seller=LOOK.seller, brand=BRAND))
    for part in (branded.subject, branded.text, branded.html):
        assert "Onyx Academy" in part
    assert "#1f4e79" in branded.html
    assert "Onyx" not in str(rendered(sample("receipt")))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"confirm": True}, "confirm the payment"),
        ({"hard": True}, "another one"),
        ({"retry_at": None}, "do not try this card again"),
        ({}, "try again on 3 March 2026"),
    ],
)
def test_what_to_do_about_a_payment_that_failed(changes: dict[str, bool | None], said: str) -> None:
    letter = rendered(sample("payment_failed", **changes))
    assert said in letter.text
    assert "by 3 April 2026, your plan ends" in letter.text
