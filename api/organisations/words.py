"""How people call an organisation and its classes; who may can give new names when they are erased."""

from __future__ import annotations

from api.erasable import ErasableWords

NAMES = ErasableWords("organisation_words", of="org_id", columns=("name",))
