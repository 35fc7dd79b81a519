"""How far a refund has come with all that it takes back: one pure function of the facts of both its streams.

A reversal is no process with a memory of its own. Each step is a fact that follows from another one, by
policies alone, so how it stands is read from the facts, and is right wherever the chain was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, reduce
from typing import Any, Literal

import msgspec

from ledger.coupons.decider import COUPON
from ledger.coupons.state import Coupon
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.events import EnrolmentActivated, EnrolmentRestored, EnrolmentRevoked, ReturnWithdrawn
from ledger.enrolments.learning.events import (
    CertificateIssued,
    CertificateReinstated,
    CertificateRevoked,
)
from ledger.enrolments.reviews.events import ReviewPosted, ReviewReinstated, ReviewWithdrawn
from ledger.enrolments.state import Attempt, Enrolment
from ledger.enrolments.stream import KIND as ENROLMENTS
from ledger.message import Event, Recorded
from ledger.payments.decider import PAYMENT
from ledger.payments.events import (
    RefundCanceled,
    RefundFailed,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
    SaleStandingChanged,
)
from ledger.payments.state import Payment
from ledger.payments.stream import KIND as PAYMENTS
from ledger.rewards import COMPLETED
from ledger.tokens.events import TokensAwarded, TokensClawedBack

State = Literal["done", "waiting", "undone", "kept", "not_applicable"]
Judged = tuple[State, Recorded | None]
"""With the fact that says so; none while it waits, and where there is nothing to say."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting`: it will be taken back. `undone`: that came to nothing, and what was taken is given again.
    `kept`: this refund leaves it. `not_applicable`: there is nothing of it. `at` and `position` are those of
    the fact that says so, null while there is none.
    """

    step: str
    state: State
    at: datetime | None
    position: int | None


class Story:
    """The facts of a payment, of what was sold with it and of the tokens for completing that, and the coupon
    that it was sold with, if any.
    """

    def __init__(self, refund_id: str, facts: Iterable[Recorded], coupon: Coupon = COUPON.initial) -> None:
        self.refund_id, self.coupon = refund_id, coupon
        self.its, self.caused = {"refund_id": refund_id}, {"cause_id": refund_id}
        """What facts say of themselves that are of the refund, and that follow from it."""
        self.facts = sorted(facts, key=lambda fact: fact.position)

    @cached_property
    def payment(self) -> Payment:
        facts: Any = self._events(PAYMENTS.has)
        return reduce(PAYMENT.evolve, facts, PAYMENT.initial)

    @cached_property
    def enrolment(self) -> Enrolment:
        facts: Any = self._events(ENROLMENTS.has)
        return reduce(ENROLMENT.evolve, facts, ENROLMENT.initial)

    @cached_property
    def began(self) -> int:
        """The position of the first fact that names the refund."""
        named = (one.position for one in self.facts if getattr(one.event, "refund_id", "") == self.refund_id)
        return next(named, 0)

    def last(
        self, kinds: tuple[type[Event], ...], about: Mapping[str, str], *, before: int = 0
    ) -> Recorded | None:
        """The newest fact of these kinds that says this of itself; `before` a position, if one is given."""
        for fact in reversed(self.facts):
            is_so = isinstance(fact.event, kinds) and _says(fact.event, about)
            if is_so and not (before and fact.position >= before):
                return fact
        return None

    @property
    def is_over(self) -> bool:
        """It came to nothing, be it before or after it had succeeded."""
        refund = self.payment.refunds.get(self.refund_id)
        if refund is None:
            return self.last((ReturnWithdrawn,), self.its) is not None
        return refund.status in {"failed", "canceled"}

    @property
    def takes_access(self) -> bool:
        """It did, or will unless it comes to nothing. Of several parts under way any may be the last."""
        if self.last((SaleStandingChanged,), {"standing": "given_back", **self.caused}) is not None:
            return True
        payment, refund = self.payment, self.payment.refunds.get(self.refund_id)
        if refund is None:
            return True  # a return, which its payment has not heard of yet
        all_of_it = payment.refunded_minor >= payment.captured_minor > 0
        whole = refund.is_return and payment.refundable_minor == 0
        return refund.status != "succeeded" and (refund.revokes or whole or all_of_it)

    def _events(self, is_of: Callable[[str], bool]) -> Iterable[Event]:
        return (fact.event for fact in self.facts if is_of(fact.stream))


class Rule(msgspec.Struct, frozen=True):
    name: str
    judge: Callable[[Story], Judged]


def steps_of(story: Story) -> list[Step]:
    """Of refund `refund_id`, in the order in which they are told."""
    found = []
    for rule in RULES:
        state, fact = rule.judge(story)
        at = fact.metadata.effective_at if fact else None
        found.append(Step(step=rule.name, state=state, at=at, position=fact.position if fact else None))
    return found


def access_of(story: Story) -> State:
    """The step that a caller asks about first: whether the course is kept."""
    return _access(story)[0]


def _money(story: Story) -> Judged:
    if story.is_over:
        ends = (RefundFailed, RefundCanceled, ReturnWithdrawn)
        return "undone", story.last(ends, story.its)
    done = story.last((RefundSucceeded,), story.its)
    return ("done", done) if done else ("waiting", None)


def _share(story: Story) -> Judged:
    """The instructors' part in the books: they say it themselves, when Stripe's balance moves."""
    sale = story.payment.sale
    if sale is None or not sale.share_bp:
        return "not_applicable", None
    taken = story.last((RefundSettled,), story.its)
    back = story.last((RefundReversed,), story.its)
    if taken is None:
        return ("kept" if story.is_over else "waiting"), None
    return ("undone", back) if back else ("done", taken)


def with_access(given: type[Event], taken: type[Event], back: type[Event]) -> Callable[[Story], Judged]:
    """A step that is one decision with the access: what the enrolment lost when this refund revoked it, and
    had again when that was undone.
    """
    kinds = (given, taken, back)

    def judge(story: Story) -> Judged:
        revoked = story.last((EnrolmentRevoked,), story.caused)
        lost = _beside(story, taken, revoked) if revoked else None
        if lost is not None and revoked is not None:
            restored = _restored_after(story, revoked)
            again = _beside(story, back, restored) if restored else None
            return ("undone", again) if again else ("done", lost)
        now, then = story.last(kinds, {}), story.last(kinds, {}, before=story.began)
        there, was_there = (fact is not None and not isinstance(fact.event, taken) for fact in (now, then))
        if _gave_no_access(story) or not (there or was_there):
            return "not_applicable", None
        at_stake = there and not story.enrolment.is_live_by_another(story.payment.payment_id)
        return ("waiting" if at_stake and story.takes_access and not story.is_over else "kept"), None

    return judge


def _beside(story: Story, kind: type[Event], cause: Recorded) -> Recorded | None:
    """The fact of a `kind` that was recorded together with the one by which the access went, or came back."""
    together = (fact for fact in story.facts if fact.command_id == cause.command_id)
    return next((fact for fact in together if isinstance(fact.event, kind)), None)


def _restored_after(story: Story, revoked: Recorded) -> Recorded | None:
    """Whatever failed: where several refunds stood for it, the last to fail gives the access again."""
    restorations = (
        fact
        for fact in story.facts
        if isinstance(fact.event, EnrolmentRestored) and fact.event.payment_id == story.payment.payment_id
    )
    return next((fact for fact in restorations if fact.position > revoked.position), None)


def _gave_no_access(story: Story) -> bool:
    """No sale of a course, or one that was paid twice: this payment is the one too many."""
    attempt = _attempt(story)
    return not attempt.enrolment_id or attempt.surplus


def _attempt(story: Story) -> Attempt:
    return story.enrolment.attempts.get(story.payment.payment_id, Attempt())


def _coupon(story: Story) -> Judged:
    """Its use follows the access, and so does what is told of it, once the coupon has heard of it."""
    use = story.coupon.uses.get(_attempt(story).enrolment_id)
    access, fact = _access(story)
    if use is None or fact is None:
        return ("not_applicable" if use is None else access), None
    follows = use.as_of >= fact.version
    return (access, fact) if follows else ("waiting", None)


def _tokens(story: Story) -> Judged:
    """What the completion earned follows the access in its learner's own stream, a moment later."""
    awards = _awards(story)
    if _gave_no_access(story) or not awards:
        return "not_applicable", None
    revoked = story.last((EnrolmentRevoked,), story.caused)
    if revoked is not None:
        return _taken_with(story, awards, revoked)
    there = _reversed(story, awards[-1]) is None
    was_there = any(_stood(story, award, story.began) for award in awards)
    if not (there or was_there):
        return "not_applicable", None
    at_stake = there and not story.enrolment.is_live_by_another(story.payment.payment_id)
    return ("waiting" if at_stake and story.takes_access and not story.is_over else "kept"), None


