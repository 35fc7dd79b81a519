"""How streams are called: by the kind of thing that they tell of, and its id."""

from __future__ import annotations

from msgspec import Struct


class StreamKind(Struct, frozen=True):
    """One kind of stream, such as `payment-pay_5be1…`. Its names are in the store, so they never change."""

    prefix: str
    """What a name begins with, before the hyphen; without one in itself."""

    def stream_of(self, subject_id: str) -> str:
        return f"{self.prefix}-{subject_id}"

    def id_of(self, stream: str) -> str:
        """Whose stream it is. For one of this kind; another's name comes back as it is."""
        return stream.removeprefix(f"{self.prefix}-")

    def has(self, stream: str) -> bool:
        return stream.startswith(f"{self.prefix}-")
