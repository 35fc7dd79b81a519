"""What happens in the demonstration's history: the same for the same seed, scale and time. No I/O."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

DAYS = 150
PAYMENTS = 270
INSTRUCTORS_CURRENCY = "usd"
USERS = 36
FIRST_USER = "usr_1001"
"""The one whose credential is printed; has US dollars and a plain card."""

# Price in US cents, and how often it is bought.
GOODS = (
    ("Linear algebra, self-paced", 4_900, 5),
    ("Statistics with R", 7_900, 4),
    ("Watercolour for beginners", 2_900, 6),
    ("Spanish A2, twelve weeks", 3_900, 6),
    ("Sound design", 5_900, 3),
    ("Machine learning in practice", 14_900, 3),
    ("Bookkeeping certificate", 19_900, 2),
    ("Pro plan, one month", 999, 9),
    ("Pro plan, one year", 9_990, 2),
    ("Seats for a team of ten", 49_500, 1),
)
# Share of the users, and price per mille of the one in US cents; in minor units, so fils for dinars.
CURRENCIES = {
    "usd": (14, 1_000),
    "eur": (9, 950),
    "gbp": (5, 800),
    "jpy": (4, 1_500),
    "kwd": (2, 3_100),
    "chf": (2, 900),
}
CARDS = ("visa", "visa", "visa_debit", "mastercard", "mastercard_debit", "amex")
DECLINES = (
    *("visa_chargeDeclinedInsufficientFunds",) * 6,
    *("visa_chargeDeclined",) * 4,
    *("chargeDeclinedExpiredCard",) * 3,
    *("chargeDeclinedIncorrectCvc",) * 3,
    *("chargeDeclinedProcessingError",) * 2,
    "visa_chargeDeclinedLostCard",
    "visa_chargeDeclinedStolenCard",
    "visa_chargeDeclinedVelocityLimitExceeded",
)
# Out of a hundred
GIVEN_BACK, GIVEN_BACK_IN_PART, GIVEN_BACK_LATE = range(5), range(5, 9), range(9, 11)
TRIED_AGAIN = range(70)
NOTES = ("Goodwill after a complaint", "Charged twice, found in review", "Course was withdrawn")


class User(msgspec.Struct, frozen=True):
    user_id: str
    currency: str
    payment_method: str


class Action(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime

    @property
    def subjects(self) -> frozenset[str]:
        """What it has to do with: of two actions that share one, the second waits for the first."""
        return frozenset()


class CourseAction(Action, frozen=True, kw_only=True):
    """Of the market: see `api/demo/market.py`."""


class SaveCard(Action, frozen=True, kw_only=True):
    """From then on the user pays with it."""

    user: User

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.user.user_id})


class OfPayment(Action, frozen=True, kw_only=True):
    """`ref` names the payment."""

    ref: str

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.ref})


class Pay(OfPayment, frozen=True, kw_only=True):
    user: User
    amount_minor: int
    description: str
    payment_method: str = ""
    """Another card than the user's own, such as one that is declined."""

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.ref, self.user.user_id})


class Authenticate(OfPayment, frozen=True, kw_only=True):
    """The cardholder confirms it on the bank's page."""


class Refund(OfPayment, frozen=True, kw_only=True):
    """`amount_minor` None gives back all that is left; with `note` an admin does it."""

    amount_minor: int | None = None
    note: str = ""


class RefundInDashboard(OfPayment, frozen=True, kw_only=True):
    """Made at Stripe, behind the service's back."""

    amount_minor: int | None = None


class AnswerDispute(OfPayment, frozen=True, kw_only=True):
    won: bool


class PayInstructors(Action, frozen=True, kw_only=True):
    """A run of payouts, as the worker does it; before the platform pays itself."""

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({INSTRUCTORS_CURRENCY})


class PayOut(Action, frozen=True, kw_only=True):
    """Everything that is available in the currency and not owed to instructors, if anything is."""

    currency: str

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.currency})


def plan(seed: int, scale: float, end: datetime) -> list[Action]:
    """In the order of time, the last one some minutes before `end`."""
    return sorted(_Planner(seed, scale, end).actions(), key=lambda action: action.at)


