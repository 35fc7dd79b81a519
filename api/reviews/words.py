"""What people wrote in reviews and replies. The stars stay when it is erased."""

from __future__ import annotations

from api.erasable import ErasableWords

TEXTS = ErasableWords("review_words", of="course_id", columns=("text",))
