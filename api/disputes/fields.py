"""Stripe's fields of evidence, and how much each may hold. https://docs.stripe.com/api/disputes/update"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.problems import FieldError, Unprocessable
from api.words import NO_NUL

MOST_CHARACTERS = 150_000
"""In all texts of a dispute together."""
MOST_BYTES = 4_500_000
"""In all its files together: https://docs.stripe.com/disputes/responding"""

Long = Annotated[str, Meta(max_length=20_000, pattern=NO_NUL)]
Short = Annotated[str, Meta(max_length=5_000, pattern=NO_NUL)]
File = Annotated[
    str,
    Meta(
        max_length=255,
        pattern=NO_NUL,
        description="As `POST /api/disputes/{dispute_id}/files` answered.",
        examples=["file_1Q2w3E"],
    ),
]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is, and an empty text clears a field. Texts have 150,000 characters at
    most together, and files 4.5 MB. All of it is passed on to Stripe, for the cardholder's bank, and is kept
    nowhere here.
    """

    access_activity_log: Long | None = None
    billing_address: Short | None = None
    cancellation_policy: File | None = None
    cancellation_policy_disclosure: Long | None = None
    cancellation_rebuttal: Long | None = None
    customer_communication: File | None = None
    customer_email_address: Short | None = None
    customer_name: Short | None = None
    customer_purchase_ip: Short | None = None
    customer_signature: File | None = None
    duplicate_charge_documentation: File | None = None
    duplicate_charge_explanation: Long | None = None
    duplicate_charge_id: Short | None = None
    product_description: Long | None = None
    receipt: File | None = None
    refund_policy: File | None = None
    refund_policy_disclosure: Long | None = None
    refund_refusal_explanation: Long | None = None
    service_date: Short | None = None
    service_documentation: File | None = None
    shipping_address: Short | None = None
    shipping_carrier: Short | None = None
    shipping_date: Short | None = None
    shipping_documentation: File | None = None
    shipping_tracking_number: Short | None = None
    uncategorized_file: File | None = None
    uncategorized_text: Long | None = None

    def given(self) -> dict[str, str]:
        """What the body says, by field."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


FILES = frozenset(
    {
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    }
)
"""Those of the fields that name a file."""


def check(given: Mapping[str, str], held: Mapping[str, str], sizes: Mapping[str, int]) -> None:
    """What no single field shows. `held` is what Stripe has already, and `sizes` are of the files that were
    uploaded for the dispute. Raises `Unprocessable`.
    """
    if not given:
        raise Unprocessable.at(FieldError(detail="say at least one field of the evidence", pointer=""))
    unknown = [
        FieldError(
            detail="names no file that was uploaded for this dispute; send it to its /files first",
            pointer=f"/{name}",
        )
        for name, value in given.items()
        if name in FILES and value and value not in sizes
    ]
    if unknown:
        raise Unprocessable.at(*unknown)
    together = {**held, **given}
    characters = sum(len(value) for name, value in together.items() if name not in FILES)
    if characters > MOST_CHARACTERS:
        detail = f"all texts together may have {MOST_CHARACTERS:,} characters; with this it is {characters:,}"
        raise Unprocessable.at(FieldError(detail=detail, pointer=f"/{_largest(given, files=False)}"))
    size = sum(sizes.get(file_id, 0) for file_id in {together[name] for name in FILES & together.keys()})
    if size > MOST_BYTES:
        detail = f"all files together may have {MOST_BYTES:,} bytes, and have {size:,} with this"
        raise Unprocessable.at(FieldError(detail=detail, pointer=f"/{_largest(given, files=True)}"))


def _largest(given: Mapping[str, str], *, files: bool) -> str:
    """Which field to begin with."""
    of_kind = [name for name in given if (name in FILES) is files]
    return max(of_kind, key=lambda name: len(given[name]), default="")
