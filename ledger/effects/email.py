"""Of mail: what somebody is told of, never who they are or what stands in it."""

from __future__ import annotations

from typing import Literal

import msgspec

Occasion = Literal[
    "payment_receipt",
    "payment_refunded",
    "invoice_receipt",
    "invoice_refunded",
    "payment_failed",
    "trial_ending",
    "cancellation_scheduled",
    "subscription_ended",
    "course_bought",
    "invited",
]


class SendMail(msgspec.Struct, frozen=True, tag="email.send"):
    """Tell whom it concerns, once. `about` is the id of what it is about, and `ref` tells apart what may
    happen to that more than once, so that the three name one thing that happened: the Message-ID is made of
    them.
    """

    occasion: Occasion
    about: str
    ref: str = ""
