"""A statement as a PDF of A4 pages: the same bytes each time."""

from __future__ import annotations

from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from api.earnings.statement import CurrencyStatement, Statement
from api.invoices.receipts.pdf import BOLD, MEDIA_TYPE, REGULAR, register_fonts
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
}

Cells = tuple[str, str, str, str]


def render(statement: Statement, seller: str) -> bytes:
    """Takes some milliseconds of processor time: call it in a thread."""
    register_fonts()
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
    document.build(_story(statement, seller))
    return out.getvalue()


def _story(statement: Statement, seller: str) -> list[Flowable]:
    standing = "" if statement.final else " (the month goes on)"
    story: list[Flowable] = [
        _paragraph(f"Statement of earnings {statement.month}{standing}", _TITLE),
        Spacer(0, 4 * mm),
        _paragraph(f"For {statement.user_id}", _TEXT),
        *(_paragraph(line, _TEXT) for line in seller.splitlines()),
    ]
    if not statement.currencies:
        story += [Spacer(0, 8 * mm), _paragraph("Nothing was earned up to the end of this month.", _TEXT)]
    for one in statement.currencies:
        story += [Spacer(0, 8 * mm), _table(one)]
    return story


def rows_of(one: CurrencyStatement) -> list[Cells]:
    """Opening, lines, closing, as they are set."""
    bounds = [
        (label, "", "", format_minor(amount, one.currency))
        for label, amount in (("Opening balance", one.opening_minor), ("Closing balance", one.closing_minor))
    ]
    lines = [
        (
            line.title or line.course_id,
            _KINDS[line.kind],
            str(line.movements),
            format_minor(line.amount_minor, one.currency),
        )
        for line in one.lines
    ]
    return [bounds[0], *lines, bounds[1]]


def _table(one: CurrencyStatement) -> Table:
    *rows, last = rows_of(one)
    cells = [
        _cells(_HEAD, _STRONG, _STRONG_RIGHT),
        *(_cells(row, _TEXT, _RIGHT) for row in rows),
        _cells(last, _STRONG, _STRONG_RIGHT),
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


def _cells(row: Cells, left: ParagraphStyle, right: ParagraphStyle) -> list[Paragraph]:
    return [_paragraph(text, right if index >= 2 else left) for index, text in enumerate(row)]  # noqa: PLR2004  numbers


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    """Paragraphs read markup, so what is told is escaped."""
    return Paragraph(escape(text), style)
