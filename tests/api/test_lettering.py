"""Which font sets a letter, and which letters are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import reportlab

from api.lettering import BOLD, OURS, REGULAR, Fonts, LettersMissing, fonts_in
from api.settings import SettingsError

VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
CHINESE = Fonts({**OURS.letters, "further-zh": frozenset(map(ord, "王明\u0627"))})


def test_a_letter_that_ours_lack_is_set_in_one_that_was_added() -> None:
    assert CHINESE.markup("Ada <王明>", BOLD) == 'Ada &lt;<font name="further-zh">王明</font>&gt;'


def test_letters_that_join_are_refused_whatever_font_has_them() -> None:
    with pytest.raises(LettersMissing, match="ARABIC"):
        CHINESE.markup("\u0627", REGULAR)


def test_marks_that_show_nothing_are_left_out_and_letters_are_composed() -> None:
    assert OURS.markup("e\u0301\u200d\ufe0f\t\u3000x", REGULAR) == "é  x"


def test_fonts_are_added_by_putting_them_in_a_directory(tmp_path: Path) -> None:
    shutil.copy(VERA, tmp_path)
    assert list(fonts_in(str(tmp_path)).letters) == [REGULAR, BOLD, "further-Vera"]


def test_a_directory_that_adds_nothing_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"LIBERATION_FONTS_DIR: there are no TrueType files"):
        fonts_in(str(tmp_path))
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(SettingsError, match=r"broken\.ttf cannot be used.*must be TrueType"):
        fonts_in(str(tmp_path))
