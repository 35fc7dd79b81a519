"""What can be asked about one review by who found it helpful."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class MarkHelpful(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "votes.mark_helpful"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"author_id", "teaches"})
    review_id: str
    course_id: str
    user_id: str
    author_id: str
    """Who wrote the review."""
    teaches: bool
    """Whether the user is an instructor of the course."""


class UnmarkHelpful(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "votes.unmark_helpful"
    review_id: str
    course_id: str
    user_id: str


VoteCommand = MarkHelpful | UnmarkHelpful
