"""Create a connected account at Stripe, or find out what became of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from api.stripe.accounts import lookup
from api.stripe.accounts.lookup import Present
from api.stripe.accounts.objects import StripeAccount
from api.stripe.accounts.record import account_of, record_account
from api.stripe.delivery import NEVER_REACHED_AFTER, Delivered, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import parse_dict
from api.stripe.payments.lookup import is_replay, patiently
from api.stripe.request import DirectRequest, asking_in
from ledger.accounts.commands import RecordAccountRefusal, RecordAccountUnknown
from ledger.accounts.events import AccountRequested
from ledger.accounts.state import Creation
from ledger.accounts.stream import stream_of
from ledger.effects import CreateAccount, ResolveAccount
from ledger.message import Event, Origin, Recorded

CLOCK_SKEW = timedelta(minutes=10)
"""Stripe's clock and ours may differ by this much when accounts are looked for by time."""

EXPRESS: Final = {
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "express"},
}
"""Stripe asks the owner and has a page for them; the platform bears fees and losses.
https://docs.stripe.com/connect/migrate-to-controller-properties"""


async def create(tools: Tools, effect: CreateAccount, origin: Origin, cause: Recorded | None) -> Delivered:
    """The first call for an account. An unclear answer is recorded as such, which asks for `resolve`."""
    if await _creation(tools, effect.user_id, effect.account_id) != "requested":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(tools: Tools, effect: ResolveAccount, origin: Origin, cause: Recorded | None) -> Delivered:
    """What became of an account whose first call was unclear. Raises Postponed while nobody can tell."""
    if await _creation(tools, effect.user_id, effect.account_id) != "unknown":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def _creation(tools: Tools, user_id: str, account_id: str) -> Creation:
    account = await account_of(tools, user_id)
    return account.creation if account.account_id == account_id else ""


async def _request(
    tools: Tools, effect: CreateAccount | ResolveAccount, origin: Origin, cause: Recorded | None
) -> _AccountRequest:
    def wish_of(event: Event) -> AccountRequested | None:
        match event:
            case AccountRequested() if event.account_id == effect.account_id:
                return event
            case _:
                return None

    asking = await asking_in(tools.store, stream_of(effect.user_id), cause, wish_of)
    return _AccountRequest(tools, asking, origin)


class _AccountRequest(DirectRequest[AccountRequested, Present]):
    absent: ClassVar[str] = "Stripe knows no such connected account"
    unknown_as: ClassVar[str] = "account_outcome_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"account_id": self.wish.account_id}

    async def call(self) -> Present:
        """As it is now, when Stripe repeats an earlier answer to the same key."""
        now = self.tools.clock.now()
        answer = await patiently(
            lambda: self.tools.stripe.raw_request_async(
                "post",
                "/v1/accounts",
                **parameters(self.wish, self.tools.store.ledger_id),
                idempotency_key=f"account:{self.wish.account_id}",
            )
        )
        made = parse_dict(answer.data, StripeAccount)
        if not is_replay(answer.headers):
            return Present(now, made)
        again = await lookup.present(self.tools.stripe, made.id, self.tools.clock.now())
        # one that was deleted since is known as what it was, and a later look finds it gone
        return again if again.account is not None else Present(now, made)

    async def look(self) -> Delivered | None:
        """All that could have come of calls in the key's lifetime is in the window, so None means none."""
        now = self.tools.clock.now()
        found = await lookup.find_account(
            self.tools.stripe,
            self.wish.account_id,
            since=self.asked_at - CLOCK_SKEW,
            until=min(now, self.asked_at + NEVER_REACHED_AFTER) + CLOCK_SKEW,
        )
        return None if found is None else await self.record(Present(now, found))

    async def record(self, answer: Present, /) -> Delivered:
        assert answer.account is not None, "it was made"
        as_stripe = recorder(self.origin, answer.account.id)
        wish = self.wish
        return Delivered(await record_account(self.tools, wish.user_id, wish.account_id, answer, as_stripe))

    async def is_unknown(self) -> bool:
        return await _creation(self.tools, self.wish.user_id, self.wish.account_id) == "unknown"

    def unknown(self, cause: str) -> RecordAccountUnknown:
        return RecordAccountUnknown(**self._of_request(), cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordAccountRefusal(**self._of_request(), code=failure.code, parameter=failure.parameter)
        return await self.handle(command)

    def _of_request(self) -> dict[str, Any]:
        return {**self.begun(), "user_id": self.wish.user_id, "account_id": self.wish.account_id}


def parameters(requested: AccountRequested, ledger_id: str) -> dict[str, Any]:
    """The same for the same request at any time, as Stripe demands of a repeated idempotency key."""
    metadata = {
        "account_id": requested.account_id,
        "user_id": requested.user_id,
        "ledger_id": ledger_id,
    }
    more = {"business_type": requested.business_type} if requested.business_type else {}
    return {
        "controller": EXPRESS,
        "country": requested.country,
        "capabilities": {"transfers": {"requested": True}},
        "tos_acceptance": {"service_agreement": requested.agreement},
        "metadata": metadata,
        **more,
    }
