"""A receipt as whoever asks for it takes it: a PDF to keep, a page, or JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec

from api.http.problems import NotAcceptable
from api.http.responses import NOT_MODIFIED, matches
from api.lettering import fonts_in
from api.reads import ReadPool
from api.receipts import page, pdf
from api.receipts.content import Receipt
from api.settings import Settings
from ledger.errors import Refused

JSON = "application/json"
OFFERED = (pdf.MEDIA_TYPE, page.MEDIA_TYPE, JSON)
"""The first is for who takes anything."""


class NoReceipt(Refused):
    """It is not paid, or nothing was charged for it, so it has no receipt."""

    code = "no_receipt"
    remedy = "Ask again when it is paid; one for which nothing was charged never has one."
    passing = True


class ShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """`amount_minor` without tax; below zero for a discount, or for time that was paid and is not used."""

    description: str
    period_start: datetime | None
    period_end: datetime | None
    amount_minor: int


class ShownCredit(msgspec.Struct, frozen=True, kw_only=True):
    """What was given back since, with tax. `number` is that of a credit note."""

    kind: Literal["credit_note", "refund", "dispute"]
    number: str
    at: datetime
    amount_minor: int
    on_its_way: bool


class ReceiptShown(msgspec.Struct, frozen=True, kw_only=True):
    """`receipt` is its number; `charged_minor` what was charged of the total, `off_stripe_minor` what is
    said to be paid otherwise, and the rest came out of credit. `tax_minor` is null where nothing is said of
    tax: a licence's invoice has it, and of a plain payment nobody told. `left_minor` is the total less what
    was given back.
    """

    receipt: str
    about: Literal["Invoice", "Payment"]
    reference: str
    seller: list[str]
    customer: list[str]
    paid_at: datetime
    currency: str
    lines: list[ShownLine]
    tax_minor: int | None
    total_minor: int
    charged_minor: int
    off_stripe_minor: int
    given_back: list[ShownCredit]
    left_minor: int
    brand: str


AS_JSON = {200: ResponseSpec(ReceiptShown, description="The receipt", generate_examples=False)}
"""For the reference: the form that has a schema."""


async def answer(request: Request[Any, Any, Any], receipt: Receipt, settings: Settings) -> Response[bytes]:
    """Raises `LettersMissing` of a PDF."""
    media_type = wanted(request)
    etag = _etag(receipt, media_type)
    # what is sent depends on Accept, and a cache must know that
    headers = {"ETag": f"W/{etag}", "Vary": "Accept"}
    known = request.headers.get("if-none-match")
    if known is not None and matches(known, etag):
        return Response(b"", status_code=NOT_MODIFIED, headers=headers)
    if media_type == JSON:
        return Response(msgspec.json.encode(_shown(receipt)), media_type=media_type, headers=headers)
    if media_type == page.MEDIA_TYPE:
        headers |= {
            "Content-Security-Policy": page.policy(receipt),
            "Content-Disposition": f'inline; filename="{receipt.file_name}.html"',
        }
        return Response(page.render(receipt), media_type=media_type, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{receipt.file_name}.pdf"'
    body = await asyncio.to_thread(pdf.render, receipt, fonts_in(settings.fonts_dir))
    return Response(body, media_type=media_type, headers=headers)


def wanted(request: Request[Any, Any, Any]) -> str:
    """Raises `NotAcceptable`; ask it before anything is looked for."""
    chosen = request.accept.best_match(list(OFFERED))
    if chosen is None:
        raise NotAcceptable(f"Receipts are {', '.join(OFFERED[:-1])} or {JSON}: say so in `Accept`.")
    return str(chosen)


def _etag(receipt: Receipt, media_type: str) -> str:
    """A hash of what is rendered: two renderings of it differ in the PDF's time of making."""
    content = msgspec.json.encode((receipt, media_type))
    return f'"{blake2b(content, digest_size=12).hexdigest()}"'


def seller_of(settings: Settings) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, settings.seller.splitlines())))


_NAME = "SELECT name FROM contacts WHERE user_id = %s"


async def customer_of(reads: ReadPool, user_id: str) -> tuple[str, ...]:
    """The name is taken from their contact data as it is now: it may have been erased, and no fact has it."""
    async with reads.connection() as connection:
        known = await (await connection.execute(_NAME, (user_id,))).fetchone()
    # on one line: it is the customer's own text, and lines of it would look like ours
    name = " ".join(known[0].split()) if known and known[0] else ""
    return tuple(filter(None, (name, user_id)))


def _shown(receipt: Receipt) -> ReceiptShown:
    return ReceiptShown(
        receipt=receipt.name,
        about=receipt.about,
        reference=receipt.reference,
        seller=list(receipt.seller),
        customer=list(receipt.customer),
        paid_at=receipt.paid_at,
        currency=receipt.currency,
        lines=list(_lines(receipt)),
        tax_minor=receipt.tax_minor,
        total_minor=receipt.total_minor,
        charged_minor=receipt.charged_minor,
        off_stripe_minor=receipt.off_stripe_minor,
        given_back=list(_given_back(receipt)),
        left_minor=receipt.left_minor,
        brand=receipt.brand.name if receipt.brand else "",
    )


def _lines(receipt: Receipt) -> Iterable[ShownLine]:
    for line in receipt.lines:
        yield ShownLine(
            description=line.description,
            period_start=line.period_start,
            period_end=line.period_end,
            amount_minor=line.amount_minor,
        )


def _given_back(receipt: Receipt) -> Iterable[ShownCredit]:
    for credit in receipt.credits:
        yield ShownCredit(
            kind=credit.kind,
            number=credit.number,
            at=credit.credited_at,
            amount_minor=credit.amount_minor,
            on_its_way=credit.on_its_way,
        )
