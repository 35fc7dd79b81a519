"""The fonts that PDFs are set in, ours and the operator's: nothing is set with letters missing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import ClassVar
from xml.sax.saxutils import escape

import msgspec
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from api.http.problems import ApiError
from api.settings import SettingsError

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_OURS = Path(__file__).parent / "receipts" / "fonts"
_SHAPED = (
    (0x0590, 0x109F),
    (0x1780, 0x18AF),
    (0x1900, 0x1CFF),
    (0xA800, 0xABFF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFE),
    (0x10800, 0x11FFF),
    (0x1E800, 0x1EFFF),
)
"""Scripts that go from right to left, or whose letters change with their neighbours, such as Arabic, Hebrew,
Devanagari and Thai: a font alone does not set them, and letters in a row would be no word.
"""

_VARIATIONS = range(0xFE00, 0xFE10)
"""Marks that choose among the forms of the letter before."""


class LettersMissing(ApiError):
    """What is to be printed has letters that the service's fonts lack, or a script that it cannot set."""

    code: ClassVar[str] = "letters_missing"
    remedy: ClassVar[str] = (
        "Use the page in place of the PDF: `GET /api/certificates/{certificate_id}` shows a certificate in "
        "full, and a receipt comes as `text/html`. Who runs the service adds fonts: `LIBERATION_FONTS_DIR`."
    )
    passing: ClassVar[bool] = True


class Fonts(msgspec.Struct, frozen=True):
    """Names of registered fonts, in the order in which a letter is looked for, and the letters of each."""

    letters: dict[str, frozenset[int]]

    def markup(self, text: str, font: str) -> str:
        """`text` as a paragraph reads it, in `font` where that has the letters. Raises `LettersMissing`."""
        shown = _visible(text)
        if scripts := self.missing(text, font):
            raise LettersMissing(
                f"This has letters that cannot be set in a PDF here ({', '.join(scripts)}); "
                "it is shown in full as a page."
            )
        runs = groupby(shown, lambda letter: self._of(letter, font))
        return "".join(_run("".join(letters), name, font) for name, letters in runs)

    def missing(self, text: str, font: str) -> list[str]:
        """The scripts of the letters that none of the fonts sets, where `font` comes first."""
        return _scripts({one for one in _visible(text) if self._of(one, font) is None})

    def _of(self, letter: str, font: str) -> str | None:
        """Which font sets it."""
        code = ord(letter)
        if any(first <= code <= last for first, last in _SHAPED):
            return None
        further = (name for name in self.letters if name not in {REGULAR, BOLD})
        return next((name for name in (font, *further) if code in self.letters[name]), None)


def _run(letters: str, name: str | None, font: str) -> str:
    escaped = escape(letters)
    return escaped if name == font else f'<font name="{name}">{escaped}</font>'


def _visible(text: str) -> str:
    """Composed, on one line, and without marks that show nothing."""
    return "".join(_seen(unicodedata.normalize("NFC", text)))


def _seen(text: str) -> Iterator[str]:
    for letter in text:
        kind = unicodedata.category(letter)
        if kind.startswith("Z") or kind == "Cc":
            yield " "
        elif kind != "Cf" and ord(letter) not in _VARIATIONS:
            yield letter


def _scripts(letters: Iterable[str]) -> list[str]:
    return sorted({unicodedata.name(one, "UNNAMED").split()[0] for one in letters})


@cache
def fonts_in(directory: str) -> Fonts:
    """Ours, and then the TrueType files of `directory`, by name; of none where it is empty. Raises
    `SettingsError`.
    """
    found = {name: _OURS / f"{name}.ttf" for name in (REGULAR, BOLD)}
    if directory:
        further = sorted(Path(directory).glob("*.ttf"))
        if not further:
            raise SettingsError(f"LIBERATION_FONTS_DIR: there are no TrueType files (*.ttf) in {directory}.")
        found |= {f"further-{path.stem}": path for path in further}
    return Fonts({name: _register(name, path) for name, path in found.items()})


def _register(name: str, path: Path) -> frozenset[int]:
    try:
        font = TTFont(name, path)
    except (OSError, TTFError) as error:
        raise SettingsError(
            f"LIBERATION_FONTS_DIR: {path} cannot be used, {error}. Fonts must be TrueType, with outlines of "
            "their own (`glyf`)."
        ) from None
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


OURS = fonts_in("")
