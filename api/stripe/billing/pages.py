"""A subscription that is begun on a page of Stripe's: open the page, find out what became of it, end it.

The subscription carries our ids as any other one does, so that its webhooks are followed as they are.
"""

from __future__ import annotations

from typing import Any, ClassVar

from stripe.params.checkout import SessionCreateParams

from api.stripe.billing import catalogue, create
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.create import metadata_of
from api.stripe.billing.record import look_and_record, subscription_of
from api.stripe.delivery import Delivered, Postponed, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import CheckoutSession, id_of
from api.stripe.payments.hosted import PageRequest, ended, moment_of, shown_on
from api.stripe.request import asking_in
from ledger.effects import EndSubscriptionPage, OpenSubscriptionPage, ResolveSubscription
from ledger.ids import new_id
from ledger.message import Event, Origin, Outcome, Recorded
from ledger.subscriptions.commands import (
    RecordSubscriptionFailure,
    RecordSubscriptionPage,
    RecordSubscriptionUnknown,
)
from ledger.subscriptions.events import SubscriptionRequested
from ledger.subscriptions.state import UNANSWERED
from ledger.subscriptions.stream import stream_of


async def open_page(
    tools: Tools, effect: OpenSubscriptionPage, origin: Origin, cause: Recorded | None
) -> Delivered:
    """The first call. An unclear answer is recorded as such, which asks for `resolve`."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or known.status != "requested" or known.session_id:
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(
    tools: Tools, effect: ResolveSubscription, origin: Origin, cause: Recorded | None
) -> Delivered:
    """What became of a creation whose first call was unclear, be it by a page or not."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or known.page_ends_at is None:
        return await create.resolve(tools, effect, origin, cause)
    if known.status != "unknown":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def end_page(tools: Tools, effect: EndSubscriptionPage, origin: Origin) -> Delivered:
    """Whoever has it open is told that it is over. One that was begun meanwhile is recorded as that."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or known.status not in UNANSWERED:
        return Delivered()
    if not known.session_id:
        raise Postponed("what became of the first call for this page is not known yet")
    session = await ended(tools, known.session_id)
    ids = (effect.user_id, effect.subscription_id)
    outcomes = await record_page(tools, ids, session, recorder(origin, session.id))
    return Delivered(outcomes[-1])


async def record_page(
    tools: Tools, ids: tuple[str, str], session: CheckoutSession, origin: Origin
) -> list[Outcome]:
    """Of that user and subscription; what was begun there first, as it outranks whatever the page says."""
    outcomes: list[Outcome] = []
    if stripe_subscription_id := id_of(session.subscription):
        recorded = await look_and_record(tools, stripe_subscription_id, origin, with_latest=True)
        outcomes = [*recorded.invoices, recorded.outcome]
    user_id, subscription_id = ids
    command = RecordSubscriptionPage(
        command_id=new_id("cmd"),
        effective_at=moment_of(tools, session),
        user_id=user_id,
        subscription_id=subscription_id,
        session_id=session.id,
        status=session.status,
    )
    return [*outcomes, await tools.store.handle(command, origin)]


async def _request(
    tools: Tools,
    effect: OpenSubscriptionPage | ResolveSubscription,
    origin: Origin,
    cause: Recorded | None,
) -> _PageRequest:
    def wish_of(event: Event) -> SubscriptionRequested | None:
        match event:
            case SubscriptionRequested() if event.subscription_id == effect.subscription_id:
                return event
            case _:
                return None

    asking = await asking_in(tools.store, stream_of(effect.user_id), cause, wish_of)
    return _PageRequest(tools, asking, origin)


class _PageRequest(PageRequest[SubscriptionRequested]):
    named: ClassVar[str] = "subscription_id"

    @property
    def our_id(self) -> str:
        return self.wish.subscription_id

    async def parameters(self) -> SessionCreateParams:
        wish = self.wish
        plan = Plan(wish.tier, wish.interval, wish.currency, wish.price_minor)
        price_id = await catalogue.price_id(self.tools, plan)
        return parameters(wish, price_id, self.tools.store.ledger_id)

    async def record(self, answer: CheckoutSession, /) -> Delivered:
        ids = (self.wish.user_id, self.our_id)
        outcomes = await record_page(self.tools, ids, answer, recorder(self.origin, answer.id))
        return Delivered(outcomes[-1], next_action_url=answer.url or "")

    async def is_unknown(self) -> bool:
        known = await subscription_of(self.tools, self.wish.user_id, self.our_id)
        return known is not None and known.status == "unknown"

    def unknown(self, cause: str) -> RecordSubscriptionUnknown:
        return RecordSubscriptionUnknown(**self._of_request(), cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        return await self.handle(RecordSubscriptionFailure(**self._of_request(), code=failure.code))

    def _of_request(self) -> dict[str, Any]:
        """A creation is called by its subscription."""
        ids = {"subscription_id": self.our_id, "request_id": self.our_id}
        return {**self.begun(), **ids, "user_id": self.wish.user_id}


def parameters(wish: SubscriptionRequested, price_id: str, ledger_id: str) -> SessionCreateParams:
    """What Stripe makes of it carries the metadata by which it is known."""
    metadata = metadata_of(wish, ledger_id)
    params: SessionCreateParams = {
        **shown_on(wish.page, wish.subscription_id),
        "mode": "subscription",
        "line_items": [{"quantity": 1, "price": price_id}],
        "customer": wish.stripe_customer_id,
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
    }
    if wish.trial_days:
        params["subscription_data"]["trial_period_days"] = wish.trial_days
    return params
