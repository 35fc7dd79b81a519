"""An application in this process, callers of it, and a Stripe that does as the payment method's name says."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol

import httpx
import msgspec
import stripe
from litestar import Litestar
from litestar.types import ASGIApp

from api.app import create_app, described, make_routes
from api.background.projecting import projecting
from api.http.auth import mint
from api.services import Composition, Services
from api.settings import Settings
from api.stripe import courses, orders, redemptions, tokens
from api.stripe.accounts.objects import AccountLink
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.contact import Contact
from api.stripe.delivery import Zones
from api.stripe.gateway import Delivered
from api.stripe.payments import earnings, licences, sales
from ledger.balance import BalanceTransaction
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.effects import (
    AccountEffect,
    ActivityEffect,
    CancelPaymentIntent,
    CertifyCompletion,
    CreateCourse,
    CreatePaymentIntent,
    CreateRefund,
    Effect,
    EnrolmentEffect,
    FollowEarnings,
    FreeMemberSeats,
    LicenceEffect,
    OpenPaymentPage,
    OrderEffect,
    PayoutEffect,
    RedemptionEffect,
    SendMail,
    WithdrawReview,
)
from ledger.ids import new_id
from ledger.message import Origin, Outcome, Recorded
from ledger.payments.commands import (
    RecordPaymentFailure,
    RecordPaymentPage,
    RecordPaymentSnapshot,
    RecordPaymentUnknown,
    RefundSnapshot,
)
from ledger.payments.decider import PAYMENT
from ledger.payments.events import PaymentInitiated, RefundRequested
from ledger.store import Store
from ledger.subscriptions.promotions import Promotion
from ledger.subscriptions.worth import PaidTime
from tests.api.billing import FakeBilling
from tests.api.connect import FakeConnect
from tests.api.promised import Promised

STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))
DEADLINE_S = 10.0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Polls; fails when it takes unreasonably long."""
    deadline = time.monotonic() + DEADLINE_S
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


