"""A receipt as a PDF of A4 pages, with its fonts inside.

Our fonts cover Latin, Greek, Cyrillic and Armenian, and the operator's what they have: see `api.lettering`.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from api.branded import branded
from api.lettering import BOLD, OURS, REGULAR, Fonts
from api.organisations.branding import Brand
from api.receipts.content import Receipt, amount, day, period, sums

MEDIA_TYPE = "application/pdf"
_GREY, _RULE = HexColor("#555555"), HexColor("#e2e2e2")
_MARGIN = 22 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_AMOUNT, _PERIOD = 38 * mm, 50 * mm

_TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9.5, leading=14)
_STRONG = ParagraphStyle("strong", _TEXT, fontName=BOLD)
_LABEL = ParagraphStyle("label", _TEXT, textColor=_GREY)
_RIGHT = ParagraphStyle("right", _TEXT, alignment=TA_RIGHT)
_STRONG_RIGHT = ParagraphStyle("strong right", _STRONG, alignment=TA_RIGHT)
_SELLER = ParagraphStyle("seller", _RIGHT, textColor=_GREY)
_TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=18, leading=24)


def render(receipt: Receipt, fonts: Fonts = OURS) -> bytes:
    """Takes some milliseconds of processor time: call it in a thread. Raises `LettersMissing`."""
    seller = receipt.seller[0] if receipt.seller else ""
    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"Receipt {receipt.name}",
        author=seller,
        creator=seller,
        producer=seller,
        subject=f"{receipt.about} {receipt.reference}",
        lang="en",
    )

    def footer(canvas: Canvas, page: SimpleDocTemplate) -> None:
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(_GREY)
        canvas.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, f"{receipt.name} · page {page.page}")

    document.build(_Setting(fonts).story(receipt), onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


class _Setting:
    """A receipt in these fonts."""

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts

    def story(self, receipt: Receipt) -> list[Flowable]:
        return [
            *self._brand(receipt.brand),
            Table(
                [[Paragraph("Receipt", _TITLE), self._paragraph("\n".join(receipt.seller), _SELLER)]],
                colWidths=[_WIDTH / 2, _WIDTH / 2],
                style=_flush(("VALIGN", (0, 0), (-1, -1), "TOP")),
            ),
            Spacer(0, 8 * mm),
            self._head(receipt),
            Spacer(0, 8 * mm),
            self._lines(receipt),
            Spacer(0, 3 * mm),
            self._sums(receipt),
        ]

    def _brand(self, brand: Brand | None) -> list[Flowable]:
        if brand is None:
            return []
        return [self._paragraph(brand.name, branded(brand, _TEXT)), Spacer(0, 8 * mm)]

    def _head(self, receipt: Receipt) -> Table:
        fields = (
            ("Receipt number", receipt.name),
            (receipt.about, receipt.reference),
            ("Paid on", day(receipt.paid_at)),
            ("Billed to", "\n".join(receipt.customer)),
        )
        rows = [[self._paragraph(label, _LABEL), self._paragraph(value, _TEXT)] for label, value in fields]
        return Table(
            rows, colWidths=[36 * mm, _WIDTH - 36 * mm], style=_flush(("VALIGN", (0, 0), (-1, -1), "TOP"))
        )

    def _lines(self, receipt: Receipt) -> Table:
        """Without a column for periods where no line has one."""
        head = [
            self._paragraph("Description", _STRONG),
            self._paragraph("Period", _STRONG),
            self._paragraph("Amount", _STRONG_RIGHT),
        ]
        rows = [
            [
                self._paragraph(line.description, _TEXT),
                self._paragraph(period(line), _TEXT),
                self._paragraph(amount(line.amount_minor, receipt), _RIGHT),
            ]
            for line in receipt.lines
        ]
        table, widths = [head, *rows], [_WIDTH - _AMOUNT - _PERIOD, _PERIOD, _AMOUNT]
        if not receipt.has_periods:
            table, widths = [[first, last] for first, _, last in table], [_WIDTH - _AMOUNT, _AMOUNT]
        return Table(
            table,
            colWidths=widths,
            repeatRows=1,
            style=_flush(
                ("LINEBELOW", (0, 0), (-1, 0), 0.6, HexColor("#1a1a1a")),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, _RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ),
        )

    def _sums(self, receipt: Receipt) -> Table:
        rows = [
            [
                self._paragraph(one.label, _STRONG_RIGHT if one.strong else _RIGHT),
                self._paragraph(one.amount, _STRONG_RIGHT if one.strong else _RIGHT),
            ]
            for one in sums(receipt)
        ]
        return Table(rows, colWidths=[_WIDTH - _AMOUNT, _AMOUNT], style=_flush())

    def _paragraph(self, text: str, style: ParagraphStyle) -> Paragraph:
        lines = (self._fonts.markup(line, style.fontName) for line in text.splitlines())
        return Paragraph("<br/>".join(lines), style)


def _flush(*more: Any) -> TableStyle:
    """Columns end at the margins."""
    return TableStyle([("LEFTPADDING", (0, 0), (0, -1), 0), ("RIGHTPADDING", (-1, 0), (-1, -1), 0), *more])
