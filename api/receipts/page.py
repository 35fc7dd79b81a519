"""A receipt as a page that needs nothing else: it can be saved, sent on and printed."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from api.receipts.content import Receipt, amount, day, period, sums

MEDIA_TYPE = "text/html"
_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "receipt.css").read_text(encoding="utf-8")


def policy(receipt: Receipt) -> str:
    """The Content-Security-Policy: of all styles and scripts, this one style, and no picture."""
    digest = b64encode(sha256(_style(receipt).encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def _style(receipt: Receipt) -> str:
    """With the colours of its brand, which are colours and nothing else."""
    brand = receipt.brand
    if brand is None:
        return _STYLE
    return f"{_STYLE}.brand {{ color: {brand.text_colour}; background: {brand.background_colour}; }}\n"


def render(receipt: Receipt) -> bytes:
    return (
        _template()
        .render(
            receipt=receipt,
            style=_style(receipt),
            paid_on=day(receipt.paid_at),
            lines=[
                (line.description, period(line), amount(line.amount_minor, receipt)) for line in receipt.lines
            ],
            sums=sums(receipt),
        )
        .encode()
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("receipt.html")