class Caller:
    """Somebody with a credential."""

    def __init__(self, client: httpx.AsyncClient, user_id: str, credential: str) -> None:
        self.client = client
        self.user_id = user_id
        self.headers = {"Authorization": f"Bearer {credential}"}

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        sent = {**self.headers, **({"Idempotency-Key": key} if key else {}), **(headers or {})}
        return await self.client.request(method, path, headers=sent, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self("GET", path, **more)

    async def pay(
        self, payment_method: str = "pm_ok", *, key: str | None = None, amount_minor: int = 1250, **body: Any
    ) -> httpx.Response:
        content = {"amount_minor": amount_minor, "currency": "usd", "payment_method": payment_method, **body}
        return await self("POST", "/api/payments/process", key=key or new_id("key"), json=content)

    async def buy(
        self,
        course_id: str,
        payment_method: str | None = "pm_card_visa",
        *,
        key: str | None = None,
        **body: Any,
    ) -> httpx.Response:
        content = {"course_id": course_id, "payment_method": payment_method, **body}
        return await self("POST", "/api/courses/purchase", key=key or new_id("key"), json=content)

    async def subscribe(
        self, tier: str = "pro", payment_method: str = "pm_ok", *, key: str | None = None, **body: Any
    ) -> httpx.Response:
        content = {"tier": tier, "payment_method": payment_method, **body}
        return await self("POST", "/api/subscriptions/create", key=key or new_id("key"), json=content)

    async def wish(
        self, what: str, *, method: str = "POST", key: str | None = None, **body: Any
    ) -> httpx.Response:
        """Of the subscription: `cancel`, `resume`, `pause`, `update`, `payment-method`, `preview`."""
        return await self(method, f"/api/subscriptions/{what}", key=key or new_id("key"), json=body)

    async def refund(self, payment_id: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        content = {"payment_id": payment_id, **body}
        return await self("POST", "/api/payments/refund", key=key or new_id("key"), json=content)


class Running:
    """An open application."""

    def __init__(self, asgi: ASGIApp, services: Services, client: httpx.AsyncClient) -> None:
        self.asgi = asgi
        self.services = services
        self.client = client

    def caller(self, user_id: str, *roles: str) -> Caller:
        return Caller(self.client, user_id, mint(self.services.settings, user_id, roles))

    def replace(self, **parts: object) -> None:
        """From the next request on the handlers work with these."""
        self.services = msgspec.structs.replace(self.services, **parts)
        application: Any = self.asgi
        application.app.state.services = self.services

    async def projected(self) -> int:
        """Waits until reads see all that was appended."""
        head = await self.services.store.head()
        await self.services.positions.wait(head)
        return head


class Unsent:
    """Mail that nobody looks at."""

    async def deliver(self, _mail: SendMail, _origin: Origin) -> Delivered:
        return Delivered()


class Outside(Protocol):
    """A Stripe, and its clock."""

    def now(self) -> datetime: ...

    def open(self, store: Store, contact: Contact, /) -> AbstractAsyncContextManager[Any]: ...


_CLOSED: defaultdict[int, list[Litestar]] = defaultdict(list)
"""Routes of applications that are over, by the longest body that they take."""


@asynccontextmanager
async def running(settings: Settings, database_url: str, fake: Outside) -> AsyncIterator[Running]:
    found: list[Services] = []

    @asynccontextmanager
    async def remember(services: Services) -> AsyncIterator[None]:
        found.append(services)
        yield

    composition = Composition(
        settings,
        database_url,
        open_stripe=fake.open,
        open_runner=projecting,
        background=(remember,),
        clock=fake,
    )
    closed = _CLOSED[settings.request_max_bytes]
    routes = closed.pop() if closed else make_routes(settings.request_max_bytes)
    asgi: Any = create_app(composition, routes)
    async with lifespan(asgi):
        transport = httpx.ASGITransport(asgi)
        hooks: dict[str, list[Any]] = {"response": [Promised(described().document)]}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", event_hooks=hooks
        ) as client:
            yield Running(asgi, found[0], client)
    closed.append(routes)


@asynccontextmanager
async def lifespan(app: ASGIApp) -> AsyncIterator[None]:
    """Startup and shutdown as a server does them."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    scope: Any = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.ensure_future(app(scope, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    started = await outbox.get()
    assert started["type"] == "lifespan.startup.complete", started
    try:
        yield
    finally:  # a test that fails must not leave its threads behind
        await inbox.put({"type": "lifespan.shutdown"})
        stopped = await outbox.get()
        assert stopped["type"] == "lifespan.shutdown.complete", stopped
        await task


class FakeStripe:
    """The gateway, the client and the clock. What happens is the payment method's name.

    `pm_ok`, `pm_funds` (declined), `pm_stolen` (declined), `pm_too_small` (an amount that Stripe refuses),
    `pm_action`, `pm_slow` (processing), `pm_unknown`, `pm_bank_fails_refund`; saved cards
    are called by what Stripe makes of them.
    """

    def __init__(self) -> None:
        self.charges = 0
        self.refunds = 0
        self.hold: asyncio.Event | None = None
        """While not set, Stripe does not answer."""
        self.offset = timedelta(0)
        self.attached: dict[str, str] = {}
        self.customers = 0
        self.zones: Zones | None = None
        """In which days begin; UTC without them."""
        self._store: Store
        self.billing: FakeBilling
        self.connect: FakeConnect

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @asynccontextmanager
    async def open(self, store: Store, _contact: Contact) -> AsyncIterator[Any]:
        self._store = store
        self.billing = FakeBilling(store, self._record, self.now)
        self.connect = FakeConnect(store, self._record, self.now)
        yield SimpleNamespace(gateway=self, client=self._client())

    async def deliver_now(  # noqa: C901, PLR0911, PLR0912  one answer for each kind
        self, effect: Effect, _origin: Origin, cause: Recorded
    ) -> Delivered:
        if self.hold is not None:
            await self.hold.wait()
        tools: Any = SimpleNamespace(
            store=self._store,
            clock=self,
            catalogue=DEFAULT_CATALOGUE,
            zones=self.zones,
            recovery="netting",
        )
        match effect:
            case CreateCourse():
                return await courses.create(tools, effect, STRIPE, cause=None)
            case OpenPaymentPage():
                return await self._open_page(effect)
            case CancelPaymentIntent():
                return Delivered()  # Stripe takes its time
            case CreatePaymentIntent() | CreateRefund():
                return await self._deliver_payment(effect)
            case WithdrawReview():
                return await courses.withdraw_review(tools, effect, STRIPE)
            case CertifyCompletion():
                return Delivered()  # to be claimed
            case _ if isinstance(effect, AccountEffect):
                return await self.connect.deliver(effect)
            case _ if isinstance(effect, EnrolmentEffect):
                return await sales.deliver(tools, effect, STRIPE, None)
            case _ if isinstance(effect, PayoutEffect):
                return await self.connect.pay(effect)
            case _ if isinstance(effect, ActivityEffect):
                return await tokens.deliver(tools, effect, STRIPE)
            case _ if isinstance(effect, RedemptionEffect):
                return await redemptions.deliver(tools, effect, STRIPE)
            case _ if isinstance(effect, OrderEffect):
                return await orders.deliver(tools, effect, STRIPE)
            case _ if isinstance(effect, LicenceEffect):
                return await licences.deliver(tools, effect, STRIPE)
            case FreeMemberSeats():
                return Delivered()  # the worker's
            case FollowEarnings():
                return await earnings.deliver(tools, effect, STRIPE, cause)
            case _:
                return await self.billing.deliver(effect)

    async def _open_page(self, effect: OpenPaymentPage) -> Delivered:
        command = RecordPaymentPage(
            command_id=new_id("cmd"),
            effective_at=self.now(),
            payment_id=effect.payment_id,
            session_id=effect.payment_id.replace("pay_", "cs_test_"),
            status="open",
        )
        return Delivered(await self._record(command), next_action_url="https://stripe.example/pay")

    async def _deliver_payment(self, effect: CreatePaymentIntent | CreateRefund) -> Delivered:
        facts = await self._store.read_stream(f"payment-{effect.payment_id}")
        initiated = facts[0].event
        assert isinstance(initiated, PaymentInitiated)
        if isinstance(effect, CreatePaymentIntent):
            if len(facts) > 1:
                return Delivered()
            self.charges += 1
            return await self._charge(initiated)
        if await self._refund_status(effect) != "requested":
            return Delivered()
        self.refunds += 1
        asked = next(
            fact.event
            for fact in facts
            if isinstance(fact.event, RefundRequested) and fact.event.refund_id == effect.refund_id
        )
        return await self._refund(initiated, asked)

    async def next_action(self, payment_id: str) -> Delivered:
        return Delivered(None, f"secret_again_{payment_id}", "https://bank.example/again")

    async def page_url(self, session_id: str) -> str:
        return f"https://stripe.example/pay/{session_id}"

    async def portal_url(self, customer_id: str, return_url: str) -> str:
        return f"https://stripe.example/portal/{customer_id}?back={return_url}"

    async def next_invoice_action(self, stripe_invoice_id: str) -> Delivered:
        return Delivered(None, f"secret_again_{stripe_invoice_id}", "https://bank.example/again")

    async def can_be_canceled(self, _payment_id: str) -> bool:
        return False

    async def next_setup_action(self, setup_intent_id: str) -> Delivered:
        return Delivered(None, f"secret_again_{setup_intent_id}", "https://bank.example/again")

    async def preview_change(
        self, user_id: str, subscription_id: str, plan: Plan, at: datetime, paid: PaidTime | None = None
    ) -> ChangePreview:
        return await self.billing.preview(user_id, subscription_id, plan, at, paid)

    async def promotion(self, code: str) -> Promotion | None:
        return self.billing.promotions.get(code.upper())

    async def waiting_time_minor(self, _stripe_subscription_id: str, _at: datetime) -> int:
        return self.billing.waiting_minor

    async def look_at_subscription(self, stripe_subscription_id: str, _origin: Origin) -> None:
        """There is no news."""

    async def onboarding_link(
        self, user_id: str, return_url: str, refresh_url: str, _origin: Origin
    ) -> AccountLink:
        return await self.connect.link(user_id, return_url, refresh_url)

    async def refresh_account(self, user_id: str, _origin: Origin) -> None:
        await self.connect.refresh(user_id)

    async def account_to_pay(self, user_id: str, _currency: str, _origin: Origin) -> str:
        return await self.connect.account_to_pay(user_id)

    async def platform_available(self) -> Mapping[str, int]:
        return self.connect.platform_available

    async def _refund_status(self, effect: CreateRefund) -> str:
        payment = await self._store.state(PAYMENT, f"payment-{effect.payment_id}")
        return payment.refunds[effect.refund_id].status

    async def _charge(self, initiated: PaymentInitiated) -> Delivered:
        base: dict[str, Any] = {
            "command_id": new_id("cmd"),
            "effective_at": self.now(),
            "payment_id": initiated.payment_id,
        }
        intent = initiated.payment_id.replace("pay_", "pi_")
        match initiated.payment_method_id:
            case "pm_funds" | "pm_stolen" as method:
                reason = {"pm_funds": "insufficient_funds", "pm_stolen": "stolen_card"}[method]
                failure = RecordPaymentFailure(**base, code="card_declined", decline_code=reason)
                return Delivered(await self._record(failure))
            case "pm_too_small":
                return Delivered(await self._record(RecordPaymentFailure(**base, code="amount_too_small")))
            case "pm_unknown":
                return Delivered(await self._record(RecordPaymentUnknown(**base, cause="time-out")))
            case "pm_action":
                snapshot = self._snapshot(initiated, base, status="requires_action", action="redirect_to_url")
                return Delivered(await self._record(snapshot), f"{intent}_secret", "https://bank.example/3ds")
            case "pm_slow":
                return Delivered(await self._record(self._snapshot(initiated, base, status="processing")))
        return Delivered(await self._record(self._succeeded(initiated, base)))

    def _snapshot(
        self, initiated: PaymentInitiated, base: dict[str, Any], **more: Any
    ) -> RecordPaymentSnapshot:
        fields: dict[str, Any] = {
            **base,
            "payment_intent_id": initiated.payment_id.replace("pay_", "pi_"),
            "amount_minor": initiated.amount_minor,
            "amount_received_minor": 0,
            "currency": initiated.currency,
            **more,
        }
        return RecordPaymentSnapshot(**fields)

    def _succeeded(
        self, initiated: PaymentInitiated, base: dict[str, Any], **more: Any
    ) -> RecordPaymentSnapshot:
        return self._snapshot(
            initiated,
            base,
            status="succeeded",
            amount_received_minor=initiated.amount_minor,
            charge_id=initiated.payment_id.replace("pay_", "ch_"),
            balance_transaction=self._entry(
                initiated.payment_id.replace("pay_", "txn_"), initiated.amount_minor, initiated.currency, 66
            ),
            **more,
        )

    async def _refund(self, initiated: PaymentInitiated, asked: RefundRequested) -> Delivered:
        base = {
            "command_id": new_id("cmd"),
            "effective_at": self.now(),
            "payment_id": initiated.payment_id,
        }
        fails = initiated.payment_method_id == "pm_bank_fails_refund"
        refund = RefundSnapshot(
            stripe_refund_id=asked.refund_id.replace("re_", "re_stripe_"),
            refund_id=asked.refund_id,
            amount_minor=asked.amount_minor,
            currency=asked.currency,
            status="failed" if fails else "succeeded",
            failure_reason="expired_or_canceled_card" if fails else "",
            balance_transaction=None
            if fails
            else self._entry(asked.refund_id.replace("re_", "txn_"), -asked.amount_minor, asked.currency, 0),
        )
        return Delivered(await self._record(self._succeeded(initiated, base, refunds=(refund,))))

    def _entry(self, entry_id: str, amount_minor: int, currency: str, fee_minor: int) -> BalanceTransaction:
        return BalanceTransaction(
            balance_transaction_id=entry_id,
            amount_minor=amount_minor,
            fee_minor=fee_minor,
            net_minor=amount_minor - fee_minor,
            currency=currency,
            available_at=self.now() + timedelta(days=2),
            created_at=self.now(),
        )

    async def _record(self, command: Any) -> Outcome:
        return await self._store.handle(command, STRIPE)

    def _client(self) -> Any:
        """The calls that saved cards make."""
        methods = SimpleNamespace(detach_async=self._detach)
        setups = SimpleNamespace(create_async=self._set_up)
        customers = SimpleNamespace(
            create_async=self._create_customer, payment_methods=SimpleNamespace(list_async=self._list)
        )
        v1 = SimpleNamespace(customers=customers, payment_methods=methods, setup_intents=setups)
        return SimpleNamespace(v1=v1)

    async def _create_customer(self, *_: Any) -> Any:
        self.customers += 1
        return SimpleNamespace(id=f"cus_{self.customers}")

    async def _set_up(self, params: dict[str, str], *_: Any) -> Any:
        method = params["payment_method"]
        if method == "pm_missing":
            raise _refused("No such PaymentMethod")
        self.attached[method] = params["customer"]
        body = {"id": "seti_1", "status": "succeeded", "payment_method": _as_stripe(method).to_dict()}
        return stripe.SetupIntent.construct_from(body, "sk_test_fake")

    async def _detach(self, method: str) -> Any:
        if method not in self.attached:
            raise _refused("not attached")
        del self.attached[method]
        return _as_stripe(method)

    async def _list(self, customer: str, *_: Any) -> Any:
        return _Page([_as_stripe(method) for method, owner in self.attached.items() if owner == customer])


def _refused(message: str) -> stripe.InvalidRequestError:
    return stripe.InvalidRequestError(message, "payment_method", code="resource_missing")  # type: ignore[no-untyped-call]  # untyped in the SDK


class _Page(list[Any]):
    has_more = False


def _as_stripe(method: str) -> Any:
    body = {
        "id": method,
        "object": "payment_method",
        "type": "card",
        "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030, "country": "US"},
    }
    return stripe.PaymentMethod.construct_from(body, "sk_test_fake")


def problem(response: httpx.Response) -> dict[str, Any]:
    """The problem document of an error, with what every one of them has."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: dict[str, Any] = msgspec.json.decode(response.content)
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["type"] == f"/schema#problem-{body['code']}"
    assert body["title"]
    assert body["detail"]
    return body
