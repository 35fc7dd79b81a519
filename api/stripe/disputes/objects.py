"""What of a dispute is read to answer it: how it stands, and which evidence Stripe has."""

from __future__ import annotations

from typing import Any

import msgspec

from api.stripe.objects import instant
from ledger.disputes.commands import Standing

EVIDENCE_ID = "evidence_id"
ANSWER_ID = "answer_id"
"""How a dispute's metadata call our ids: of the last change of evidence, and of the answer."""


class Details(msgspec.Struct, frozen=True, kw_only=True):
    due_by: int | None = None
    """0 where the bank takes no evidence."""
    has_evidence: bool = False
    past_due: bool = False
    submission_count: int = 0


class DisputeCase(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/disputes/object"""

    id: str
    status: str
    evidence: dict[str, Any] = {}
    evidence_details: Details = Details()
    metadata: dict[str, str] | None = None

    @property
    def standing(self) -> Standing:
        details, names = self.evidence_details, self.metadata or {}
        return Standing(
            status=self.status,
            due_at=instant(details.due_by) if details.due_by else None,
            has_evidence=details.has_evidence,
            evidence_id=names.get(EVIDENCE_ID, ""),
            answer_id=names.get(ANSWER_ID, ""),
        )

    @property
    def given(self) -> dict[str, str]:
        """What Stripe has of our fields: the texts, and the ids of files."""
        return {name: value for name, value in self.evidence.items() if value and isinstance(value, str)}


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/files/object"""

    id: str
    size: int