def _taken_with(story: Story, awards: Sequence[Recorded], revoked: Recorded) -> Judged:
    """As the access went. Where it came back before anybody had looked, nothing was taken."""
    restored = _restored_after(story, revoked)
    taken = next((back for award in awards if (back := _reversed(story, award, revoked.position))), None)
    if restored is None:
        taken = taken or _reversed(story, awards[-1])
        return ("done", taken) if taken else ("waiting", None)
    if taken is None or taken.position > restored.position:
        return "kept", None
    again = next((award for award in awards if award.position > restored.position), None)
    return ("undone", again) if again else ("done", taken)


def _awards(story: Story) -> list[Recorded]:
    """For completing what this payment bought, the first one first."""
    about = {"rule": COMPLETED, "cause_id": _attempt(story).enrolment_id}
    return [one for one in story.facts if isinstance(one.event, TokensAwarded) and _says(one.event, about)]


def _reversed(story: Story, award: Recorded, after: int = 0) -> Recorded | None:
    assert isinstance(award.event, TokensAwarded)
    back = story.last((TokensClawedBack,), {"lot_id": award.event.lot_id})
    return back if back and back.position > after else None


def _stood(story: Story, award: Recorded, at: int) -> bool:
    """Whether it was an award as of that position."""
    back = _reversed(story, award)
    return award.position < at and (back is None or back.position > at)


def _says(event: Event, about: Mapping[str, str]) -> bool:
    return all(getattr(event, name, None) == value for name, value in about.items())


_access = with_access(EnrolmentActivated, EnrolmentRevoked, EnrolmentRestored)

RULES: tuple[Rule, ...] = (
    Rule("money", _money),
    Rule("access", _access),
    Rule("review", with_access(ReviewPosted, ReviewWithdrawn, ReviewReinstated)),
    Rule("certificate", with_access(CertificateIssued, CertificateRevoked, CertificateReinstated)),
    Rule("coupon", _coupon),
    Rule("share", _share),
    Rule("tokens", _tokens),
)
"""In the order in which they are told. What goes with access is `with_access`, by its own three facts."""
