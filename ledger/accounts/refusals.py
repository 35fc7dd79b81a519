"""Why a request about a connected account is refused."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidAccount(Invalid):
    """Something about the account is not as it can be."""

    code: ClassVar[str] = "invalid_account"
    remedy: ClassVar[str] = "Correct what `detail` names."


class CountryNotPossible(Invalid):
    """Stripe pays nobody there, or nobody whom this platform pays."""

    code: ClassVar[str] = "country_not_possible"
    remedy: ClassVar[str] = "Send the country that the owner is paid in, one of those in `detail`."


class AccountExists(Refused):
    """A user has one connected account, and this one's is there."""

    code: ClassVar[str] = "account_exists"
    remedy: ClassVar[str] = "Go on with it at `POST /api/instructor/account/onboarding`, or close it first."
    passing: ClassVar[bool] = True


class AccountInProgress(Refused):
    """The account is being made or closed at Stripe, and the outcome is not known yet."""

    code: ClassVar[str] = "account_in_progress"
    remedy: ClassVar[str] = "Wait some seconds and look at `GET /api/instructor/account`."
    passing: ClassVar[bool] = True


class NoAccount(Refused):
    """The user has no connected account that is open."""

    code: ClassVar[str] = "no_account"
    remedy: ClassVar[str] = "Open one with `POST /api/instructor/account`."
    passing: ClassVar[bool] = True


class OnboardingRefused(Refused):
    """Stripe makes no link to its onboarding for this account."""

    code: ClassVar[str] = "onboarding_refused"
    remedy: ClassVar[str] = (
        "Look at `GET /api/instructor/account`: it says what Stripe thinks of the account."
    )
    passing: ClassVar[bool] = True
