"""Why a request about a subscription is refused; each `code` is stable, each detail says what to do.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class UnknownTier(Invalid):
    code: ClassVar[str] = "unknown_tier"


class InvalidPrice(Invalid):
    code: ClassVar[str] = "invalid_price"


class InvalidTrial(Invalid):
    code: ClassVar[str] = "invalid_trial"


class InvalidText(Invalid):
    code: ClassVar[str] = "invalid_text"


class PreviewRequired(Invalid):
    code: ClassVar[str] = "preview_required"


class PreviewExpired(Refused):
    code: ClassVar[str] = "preview_expired"


class PreviewMismatch(Refused):
    code: ClassVar[str] = "preview_mismatch"


class SubscriptionExists(Refused):
    code: ClassVar[str] = "subscription_exists"


class SubscriptionEnded(Refused):
    code: ClassVar[str] = "subscription_ended"


class SubscriptionNotActive(Refused):
    code: ClassVar[str] = "subscription_not_active"


class TrialUsed(Refused):
    code: ClassVar[str] = "trial_used"


class RequestInProgress(Refused):
    code: ClassVar[str] = "request_in_progress"


class SamePlan(Refused):
    code: ClassVar[str] = "same_plan"


class IntervalChange(Refused):
    code: ClassVar[str] = "interval_change"


class CancellationPending(Refused):
    code: ClassVar[str] = "cancellation_pending"


class NotCanceling(Refused):
    code: ClassVar[str] = "not_canceling"


class NotPaused(Refused):
    code: ClassVar[str] = "not_paused"


class CurrencyMismatch(Refused):
    code: ClassVar[str] = "currency_mismatch"
