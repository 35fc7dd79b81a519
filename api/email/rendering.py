"""A letter in its reader's words, as text and as HTML that needs nothing else.

The words are plain text, in `words/<language>/<template>.txt`: the subject, an empty line, and paragraphs. In
a paragraph of lines `| label | value` they stand in a table. What is told is put into the words first, and
what comes of that is escaped as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.email.formats import written
from api.email.letter import Letter
from api.email.recipients import Recipient
from api.organisations.branding import Brand

_HERE = Path(__file__).parent
_STYLE = (_HERE / "page" / "letter.css").read_text(encoding="utf-8")
_INLINER = CSSInliner(load_remote_stylesheets=False, extra_css=_STYLE)


class Paragraph(msgspec.Struct, frozen=True):
    """Text, or the rows of a table."""

    text: str = ""
    rows: tuple[tuple[str, str], ...] = ()


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    text: str
    html: str


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Whose letter it is."""

    seller: tuple[str, ...]
    brand: Brand | None = None
    site: str = ""
    """Where people use the platform; empty where nobody said it."""

    @property
    def name(self) -> str:
        return self.brand.name if self.brand else self.seller[0]


def render(letter: Letter, to: Recipient, look: Look) -> Rendered:
    write = written(to.language, to.time_zone)
    values = {name: write(value) for name, value in letter.values.items()}
    name = write(to.name)
    template = _words().get_template(f"{to.language}/{letter.template}.txt")
    subject, _, body = template.render(values, site=look.site).strip().partition("\n\n")
    greeting, closing = _frame(to.language, "greeting", name=name), _frame(to.language, "closing")
    page = {
        "subject": f"{write(look.name)}: {subject}" if look.brand else subject,
        "paragraphs": (Paragraph(greeting), *_paragraphs(body)),
        "closing": closing,
        "look": look,
        "language": to.language,
        "site_label": _frame(to.language, "site"),
        "sender": [write(each) for each in look.seller],
        "brand_name": write(look.name) if look.brand else "",
    }
    return Rendered(
        subject=str(page["subject"]),
        text=_page("letter.txt", **page),
        html=_INLINER.inline(_page("letter.html", **page)),
    )


def _paragraphs(body: str) -> Sequence[Paragraph]:
    return [_paragraph(each) for each in body.split("\n\n") if each.strip()]


def _paragraph(text: str) -> Paragraph:
    lines = text.strip().splitlines()
    if not all(line.startswith("| ") for line in lines):
        return Paragraph(" ".join(line.strip() for line in lines))
    cells = [line[2:].split(" | ", 1) for line in lines]
    return Paragraph(rows=tuple((label, value) for label, value in cells))


def _frame(language: str, part: str, **values: object) -> str:
    return _words().get_template(f"{language}/frame/{part}.txt").render(values).strip()


def _page(name: str, **values: object) -> str:
    return _pages(autoescape=name.endswith(".html")).get_template(name).render(values)


@cache
def _words() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "words"),
        autoescape=False,  # noqa: S701  text, which the page escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _pages(*, autoescape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "page"),
        autoescape=autoescape,  # noqa: S701  off for text alone
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
