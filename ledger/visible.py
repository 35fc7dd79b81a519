"""Whether a text says anything to who looks at it: what people write is judged by what can be seen.

A title of zero-width spaces is as empty as none, and `str.strip` takes it for one that is not.
"""

from __future__ import annotations

import unicodedata

_SEEN = frozenset("LNPS")
"""Letters, numbers, punctuation and symbols; marks are seen on one of these, the others not at all."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol by class, and drawn as nothing: the fillers of Hangul, and Braille without a dot.
https://www.unicode.org/reports/tr44/#General_Category_Values"""


def is_visible(text: str) -> bool:
    """Whether a character of it can be seen."""
    return any(unicodedata.category(each)[0] in _SEEN and each not in _BLANK for each in text)
