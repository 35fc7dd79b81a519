"""A statement as a PDF of A4 pages: the same bytes each time."""

from __future__ import annotations

from io import BytesIO

from msgspec.structs import replace
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from api.earnings.statement import CurrencyStatement, Statement
from api.lettering import BOLD, OURS, REGULAR, Fonts, LettersMissing
from api.receipts.pdf import MEDIA_TYPE
from ledger.money import format_minor

__all__ = ["MEDIA_TYPE", "render", "rows_of"]

_MARGIN = 22 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_AMOUNT, _KIND, _COUNT = 38 * mm, 32 * mm, 20 * mm
_INK, _RULE = HexColor("#1a1a1a"), HexColor("#e2e2e2")
_TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9.5, leading=14)
_STRONG = ParagraphStyle("strong", _TEXT, fontName=BOLD)
_RIGHT = ParagraphStyle("right", _TEXT, alignment=TA_RIGHT)
_STRONG_RIGHT = ParagraphStyle("strong right", _STRONG, alignment=TA_RIGHT)
_TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=18, leading=24)
_HEAD = ("Course", "Kind", "Number", "Amount")
_KINDS = {
    "sale": "Sales",
    "granted": "Given by the platform",
    "refund": "Refunds",
    "refund_failed": "Refunds that failed",
    "dispute_lost": "Disputes lost",
    "dispute_won": "Disputes won",
    "payout": "Payouts",
    "payout_reversed": "Payouts taken back",
}

Cells = tuple[str, str, str, str]


def render(statement: Statement, seller: str, fonts: Fonts = OURS) -> bytes:
    """Takes some milliseconds of processor time: call it in a thread. A course whose title has letters that
    the fonts lack is named by its id. Raises `LettersMissing` for the seller's.
    """
    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"Statement {statement.month}",
        lang="en",
        invariant=1,
    )
    document.build(_story(statement, seller, fonts))
    return out.getvalue()


def _story(statement: Statement, seller: str, fonts: Fonts) -> list[Flowable]:
    standing = "" if statement.final else " (the month goes on)"
    story: list[Flowable] = [
        _paragraph(f"Statement of earnings {statement.month}{standing}", _TITLE, fonts),
        Spacer(0, 4 * mm),
        _paragraph(f"For {statement.user_id}", _TEXT, fonts),
        *(_paragraph(line, _TEXT, fonts) for line in seller.splitlines()),
    ]
    if not statement.currencies:
        nothing = "Nothing was earned up to the end of this month."
        story += [Spacer(0, 8 * mm), _paragraph(nothing, _TEXT, fonts)]
    for one in statement.currencies:
        story += [Spacer(0, 8 * mm), _table(_printable(one, fonts), fonts)]
    return story


def rows_of(one: CurrencyStatement) -> list[Cells]:
    """Opening, lines, closing, and what is owed back where it is below zero, as they are set."""
    opening, closing, owed = (
        (label, "", "", format_minor(amount, one.currency))
        for label, amount in (
            ("Opening balance", one.opening_minor),
            ("Closing balance", one.closing_minor),
            ("Owed to the platform", one.owed_to_platform_minor),
        )
    )
    lines = [
        (
            line.title or line.course_id or "Connected account",
            _KINDS[line.kind],
            str(line.movements),
            format_minor(line.amount_minor, one.currency),
        )
        for line in one.lines
    ]
    return [opening, *lines, closing, *([owed] if one.owed_to_platform_minor else [])]


def _printable(one: CurrencyStatement, fonts: Fonts) -> CurrencyStatement:
    def is_printable(title: str) -> bool:
        try:
            fonts.markup(title, REGULAR)
        except LettersMissing:
            return False
        return True

    lines = [line if is_printable(line.title or "") else replace(line, title="") for line in one.lines]
    return replace(one, lines=lines)


def _table(one: CurrencyStatement, fonts: Fonts) -> Table:
    rows, closing = rows_of(one), 1 + len(one.lines)
    cells = [
        _cells(_HEAD, _STRONG, _STRONG_RIGHT, fonts),
        *(_cells(row, _TEXT, _RIGHT, fonts) for row in rows[:closing]),
        *(_cells(row, _STRONG, _STRONG_RIGHT, fonts) for row in rows[closing:]),
    ]
    return Table(
        cells,
        colWidths=[_WIDTH - _AMOUNT - _KIND - _COUNT, _KIND, _COUNT, _AMOUNT],
        repeatRows=1,
        style=TableStyle(
            [
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
                ("LINEBELOW", (0, 0), (-1, 0), 0.6, _INK),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, _RULE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        ),
    )


def _cells(row: Cells, left: ParagraphStyle, right: ParagraphStyle, fonts: Fonts) -> list[Paragraph]:
    return [_paragraph(text, right if index >= 2 else left, fonts) for index, text in enumerate(row)]  # noqa: PLR2004  numbers


def _paragraph(text: str, style: ParagraphStyle, fonts: Fonts) -> Paragraph:
    return Paragraph(fonts.markup(text, style.fontName), style)
