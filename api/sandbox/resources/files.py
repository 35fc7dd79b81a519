"""Files. https://docs.stripe.com/api/files and https://docs.stripe.com/file-upload

What is in a file is looked at as it comes, and not kept: it can be named in evidence, and not downloaded.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Text, given, retrieve
from api.sandbox.transaction import Transaction

EVIDENCE = "dispute_evidence"
LARGEST = 5 * 1024 * 1024
KEPT_S = 270 * 86_400
"""Nine months, after which Stripe forgets evidence."""
_NO_LINKS = {"object": "list", "data": [], "has_more": False}
_BEGINNINGS = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a multipart body that has a file name."""

    filename: str
    content: bytes


class Create(Params, frozen=True, kw_only=True):
    purpose: Literal["dispute_evidence"]
    file: Upload | UnsetType = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    purpose: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    if not isinstance(params.file, Upload):
        raise invalid("Missing required param: file.", code="parameter_missing", param="file")
    content = params.file.content
    kind = next((kind for beginning, kind in _BEGINNINGS if content.startswith(beginning)), None)
    if kind is None:
        raise invalid("Invalid file: evidence must be a PDF, JPEG or PNG file.", param="file")
    if len(content) > LARGEST:
        raise invalid("The file is too large: evidence may have 5 MB at most.", param="file")
    file_id = tx.new_id("file_")
    return tx.add(
        {
            "id": file_id,
            "object": "file",
            "created": tx.now,
            "expires_at": tx.now + KEPT_S,
            "filename": params.file.filename,
            "links": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/file_links?file={file_id}",
            },
            "purpose": params.purpose,
            "size": len(content),
            "title": None,
            "type": kind,
            "url": f"https://files.stripe.com/v1/files/{file_id}/contents",
        }
    )


def check_evidence(tx: Transaction, file_id: str, param: str) -> None:
    """Raises StripeError unless it is a file that evidence can name."""
    if tx.get("file", file_id, param=param)["purpose"] != EVIDENCE:
        raise invalid(f"The file {file_id} was not uploaded as dispute_evidence.", param=param)


def listing(tx: Transaction, params: Listing) -> Object:
    purpose = given(params.purpose)
    return page(tx, "file", "/v1/files", params, link=("file.purpose", purpose) if purpose else None)


RESOURCE = Resource(
    kind="file",
    routes=(
        Route("POST", "/v1/files", create, Create),
        Route("GET", "/v1/files", listing, Listing),
        retrieve("file", "/v1/files/{id}", "file"),
    ),
    linked=("purpose",),
)