class _Planner:
    def __init__(self, seed: int, scale: float, end: datetime) -> None:
        self._lot = random.Random(seed)  # noqa: S311  repeatable, no secret
        self._end = end
        self._start = end - timedelta(days=DAYS)
        self._payments = max(4, round(PAYMENTS * scale))
        self._users = self._make_users(max(3, round(USERS * min(1.0, scale * 2))))
        self._count = 0

    def actions(self) -> Iterator[Action]:
        yield from self._cards()
        yield from self._purchases()
        yield from self._declines(max(2, round(len(DECLINES) * self._payments / PAYMENTS)))
        yield from self._authentications()
        yield from self._refunds()
        yield from self._disputes()
        yield from self._payouts()

    def _make_users(self, count: int) -> list[User]:
        currencies = [name for name, (share, _) in CURRENCIES.items() for _ in range(share)]
        self._lot.shuffle(currencies)
        users = [User(FIRST_USER, "usd", "pm_card_visa")]
        for number in range(1, count):
            currency = currencies[number % len(currencies)]
            card = "jcb" if currency == "jpy" else self._lot.choice(CARDS)
            users.append(User(f"usr_{1001 + number}", currency, f"pm_card_{card}"))
        return users

    def _cards(self) -> Iterator[Action]:
        for user in self._users[::3]:
            yield SaveCard(at=self._start + timedelta(minutes=self._lot.randrange(1, 600)), user=user)

    def _purchases(self) -> Iterator[Action]:
        """More from month to month; some of it is given back."""
        for _ in range(self._payments):
            at = self._moment(self._lot.random() ** 0.7)
            pay = self._pay(at, self._user())
            yield pay
            yield from self._regret(pay)

    def _regret(self, pay: Pay) -> Iterator[Action]:
        lot = self._lot.randrange(100)
        partly = pay.amount_minor // 20 * 10  # half, in tens: dinars are settled so
        if lot in GIVEN_BACK:
            yield from self._past(Refund(at=self._later(pay, 1, 20), ref=pay.ref))
        elif lot in GIVEN_BACK_IN_PART:
            yield from self._past(Refund(at=self._later(pay, 1, 25), ref=pay.ref, amount_minor=partly))
        elif lot in GIVEN_BACK_LATE:
            note = self._lot.choice(NOTES)
            yield from self._past(
                Refund(at=self._later(pay, 31, 60), ref=pay.ref, amount_minor=partly, note=note)
            )

    def _declines(self, count: int) -> Iterator[Action]:
        """Most try again with their own card some minutes later."""
        for number in range(count):
            card = DECLINES[number % len(DECLINES)]
            pay = self._pay(self._moment(self._lot.random()), self._user(), f"pm_card_{card}")
            yield pay
            if self._lot.randrange(100) in TRIED_AGAIN:
                again = pay.at + timedelta(minutes=self._lot.randrange(1, 6))
                yield msgspec.structs.replace(pay, at=again, ref=self._ref(), payment_method="")

    def _authentications(self) -> Iterator[Action]:
        for day in (DAYS // 4, DAYS // 2):
            pay = self._special(day, "authenticationRequired")
            yield pay
            yield Authenticate(at=pay.at + timedelta(minutes=2), ref=pay.ref)
        yield msgspec.structs.replace(
            self._special(DAYS - 1, "authenticationRequired"), at=self._end - timedelta(hours=3)
        )

    def _refunds(self) -> Iterator[Action]:
        failing = self._special(DAYS // 3, "refundFail")
        yield failing
        yield Refund(at=failing.at + timedelta(days=4), ref=failing.ref)
        pending = self._special(DAYS - 6, "pendingRefund")
        yield pending
        yield Refund(at=self._end - timedelta(hours=7), ref=pending.ref)
        for day, part in ((DAYS // 2, None), (2 * DAYS // 3, 500)):
            pay = self._special(day, "visa")
            yield pay
            yield RefundInDashboard(at=pay.at + timedelta(days=3), ref=pay.ref, amount_minor=part)

    def _disputes(self) -> Iterator[Action]:
        for day, card, won in (
            (DAYS // 5, "createDispute", True),
            (DAYS // 2, "createDispute", False),
            (3 * DAYS // 5, "createDisputeProductNotReceived", False),
        ):
            pay = self._special(day, card)
            yield pay
            yield AnswerDispute(at=pay.at + timedelta(days=6), ref=pay.ref, won=won)
        yield self._special(DAYS - 4, "createDisputeProductNotReceived")

    def _payouts(self) -> Iterator[Action]:
        """Fridays in dollars, once a month in the rest."""
        for day in range(1, DAYS):
            at = self._noon(day)
            if at.weekday() == 4:  # noqa: PLR2004  Friday
                yield PayInstructors(at=at)
                yield PayOut(at=at, currency=INSTRUCTORS_CURRENCY)
            if at.day == 28:  # noqa: PLR2004  in every month
                yield from (
                    PayOut(at=at, currency=currency)
                    for currency in CURRENCIES
                    if currency != INSTRUCTORS_CURRENCY
                )

    def _special(self, day: int, card: str) -> Pay:
        """Something that happens once, to a user with dollars, around noon."""
        dollars = [user for user in self._users if user.currency == "usd"]
        return self._pay(self._noon(day), self._lot.choice(dollars), f"pm_card_{card}")

    def _pay(self, at: datetime, user: User, payment_method: str = "") -> Pay:
        description, cents, _ = self._lot.choices(GOODS, [often for *_, often in GOODS])[0]
        amount = cents * CURRENCIES[user.currency][1] // 10_000 * 10
        return Pay(
            at=at,
            ref=self._ref(),
            user=user,
            amount_minor=amount,
            description=description,
            payment_method=payment_method,
        )

    def _ref(self) -> str:
        self._count += 1
        return f"p{self._count:04}"

    def _user(self) -> User:
        """The first ones buy most."""
        return self._users[int(len(self._users) * self._lot.random() ** 1.5)]

    def _moment(self, part: float) -> datetime:
        """In the given part of the time, between 6 and 22 o'clock, never in the last two hours."""
        at = self._start + timedelta(days=1 + part * (DAYS - 2))
        at = at.replace(
            hour=6 + self._lot.randrange(16), minute=self._lot.randrange(60), second=self._lot.randrange(60)
        )
        return min(at, self._end - timedelta(hours=2))

    def _noon(self, day: int) -> datetime:
        at = (self._start + timedelta(days=day)).replace(hour=12, minute=0, second=0)
        return at + timedelta(minutes=self._lot.randrange(-90, 90), seconds=self._lot.randrange(60))

    def _later(self, pay: Pay, fewest_days: int, most_days: int) -> datetime:
        return pay.at + timedelta(days=self._lot.randrange(fewest_days, most_days), hours=1)

    def _past(self, action: Action) -> Iterator[Action]:
        if action.at < self._end - timedelta(hours=1):
            yield action
