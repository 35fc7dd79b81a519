"""Who may send which command about a dispute's answer."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.disputes.commands import (
    ChangeEvidence,
    RecordDisputeAnswer,
    RecordDisputeAnswerFailure,
    RecordDisputeAnswerUnknown,
    RecordDisputeFile,
    RecordEvidence,
    RecordEvidenceFailure,
    RequestDisputeAnswer,
)
from ledger.message import Command
from ledger.roles import ADMINS, SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RecordDisputeFile: ADMINS,
    ChangeEvidence: ADMINS,
    RequestDisputeAnswer: ADMINS,
    RecordEvidence: SYSTEM,
    RecordEvidenceFailure: SYSTEM,
    RecordDisputeAnswer: SYSTEM,
    RecordDisputeAnswerFailure: SYSTEM,
    RecordDisputeAnswerUnknown: SYSTEM,
}
