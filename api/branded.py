"""A brand's name as PDFs set it: in its own colours, on a band of its own."""

from __future__ import annotations

from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle

from api.lettering import BOLD
from api.organisations.branding import Brand

_PADDING, _LEADING = 7, 1.4


def branded(brand: Brand, style: ParagraphStyle, size: float = 15) -> ParagraphStyle:
    """As wide as its paragraph; aligned as `style` is."""
    return ParagraphStyle(
        "brand",
        style,
        fontName=BOLD,
        fontSize=size,
        leading=size * _LEADING,
        textColor=HexColor(brand.text_colour),
        backColor=HexColor(brand.background_colour),
        borderPadding=_PADDING,
    )
