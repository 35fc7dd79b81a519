"""Makes the planned history: through the API and the sandbox, as users and Stripe would; never inserted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import aiohttp

from api.clock import SandboxClock
from api.demo import plan, subscribers
from api.demo.callers import ACCEPTED, ADMIN, CREATED, DECLINED, OK, Api, Json, Stripe
from api.demo.community import CommunityAction
from api.demo.instructors import INSTRUCTORS, AccountAction
from api.demo.licensing import Licensing
from api.demo.market import Market
from api.demo.organisations import EnterpriseAction
from api.demo.paying import PayDay, Paying
from api.demo.plan import Action, CourseAction, OfPayment, Pay, User
from api.demo.rewarding import Rewarding
from api.demo.subscribers import SUBSCRIBERS, SubscriberAction
from api.settings import Settings

SESSION = timedelta(minutes=45)
TIMEOUT = aiohttp.ClientTimeout(total=60)


class Story:
    """`tell` does one action after the other, at its time by the sandbox's clock and the service's."""

    def __init__(self, api: Api, stripe: Stripe, clock: SandboxClock, pay_day: PayDay) -> None:
        self._api, self._stripe, self._clock = api, stripe, clock
        self._cards: dict[str, str] = {}
        self._payments: dict[str, Json] = {}
        """By the plan's names."""
        self._market = Market(api)
        self._paying = Paying(api, stripe, pay_day)
        self._rewarding = Rewarding(api)
        self._licensing = Licensing(api)

    async def tell(self, actions: list[Action], advance: Callable[[int, int], None]) -> None:
        done = 0
        for together in sessions(actions):
            advance(done, len(actions))
            await self.move_to(together[0].at, frozen=True)
            await asyncio.gather(*(self._act(action) for action in together))
            done += len(together)

    async def move_to(self, moment: datetime, *, frozen: bool) -> None:
        """Both clocks; the sandbox does on the way what falls due."""
        await self._stripe.control("/clock/set", now=int(moment.timestamp()), frozen=frozen)
        self._clock.follow(moment)

    async def settled(self) -> bool:
        """Whether all that happened at Stripe is in the ledger, and what time brings to subscribers, too.
        Asked on both sides of the webhooks, as what is delivered makes new ones, and they new effects.
        """
        if not await self._api.settled() or await self._stripe.delivering():
            return False
        return await self._api.settled() and await self._as_planned()

    async def _as_planned(self) -> bool:
        for one in SUBSCRIBERS:
            found = await self._api.plan(one.user_id)
            if (found["status"] if found else "") != one.status:
                return False
        for each in INSTRUCTORS:
            account = await self._api.get("/api/instructor/account", each.user_id)
            if account["status"] != each.status:
                return False
        return True

    async def _act(self, action: Action) -> None:
        match action:
            case plan.SaveCard():
                await self._save_card(action.user)
            case plan.Pay():
                await self._pay(action)
            case OfPayment():
                await self._of_payment(action)
            case plan.PayInstructors() | plan.PayOut() | AccountAction():
                await self._paying.act(action)
            case SubscriberAction():
                await self._subscriber(action)
            case CourseAction():
                self._payments |= await self._market.act(action)
            case CommunityAction():
                await self._rewarding.act(action)
            case EnterpriseAction():
                await self._licensing.act(action)

    async def _of_payment(self, action: OfPayment) -> None:
        """What becomes of one that was made."""
        match action:
            case plan.Authenticate():
                intent = await self._intent(action.ref)
                await self._stripe.control(f"/payment_intents/{intent}/authenticate", outcome="pass")
            case plan.Refund():
                await self._refund(action)
            case plan.RefundInDashboard():
                await self._refund_in_dashboard(action)
            case plan.AnswerDispute():
                await self._answer_dispute(action)

    async def _save_card(self, user: User) -> None:
        saved = await self._api.post(
            "/api/payment-methods", user.user_id, {"payment_method": user.payment_method}, 200, CREATED
        )
        self._cards[user.user_id] = saved["payment_method"]

    async def _pay(self, action: Pay) -> None:
        user = action.user
        body = {
            "amount_minor": action.amount_minor,
            "currency": user.currency,
            "payment_method": action.payment_method or self._cards.get(user.user_id, user.payment_method),
            "description": action.description,
        }
        answer = await self._api.post(
            "/api/payments/process", user.user_id, body, CREATED, ACCEPTED, DECLINED
        )
        self._payments[action.ref] = answer.get("payment", answer)  # a decline tells of the attempt inside

    async def _refund(self, action: plan.Refund) -> None:
        payment = self._payments[action.ref]
        body: Json = {"payment_id": payment["payment_id"], "amount_minor": action.amount_minor}
        if action.note:
            body["note"] = action.note
        who = ADMIN if action.note else payment["user_id"]
        await self._api.post("/api/payments/refund", who, body, CREATED, ACCEPTED)

    async def _refund_in_dashboard(self, action: plan.RefundInDashboard) -> None:
        form = {"payment_intent": await self._intent(action.ref)}
        if action.amount_minor is not None:
            form["amount"] = str(action.amount_minor)
        await self._stripe.post("/v1/refunds", form)

    async def _answer_dispute(self, action: plan.AnswerDispute) -> None:
        found = await self._stripe.get("/v1/disputes", payment_intent=await self._intent(action.ref))
        text = "winning_evidence" if action.won else "losing_evidence"
        await self._stripe.post(
            f"/v1/disputes/{found['data'][0]['id']}", {"evidence[uncategorized_text]": text}
        )

    async def _subscriber(self, action: SubscriberAction) -> None:
        user_id = action.user_id
        match action:
            case subscribers.Subscribe(tier=tier, interval=interval, trial=trial):
                body = {"tier": tier, "interval": interval, "trial": trial}
                body["payment_method"] = subscribers.GOOD
                await self._api.post("/api/subscriptions/create", user_id, body, CREATED)
            case subscribers.ChangePlan(tier=tier):
                preview = await self._api.post("/api/subscriptions/preview", user_id, {"tier": tier}, OK)
                body = {name: preview[name] for name in ("tier", "proration_at", "expected_minor")}
                await self._api.post("/api/subscriptions/update", user_id, body, OK, method="PUT")
            case subscribers.Pause():
                await self._api.post("/api/subscriptions/pause", user_id, {}, OK)
            case subscribers.Cancel():
                await self._api.post("/api/subscriptions/cancel", user_id, {"at_once": True}, OK)
            case subscribers.CardTurns(into=into):
                found = await self._api.plan(user_id)
                assert found is not None, "it was planned so"
                await self._stripe.control(f"/payment_methods/{found['payment_method']}/turn", into=into)

    async def _intent(self, ref: str) -> str:
        """Stripe's PaymentIntent of a payment: made when it was, with our id in its metadata."""
        payment = self._payments[ref]
        made = int(datetime.fromisoformat(payment["initiated_at"]).timestamp())
        near = {"created[gte]": str(made - 60), "created[lte]": str(made + 60), "limit": "100"}
        found = await self._stripe.get("/v1/payment_intents", **near)
        wanted = payment["payment_id"]
        return next(
            str(intent["id"]) for intent in found["data"] if intent["metadata"].get("payment_id") == wanted
        )


def sessions(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """Neighbours in time that have nothing to do with each other, and so can be done at once."""
    together: list[Action] = []
    subjects: frozenset[str] = frozenset()
    for action in actions:
        touched = action.subjects
        if together and (touched & subjects or action.at - together[0].at > SESSION):
            yield together
            together, subjects = [], frozenset()
        together.append(action)
        subjects |= touched
    if together:
        yield together


@asynccontextmanager
async def storytelling(
    settings: Settings, url: str, sandbox_url: str, clock: SandboxClock, pay_day: PayDay
) -> AsyncIterator[Story]:
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        yield Story(Api(session, url, settings), Stripe(session, sandbox_url), clock, pay_day)
