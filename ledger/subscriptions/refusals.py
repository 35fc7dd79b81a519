"""Why a request about a subscription is refused; each `code` is stable, each detail says what to do in
the one case, and `remedy` in any.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class UnknownTier(Invalid):
    """There is no such plan, or it is the free one, which needs no subscription."""

    code: ClassVar[str] = "unknown_tier"
    remedy: ClassVar[str] = "Choose a plan of `GET /api/plans`; to go back to free, cancel."


class InvalidPrice(Invalid):
    """The plan has no price that can be charged in this currency."""

    code: ClassVar[str] = "invalid_price"
    remedy: ClassVar[str] = (
        "Choose a currency of `GET /api/plans`; if it is listed there, the catalogue is to be corrected."
    )


class InvalidTrial(Invalid):
    """The plan's trial is longer than one can be."""

    code: ClassVar[str] = "invalid_trial"
    remedy: ClassVar[str] = "Correct `trial_days` in the catalogue."


class InvalidText(Invalid):
    """An id is empty, or a text is too long or holds the character NUL."""

    code: ClassVar[str] = "invalid_text"
    remedy: ClassVar[str] = "Shorten or correct the field that `detail` names."


class PromotionCodeUnknown(Invalid):
    """There is no such promotion code."""

    code: ClassVar[str] = "promotion_code_unknown"
    remedy: ClassVar[str] = "Correct `promotion_code`, or leave it out."


class PromotionCodeOver(Invalid):
    """The promotion code, or the coupon that it gives, has expired or was taken back."""

    code: ClassVar[str] = "promotion_code_over"
    remedy: ClassVar[str] = "Leave `promotion_code` out, or send another."


class PromotionCodeUsedUp(Invalid):
    """The promotion code was used as often as it can be."""

    code: ClassVar[str] = "promotion_code_used_up"
    remedy: ClassVar[str] = "Leave `promotion_code` out, or send another."


class PromotionCodeNotForPlan(Invalid):
    """The promotion code takes nothing of this plan, or not at this price or in this currency."""

    code: ClassVar[str] = "promotion_code_not_for_plan"
    remedy: ClassVar[str] = "Choose the plan that it is for, or leave `promotion_code` out."


class PromotionCodeNotForUser(Invalid):
    """The promotion code is for another customer."""

    code: ClassVar[str] = "promotion_code_not_for_user"
    remedy: ClassVar[str] = "Leave `promotion_code` out, or send another."


class PromotionCodeRefused(Refused):
    """Stripe did not make the subscription, as the promotion code could not be redeemed for it."""

    code: ClassVar[str] = "promotion_code_refused"
    remedy: ClassVar[str] = "Subscribe anew, with a new `Idempotency-Key`, without the code or with another."
    passing: ClassVar[bool] = False


class PreviewRequired(Invalid):
    """An upgrade is charged at once, and what it charges was not confirmed."""

    code: ClassVar[str] = "preview_required"
    remedy: ClassVar[str] = (
        "Ask `POST /api/subscriptions/preview` and send its `proration_at` and `expected_minor` along."
    )


class PreviewExpired(Refused):
    """The preview is too old, or of an earlier period."""

    code: ClassVar[str] = "preview_expired"
    remedy: ClassVar[str] = "Ask for a new preview and confirm that one."
    passing: ClassVar[bool] = True


class PreviewMismatch(Refused):
    """The change would charge another amount than the one confirmed."""

    code: ClassVar[str] = "preview_mismatch"
    remedy: ClassVar[str] = (
        "Ask for a new preview, show it, and confirm that one. When the preview itself is refused again, "
        "tell who runs the service: `detail` says what differs."
    )
    passing: ClassVar[bool] = True


class SubscriptionExists(Refused):
    """The user has a subscription already, and can have one only."""

    code: ClassVar[str] = "subscription_exists"
    remedy: ClassVar[str] = "Change its plan, or finish or cancel it first; `detail` says which."
    passing: ClassVar[bool] = True


class SubscriptionEnded(Refused):
    """The subscription is over, so nothing can be asked of it."""

    code: ClassVar[str] = "subscription_ended"
    remedy: ClassVar[str] = "Subscribe anew with `POST /api/subscriptions/create`."
    passing: ClassVar[bool] = False


class SubscriptionNotActive(Refused):
    """The subscription's status does not allow it."""

    code: ClassVar[str] = "subscription_not_active"
    remedy: ClassVar[str] = "Bring it into the status that `detail` names first: pay, confirm or resume it."
    passing: ClassVar[bool] = True


class TrialUsed(Refused):
    """The user has had a trial, and there is one for each."""

    code: ClassVar[str] = "trial_used"
    remedy: ClassVar[str] = "Subscribe without `trial`."
    passing: ClassVar[bool] = False


class TrialUsedWithCard(Refused):
    """A trial was begun with this card, maybe on another account, and there is one for each."""

    code: ClassVar[str] = "trial_used_with_card"
    remedy: ClassVar[str] = "Subscribe without `trial`, or with another card."
    passing: ClassVar[bool] = True


class RequestInProgress(Refused):
    """An earlier request for this subscription is on its way to Stripe."""

    code: ClassVar[str] = "request_in_progress"
    remedy: ClassVar[str] = "Wait until its outcome is known, and ask again."
    passing: ClassVar[bool] = True


class SamePlan(Refused):
    """The subscription has this plan, or is changing to it already."""

    code: ClassVar[str] = "same_plan"
    remedy: ClassVar[str] = "Nothing is to be done, or choose another plan."
    passing: ClassVar[bool] = False


class IntervalChange(Refused):
    """A lesser plan cannot begin with another interval."""

    code: ClassVar[str] = "interval_change"
    remedy: ClassVar[str] = "Cancel for the end of the period and subscribe anew then."
    passing: ClassVar[bool] = True


class BilledOtherwise(Refused):
    """What Stripe bills for this subscription was changed there so that it is none of our plans."""

    code: ClassVar[str] = "billed_otherwise"
    remedy: ClassVar[str] = (
        "Ask support. Administrators read in the subscription's `not_followed` what is to be corrected."
    )
    passing: ClassVar[bool] = True


class CancellationPending(Refused):
    """The subscription ends with its period."""

    code: ClassVar[str] = "cancellation_pending"
    remedy: ClassVar[str] = "Withdraw that first with `POST /api/subscriptions/resume`."
    passing: ClassVar[bool] = True


class NotCanceling(Refused):
    """No cancellation is scheduled that could be withdrawn."""

    code: ClassVar[str] = "not_canceling"
    remedy: ClassVar[str] = "Nothing is to be done: the subscription goes on."
    passing: ClassVar[bool] = False


class NotPaused(Refused):
    """The subscription is not paused."""

    code: ClassVar[str] = "not_paused"
    remedy: ClassVar[str] = "Nothing is to be done, unless its `status` needs another step."
    passing: ClassVar[bool] = False


class CurrencyMismatch(Refused):
    """A subscription is billed in one currency, and the plan was asked for in another."""

    code: ClassVar[str] = "currency_mismatch"
    remedy: ClassVar[str] = "Choose a price in the currency that `detail` names."
    passing: ClassVar[bool] = True
