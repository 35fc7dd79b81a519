"""A certificate as one page of A4, with its fonts inside: the same bytes each time."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import msgspec
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepInFrame, Paragraph, Spacer

from api.branded import branded
from api.lettering import BOLD, OURS, REGULAR, Fonts
from api.organisations.branding import Brand

MEDIA_TYPE = "application/pdf"
_WIDTH, _HEIGHT = landscape(A4)
_MARGIN = 12 * mm
_INNER = 30 * mm
_INK, _GREY, _ACCENT = HexColor("#1a1a1a"), HexColor("#555555"), HexColor("#1f4e79")

_SMALL = ParagraphStyle(
    "small", fontName=REGULAR, fontSize=10, leading=15, alignment=TA_CENTER, textColor=_GREY
)
_TITLE = ParagraphStyle("title", _SMALL, fontName=BOLD, fontSize=24, leading=32, textColor=_ACCENT)
_NAME = ParagraphStyle("name", _SMALL, fontName=BOLD, fontSize=30, leading=38, textColor=_INK)
_COURSE = ParagraphStyle("course", _SMALL, fontName=BOLD, fontSize=18, leading=25, textColor=_INK)


class CertificatePage(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on it."""

    certificate_id: str
    issuer: str
    name: str
    course: str
    level: str
    revision: int
    completed_at: datetime
    address: str
    """Where anybody sees what was certified, and whether it holds."""
    brand: Brand | None = None
    """Of the holder's organisation: in place of the issuer, in its colours."""

    @property
    def by(self) -> str:
        return self.brand.name if self.brand else self.issuer


def render(page: CertificatePage, fonts: Fonts = OURS) -> bytes:
    """Takes some milliseconds of processor time: call it in a thread. Raises `LettersMissing`."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), invariant=1, lang="en")
    canvas.setTitle(f"{page.course}: certificate of {page.name}")
    canvas.setSubject(page.address)
    for say in (canvas.setAuthor, canvas.setCreator, canvas.setProducer):
        say(page.by)
    _draw_border(canvas, page.brand)
    width, height = _WIDTH - 2 * _INNER, _HEIGHT - 2 * _INNER
    # what is long, such as a name of two hundred characters, is set smaller rather than on a second page
    fitting = KeepInFrame(width, height, _story(page, fonts), mode="shrink")
    _, taken = fitting.wrapOn(canvas, width, height)
    fitting.drawOn(canvas, _INNER, _INNER + (height - taken) / 2)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw_border(canvas: Canvas, brand: Brand | None) -> None:
    canvas.setStrokeColor(HexColor(brand.background_colour) if brand else _ACCENT)
    for inset, line in ((_MARGIN, 2.0), (_MARGIN + 2.5 * mm, 0.6)):
        canvas.setLineWidth(line)
        canvas.rect(inset, inset, _WIDTH - 2 * inset, _HEIGHT - 2 * inset)


def _story(page: CertificatePage, fonts: Fonts) -> list[Flowable]:
    day = f"{page.completed_at.astimezone(UTC):%Y-%m-%d}"

    def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
        return Paragraph(fonts.markup(text, style.fontName), style)

    return [
        _paragraph(page.by, branded(page.brand, _SMALL) if page.brand else _SMALL),
        Spacer(0, 6 * mm),
        _paragraph("Certificate of completion", _TITLE),
        Spacer(0, 14 * mm),
        _paragraph(page.name, _NAME),
        Spacer(0, 6 * mm),
        _paragraph("has completed the course", _SMALL),
        Spacer(0, 3 * mm),
        _paragraph(page.course, _COURSE),
        Spacer(0, 3 * mm),
        _paragraph(f"Level: {page.level} · revision {page.revision} · {day}", _SMALL),
        Spacer(0, 20 * mm),
        _paragraph("What was certified, and whether it holds, is shown at", _SMALL),
        _paragraph(page.address, _SMALL),
    ]
