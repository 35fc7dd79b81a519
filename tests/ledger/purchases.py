"""A small ledger in memory with a Stripe of its own: one learner, one course, and whatever happens to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.coupons.decider import COUPON
from ledger.coupons.following import news_of, use_of, without_use
from ledger.coupons.state import Coupon
from ledger.coupons.stream import stream_of as coupon_stream
from ledger.domains import decider_of
from ledger.earnings.decider import EARNINGS
from ledger.earnings.following import asked as accruals
from ledger.earnings.state import Earnings
from ledger.earnings.stream import stream_of as earnings_stream
from ledger.effects import (
    CancelPaymentIntent,
    CertifyCompletion,
    CreatePaymentIntent,
    CreateRefund,
    Effect,
    EnrolmentEffect,
    FollowCompletion,
    FollowCouponUse,
    FollowEarnings,
    FollowRedeemedCourse,
    HoldCouponUse,
    NoteActivity,
    SendMail,
)
from ledger.enrolments.commands import RequestReturn, ReserveEnrolment
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.following import Unanswered, asked, instead
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.errors import Refused
from ledger.journal import postings
from ledger.message import Command, Metadata, Origin, Recorded
from ledger.payments.commands import (
    DisputeSnapshot,
    RecordPaymentSnapshot,
    RecordRefundFailure,
    RefundSnapshot,
    RequestRefund,
)
from ledger.payments.decider import PAYMENT
from ledger.payments.state import Payment
from ledger.payments.stream import id_of as payment_id_of
from ledger.payments.stream import stream_of as payment_stream
from ledger.permissions import check
from ledger.policies import reactions
from ledger.tokens.decider import TOKENS
from ledger.tokens.following import Now, completion_followed, completion_source
from ledger.tokens.state import Tokens
from ledger.tokens.stream import stream_of as tokens_stream
from tests.ledger import coupon_examples as coupons
from tests.ledger.course_examples import item
from tests.ledger.enrolment_examples import (
    ANN,
    BOB,
    enrol_redeemer,
    expire,
    request_return,
    reserve,
    revoke_redeemed,
)
from tests.ledger.examples import NOON, dispute, txn
from tests.ledger.learning_examples import certify, report, syllabus
from tests.ledger.token_examples import last_attempt

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
PERSON = Origin(actor=ANN, roles=frozenset({"student"}))
ROOT = Origin(actor="usr_root", roles=frozenset({"admin"}))
PRICE = 10000


class Intent(Struct):
    """A PaymentIntent at Stripe, with its refunds and its dispute."""

    payment_id: str
    status: str
    price: int = PRICE
    refunds: dict[str, RefundSnapshot] = {}
    dispute: DisputeSnapshot | None = None

    @property
    def left_minor(self) -> int:
        back = sum(one.amount_minor for one in self.refunds.values() if one.status != "failed")
        return (self.price if self.status == "succeeded" else 0) - back

    def entries(self) -> Iterator[BalanceTransaction]:
        if self.status == "succeeded":
            yield txn(self.payment_id, self.price)
        for one in self.refunds.values():
            yield from (each for each in (one.balance_transaction, one.failure_balance_transaction) if each)
        if self.dispute:
            yield from self.dispute.balance_transactions

    def snapshot(self, number: int) -> RecordPaymentSnapshot:
        paid = self.status == "succeeded"
        declined = self.status == "requires_payment_method"
        return RecordPaymentSnapshot(
            command_id=f"cmd_snapshot_{number}",
            effective_at=NOON,
            payment_id=self.payment_id,
            payment_intent_id=f"pi_{self.payment_id}",
            status=self.status,  # type: ignore[arg-type]  # one of those that are made here
            amount_minor=self.price,
            amount_received_minor=self.price if paid else 0,
            currency="usd",
            charge_id=f"ch_{self.payment_id}" if paid else "",
            captured_at=NOON if paid else None,
            balance_transaction=txn(self.payment_id, self.price) if paid else None,
            failure_code="card_declined" if declined else "",
            refunds=tuple(self.refunds.values()),
            disputes=(self.dispute,) if self.dispute else (),
        )


class World:
    """What waits may be done in any order, twice, and late; each method is one step."""

    def __init__(self) -> None:
        self.now: datetime = NOON
        self.facts: list[Recorded] = []
        self.done: dict[str, str] = {}
        self.effects: list[Effect] = []
        self.commands: list[tuple[Effect, Command]] = []
        """On their way to the ledger, decided on what it was like when they left."""
        self.news: list[RecordPaymentSnapshot] = []
        self.intents: dict[str, Intent] = {}
        self.count = 0
        self.items, self.revision = 3, 3
        self.redeemed: list[int] = []
        for made in coupons.MADE:
            self.handle(made, coupons.MAKER)
        self.settled: Callable[[RecordPaymentSnapshot], RecordPaymentSnapshot] = lambda one: one
        """What Stripe says as its balance has it, such as in another currency."""
        self.refuses_refunds = False
        """Stripe does, at once, as when the balance does not cover them."""

    # ------------------------------------------------------------------------------------------- ledger

    def state(self, decider: Any, stream: str) -> Any:
        return reduce(
            decider.evolve, (one.event for one in self.facts if one.stream == stream), decider.initial
        )

    @property
    def enrolment(self) -> Enrolment:
        state: Enrolment = self.state(ENROLMENT, stream_of("crs_1", ANN))
        return state

    def coupon(self, code: str) -> Coupon:
        state: Coupon = self.state(COUPON, coupon_stream(code))
        return state

    def payment(self, payment_id: str) -> Payment:
        state: Payment = self.state(PAYMENT, payment_stream(payment_id))
        return state

    def earnings(self, user_id: str, currency: str) -> Earnings:
        state: Earnings = self.state(EARNINGS, earnings_stream(user_id, currency))
        return state

    @property
    def tokens(self) -> Tokens:
        state: Tokens = self.state(TOKENS, tokens_stream(ANN))
        return state

    def handle(self, command: Command, origin: Origin = SYSTEM) -> None:
        """As the store does: once for a `command_id`. Raises `Refused`."""
        if command.command_id in self.done:
            assert self.done[command.command_id] == command.digest()
            return
        check(command, origin)
        decider = decider_of(type(command))
        stream = decider.stream(command)
        events = decider.decide(command, self.state(decider, stream))
        if events:
            self.done[command.command_id] = command.digest()
        version = sum(one.stream == stream for one in self.facts)
        metadata = Metadata(actor="test", command=command.NAME, command_digest="", effective_at=self.now)
        for event in events:
            version += 1
            position = len(self.facts) + 1
            fact = Recorded(position, stream, version, event, metadata, self.now, command.command_id)
            self.facts.append(fact)
            self.effects += (one.effect for one in reactions(fact))

    def try_to(self, command: Command, origin: Origin = PERSON) -> None:
        try:
            self.handle(command, origin)
        except Refused:
            return

    # ------------------------------------------------------------------------------------------- people

    def buy(self, price_minor: int = PRICE, coupon: str = "") -> None:
        self.count += 1
        offered: dict[str, Any] = {"price_minor": price_minor}
        if coupon:
            try:
                offered |= coupons.discounted(self.coupon(coupon), coupon, price_minor, ANN, self.now)
            except Refused:
                return
        left = price_minor - offered.get("discount_minor", 0)
        command: ReserveEnrolment = reserve(
            self.count, effective_at=self.now, offered=offered, expected_minor=left, coupon=coupon
        )
        self.try_to(command)

    def give(self, coupon: str = "") -> None:
        """Bob, to Ann; nothing of it is asked back by him."""
        self.count += 1
        offered: dict[str, Any] = {}
        if coupon:
            try:
                offered = coupons.discounted(self.coupon(coupon), coupon, PRICE, BOB, self.now)
            except Refused:
                return
        left = PRICE - offered.get("discount_minor", 0)
        given = reserve(
            self.count,
            effective_at=self.now,
            offered=offered,
            expected_minor=left,
            coupon=coupon,
            buyer_id=BOB,
            gift=True,
        )
        self.try_to(given, Origin(actor=BOB, roles=frozenset({"student"})))

    def redeem(self) -> None:
        """Tokens were spent on it, and the effect that follows is delivered."""
        self.count += 1
        self.redeemed.append(self.count)
        self.handle(replace(enrol_redeemer(self.count), effective_at=self.now))

    def cancel_redemption(self, number: int) -> None:
        """The how manyth there was: as of one whose course was had once, now or not any more."""
        self.handle(replace(revoke_redeemed(number), effective_at=self.now))

    def somebody_else_takes(self, code: str) -> None:
        """A use for a course of their own; they pay nothing, and go on to have it."""
        self.count += 1
        with suppress(Refused):
            self.handle(coupons.use_by_bob(self.coupon(code), code, self.count, self.now))

    def ask_back(self, payment_id: str = "") -> None:
        """As the route does: what the payment would refuse is refused before the enrolment is asked."""
        with suppress(Refused):
            self.return_of(payment_id or self.enrolment.payment_id)

    def return_of(self, payment_id: str) -> None:
        """Raises `Refused`."""
        self.count += 1
        wish = replace(request_return(f"re_wish_{self.count}"), payment_id=payment_id)
        if payment_id in self.intents:
            wish = replace(wish, user_id=self.payment(payment_id).user_id)
            PAYMENT.decide(refund_wish(wish), self.payment(payment_id))
        self.handle(wish, PERSON)

    def learn(self, number: int) -> None:
        """The item of that number, if the course has it."""
        self.count += 1
        items = (item(each) for each in range(self.items))
        told = report(
            f"itm_{number}",
            command_id=f"cmd_learn_{self.count}",
            syllabus=syllabus(*items, revision=self.revision),
        )
        self.try_to(replace(told, effective_at=self.now))

    def revise_course(self, items: int) -> None:
        self.items, self.revision = items, self.revision + 1

    def give_part(self, payment_id: str, amount: int, *, revoke_access: bool) -> None:
        """By an administrator."""
        self.count += 1
        command = RequestRefund(
            command_id=f"cmd_part_{self.count}",
            effective_at=self.now,
            payment_id=payment_id,
            refund_id=f"re_part_{self.count}",
            amount_minor=amount,
            reason="requested_by_customer",
            by_admin=True,
            user_id="usr_root",
            note="Half of it is broken.",
            revoke_access=revoke_access,
        )
        self.try_to(command, ROOT)

    def let_time_pass(self) -> None:
        self.now += timedelta(minutes=20)
        reservation = self.enrolment.reservation
        if reservation is not None:
            number = int(reservation.enrolment_id.removeprefix("enr_"))
            self.handle(expire(number, effective_at=self.now, command_id=f"cmd_expire_{self.now}"))

    # ------------------------------------------------------------------------------------------- worker

    def deliver(  # noqa: C901, PLR0912  one answer for each effect
        self, effect: Effect, outcome: str
    ) -> None:
        match effect:
            case CreatePaymentIntent(payment_id=payment_id):
                if payment_id not in self.intents:
                    price = self.payment(payment_id).amount_minor
                    self.intents[payment_id] = Intent(payment_id, outcome, price)
                self.look(payment_id)
            case CancelPaymentIntent(payment_id=payment_id):
                self._cancel(effect, payment_id)
            case CreateRefund(payment_id=payment_id, refund_id=refund_id):
                self._refund(payment_id, refund_id)
            case CertifyCompletion(enrolment_id=enrolment_id):
                self._certify(enrolment_id)
            case HoldCouponUse():
                self._ask(effect, use_of(effect, self.enrolment, self.now))
            case FollowCouponUse():
                self._ask(effect, news_of(effect, self.now))
            case FollowEarnings(position=position):
                fact = self.facts[position - 1]
                for command in accruals(fact, self.payment(payment_id_of(fact.stream))):
                    self._ask(effect, command)
            case FollowCompletion():
                now = Now(self.now, "enterprise", DEFAULT_CATALOGUE)
                attempt = last_attempt(completion_source("crs_1", ANN), self.facts)
                self._ask(effect, completion_followed(effect, self.enrolment, attempt, now))
            case NoteActivity() | FollowRedeemedCourse() | SendMail():
                pass
            case _:
                assert isinstance(effect, EnrolmentEffect)
                if effect.learner_id == ANN:
                    self._ask(effect, asked(effect, self.enrolment, self.now))

    def _ask(self, effect: Effect, command: Command | None) -> None:
        if command is not None:
            self.commands.append((effect, command))

    def send(self, effect: Effect, command: Command) -> None:
        if self.done.get(command.command_id, command.digest()) != command.digest():
            assert isinstance(effect, FollowCompletion), "another was first with what it is awarded for now"
            self.effects.append(effect)
            return
        try:
            self.handle(command)
        except Refused as refusal:
            if isinstance(effect, HoldCouponUse):
                self.handle(without_use(effect, refusal.code, self.now))
                return
            assert isinstance(effect, EnrolmentEffect)
            try:
                other = instead(effect, refusal.code, self.now)
            except Unanswered:
                self.effects.append(effect)
                return
            if other is not None:
                self.handle(other)

    def _certify(self, enrolment_id: str) -> None:
        command = certify(enrolment_id=enrolment_id, command_id=f"certify:{enrolment_id}")
        try:
            self.handle(command)
        except Refused:
            return

    def _cancel(self, effect: Effect, payment_id: str) -> None:
        intent = self.intents.get(payment_id)
        if intent is None:
            self.effects.append(effect)  # postponed until it is known what there is to cancel
            return
        if intent.status in {"requires_action", "requires_payment_method"}:
            intent.status = "canceled"
        self.look(payment_id)

    def _refund(self, payment_id: str, refund_id: str) -> None:
        intent, asked_for = self.intents[payment_id], self.payment(payment_id).refunds[refund_id]
        if refund_id in intent.refunds:
            return
        if self.refuses_refunds or asked_for.amount_minor > intent.left_minor or _contested(intent):
            failed = RecordRefundFailure(
                command_id=f"cmd_failed_{refund_id}",
                effective_at=self.now,
                payment_id=payment_id,
                refund_id=refund_id,
                reason="charge_disputed",
            )
            self.handle(failed)
            return
        intent.refunds = {**intent.refunds, refund_id: _pending(refund_id, asked_for.amount_minor, refund_id)}
        self.look(payment_id)

    # ------------------------------------------------------------------------------------------- Stripe

    def look(self, payment_id: str) -> None:
        """What Stripe says now, on its way to the ledger."""
        self.count += 1
        self.news.append(self.settled(self.intents[payment_id].snapshot(self.count)))

    def confirm(self, intent: Intent, *, passes: bool) -> None:
        if intent.status in {"requires_action", "requires_payment_method"}:
            intent.status = "succeeded" if passes else "requires_payment_method"
            self.look(intent.payment_id)

    def refund_outside(self, intent: Intent, amount: int) -> None:
        asked_for = any(one.status == "requested" for one in self.payment(intent.payment_id).refunds.values())
        if 0 < amount <= intent.left_minor and not asked_for and not _contested(intent):
            self.count += 1
            name = f"re_outside_{self.count}"
            intent.refunds = {**intent.refunds, name: _pending(name, amount)}
            self.look(intent.payment_id)

    def move_refunds(self, intent: Intent, *, fail: bool) -> None:
        """Those that are pending succeed; those that did may fail."""
        moved = {}
        for name, one in intent.refunds.items():
            entry = one.balance_transaction or txn(name, -one.amount_minor)
            if one.status == "pending":
                moved[name] = replace(one, status="succeeded", balance_transaction=entry)
            elif one.status == "succeeded" and fail:
                back = txn(f"{name}_back", one.amount_minor)
                moved[name] = replace(one, status="failed", failure_balance_transaction=back)
        if moved:
            intent.refunds = {**intent.refunds, **moved}
            self.look(intent.payment_id)

    def dispute(self, intent: Intent, step: str) -> None:
        """`opened`, then `lost` or `won`; a loss can be overturned."""
        now = intent.dispute
        taken, returned = txn(f"taken_{intent.payment_id}", -4000), txn(f"won_{intent.payment_id}", 4000)
        if now is None and step == "opened" and intent.status == "succeeded":
            made = dispute("needs_response", taken, amount_minor=4000)
        elif now is not None and step == "lost" and now.status == "needs_response":
            made = replace(now, status="lost")
        elif now is not None and step == "won" and now.status != "won":
            made = replace(now, status="won", balance_transactions=(taken, returned))
        else:
            return
        intent.dispute = replace(made, dispute_id=f"dp_{intent.payment_id}")
        self.look(intent.payment_id)

    # ---------------------------------------------------------------------------------------------- end

    def settle(self) -> None:
        """Time passes until nothing is under way, here or at Stripe."""
        self.refuses_refunds = False
        for _ in range(3):
            self.let_time_pass()
        for intent in self.intents.values():
            if intent.dispute and intent.dispute.status == "needs_response":
                self.dispute(intent, "lost")
        for _ in range(60):
            self._turn()
            if not (self.effects or self.commands or self.news):
                return
        raise AssertionError(f"never at rest: {self.effects}, {self.commands}")

    def catch_up(self, outcome: str) -> None:
        """All that waits here is done once, in its order; `outcome` is that of payments that begin."""
        self._effects(outcome)
        self._commands()
        self._news()

    def _turn(self) -> None:
        self.catch_up("succeeded")
        for intent in self.intents.values():
            self.move_refunds(intent, fail=False)

    def _effects(self, outcome: str) -> None:
        waiting, self.effects = self.effects, []
        for effect in waiting:
            self.deliver(effect, outcome)

    def _commands(self) -> None:
        waiting, self.commands = self.commands, []
        for effect, command in waiting:
            self.send(effect, command)

    def _news(self) -> None:
        waiting, self.news = self.news, []
        for one in waiting:
            self.handle(one)

    def balances(self) -> Counter[str]:
        total = Counter[str]()
        for fact in self.facts:
            legs = postings(fact)
            assert sum(leg.amount_minor for leg in legs) == 0
            for leg in legs:
                total[leg.account] += leg.amount_minor
        return total


def refund_wish(wish: RequestReturn) -> RequestRefund:
    """What its payment is asked on the way."""
    return RequestRefund(
        command_id=wish.command_id,
        effective_at=wish.effective_at,
        payment_id=wish.payment_id,
        refund_id=wish.refund_id,
        amount_minor=None,
        reason="requested_by_customer",
        by_admin=False,
        user_id=wish.user_id,
    )


def _contested(intent: Intent) -> bool:
    return intent.dispute is not None and intent.dispute.status == "needs_response"


def _pending(name: str, amount: int, refund_id: str = "") -> RefundSnapshot:
    return RefundSnapshot(
        stripe_refund_id=f"stripe_{name}" if refund_id else name,
        refund_id=refund_id,
        amount_minor=amount,
        currency="usd",
        status="pending",
    )
