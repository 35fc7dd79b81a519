"""What a connected account pays to its owner's bank, by Stripe's own SDK at the sandbox: whatever is lost,
repeated or late, it is shown as Stripe has it, and moves nothing here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from api.sandbox.errors import Object
from api.sandbox.resources import payouts
from api.sandbox.resources.connect import accounts
from api.sandbox.transaction import Transaction
from api.stripe.accounts.balance import available_minor
from api.stripe.delivery import Postponed
from api.stripe.gateway import subject_of
from api.stripe.objects import EventData, EventObject, StripeEvent
from ledger.effects import ApplyWebhook
from ledger.ids import new_id
from ledger.message import Origin
from projections import live
from tests.api.accounts.conftest import Platform
from tests.api.support import problem

Shown = dict[str, Any]
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


class Bank:
    """Of Ivy's account at Stripe, which is paid out there."""

    def __init__(self, platform: Platform, at_stripe: str) -> None:
        self.platform, self.at_stripe = platform, at_stripe

    def pay_out(self, amount: int = 7_000) -> str:
        self.platform.adjust(self.at_stripe, amount)
        return str(self._does(lambda tx: payouts.pay_out_all(tx, "usd"))["id"])

    def take(self, payout_id: str) -> None:
        self._does(lambda tx: payouts.pay(tx, tx.get("payout", payout_id)))

    def send_back(self, payout_id: str, code: str = "no_account") -> None:
        self._does(lambda tx: payouts.fail(tx, tx.get("payout", payout_id), code))

    def _does(self, work: Callable[[Transaction], Object]) -> Object:
        def act(tx: Transaction) -> Object:
            with tx.acting_for(self.at_stripe):
                return work(tx)

        done: Object = self.platform.bench.does(act)
        return done


@pytest.fixture
async def bank(platform: Platform) -> Bank:
    return Bank(platform, await platform.opened("complete"))


async def shown(platform: Platform) -> list[Shown]:
    await platform.app.projected()
    answer = await platform.ivy.get("/api/payouts/bank")
    assert answer.status_code == 200, answer.text
    items: list[Shown] = answer.json()["items"]
    return items


async def statuses(platform: Platform) -> list[str]:
    return [one["status"] for one in await shown(platform)]


async def facts(platform: Platform, payout_id: str) -> list[str]:
    found = await platform.stripe.store.read_stream(f"bank_payout-{payout_id}")
    return [one.event.TYPE.removeprefix("bank_payouts.").removesuffix(".v1") for one in found]


async def results(platform: Platform, event_type: str) -> set[str]:
    await platform.app.projected()
    async with platform.app.services.reading() as connection:
        query = "SELECT DISTINCT result FROM webhooks WHERE stripe_event_type LIKE %s"
        found = await (await connection.execute(query, (event_type,))).fetchall()
    return {result for (result,) in found}


def after(platform: Platform, *, days: int) -> None:
    """Stripe's time goes on, and ours."""
    platform.bench.advance(timedelta(days=days))
    platform.stripe.clock.follow(platform.bench.now())


def unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


async def refresh(platform: Platform) -> Any:
    return await platform.ivy("POST", "/api/instructor/account/refresh", json={})


async def test_what_had_arrived_and_bounced_is_told_with_what_to_do(platform: Platform, bank: Bank) -> None:
    payout_id = bank.pay_out()
    await platform.receive(platform.events())
    [sent] = await shown(platform)
    assert (sent["payout_id"], sent["status"], sent["bounce"]) == (payout_id, "in_transit", None)
    assert (sent["amount_minor"], sent["currency"]) == (7_000, "usd")
    account = await platform.account()
    assert (sent["account_id"], sent["stripe_account_id"]) == (account.account_id, bank.at_stripe)
    bank.take(payout_id)
    await platform.receive(platform.events())
    assert await statuses(platform) == ["arrived"]
    bank.send_back(payout_id)
    await platform.receive(platform.events())
    [back] = await shown(platform)
    assert (back["status"], back["bounce"]["was_arrived"]) == ("bounced", True)
    assert back["bounce"]["failure_code"] == "no_account"
    assert back["bounce"]["why"] == "there is no bank account of this number"
    assert "correct your bank account there" in back["bounce"]["remedy"]
    assert await facts(platform, payout_id) == ["sent", "arrived", "bounced"]
    assert (await platform.seen())["status"] == "payouts_disabled"


async def test_each_status_has_the_time_that_stripe_gives_it(platform: Platform, bank: Bank) -> None:
    payout_id = bank.pay_out()
    after(platform, days=3)
    await refresh(platform)
    own: Any = {"stripe_account": bank.at_stripe}
    calls = platform.stripe.client.v1.payouts
    at_stripe: Any = await calls.retrieve_async(payout_id, options=own)
    [arrived] = await shown(platform)
    assert unix(arrived["sent_at"]) == at_stripe.created
    assert unix(arrived["status_at"]) == unix(arrived["arrival_at"]) == at_stripe.arrival_date
    bank.send_back(payout_id)
    after(platform, days=1)
    await refresh(platform)
    at_stripe = await calls.retrieve_async(payout_id, {"expand": ["failure_balance_transaction"]}, own)
    [back] = await shown(platform)
    assert unix(back["status_at"]) == at_stripe.failure_balance_transaction.created


async def test_an_arrival_on_a_day_that_is_not_over_is_of_now(platform: Platform, bank: Bank) -> None:
    bank.take(bank.pay_out())
    await refresh(platform)
    [arrived] = await shown(platform)
    assert unix(arrived["sent_at"]) <= unix(arrived["status_at"]) < unix(arrived["arrival_at"])


async def test_nothing_of_it_moves_in_the_books_or_is_the_platforms(platform: Platform, bank: Bank) -> None:
    bank.take(bank.pay_out())
    await platform.receive(platform.events())
    assert await statuses(platform) == ["arrived"]
    query = "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM payouts)"
    async with platform.app.services.reading() as connection:
        assert await (await connection.execute(query)).fetchone() == (0, 0)


@pytest.mark.parametrize("seed", range(3))
async def test_webhooks_twice_late_and_in_any_order_end_as_stripe_has_it(
    platform: Platform, bank: Bank, seed: int
) -> None:
    first, second = bank.pay_out(), bank.pay_out(900)
    await platform.receive_shuffled(seed)
    bank.take(first)
    bank.take(second)
    bank.send_back(second)
    await platform.receive_shuffled(seed)
    assert {one["payout_id"]: one["status"] for one in await shown(platform)} == {
        first: "arrived",
        second: "bounced",
    }
    assert await facts(platform, second) == ["sent", "bounced"]


async def test_one_that_is_canceled_never_left(platform: Platform, bank: Bank) -> None:
    platform.adjust(bank.at_stripe, 500)
    calls = platform.stripe.client.v1.payouts
    made = await calls.create_async({"amount": 500, "currency": "usd"}, {"stripe_account": bank.at_stripe})
    await calls.cancel_async(made.id, options={"stripe_account": bank.at_stripe})
    await platform.receive(platform.events())
    assert await statuses(platform) == ["canceled"]


async def test_neither_the_bank_nor_words_about_it_are_kept(platform: Platform, bank: Bank) -> None:
    payout_id = bank.pay_out()
    bank.send_back(payout_id)
    await platform.receive(platform.events())
    found = await platform.stripe.store.read_stream(f"bank_payout-{payout_id}")
    kept = b"".join(msgspec.json.encode(one.event) for one in found)
    at_stripe: Any = await platform.stripe.client.v1.payouts.retrieve_async(
        payout_id, {"expand": ["destination"]}, {"stripe_account": bank.at_stripe}
    )
    for personal in (at_stripe.destination.id, at_stripe.destination.bank_name, at_stripe.failure_message):
        assert personal.encode() not in kept


async def test_the_payouts_of_an_account_that_is_none_of_ours_are_left_alone(platform: Platform) -> None:
    create: Any = platform.stripe.client.v1.accounts.create_async
    theirs = await create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    platform.onboard(theirs.id, "complete")
    Bank(platform, theirs.id).pay_out()
    await platform.receive(platform.events())
    assert await results(platform, "payout.%") == {"ignored"}
    assert await shown(platform) == []


async def test_of_an_account_that_is_gone_what_is_known_stays(platform: Platform, bank: Bank) -> None:
    payout_id = bank.pay_out()
    await platform.receive(platform.events())
    bank.take(payout_id)
    unseen = bank.pay_out(300)
    platform.bench.does(lambda tx: accounts.deauthorize(tx, bank.at_stripe))
    await platform.receive(platform.events())
    assert (await platform.seen())["status"] == "closed"
    assert [(one["payout_id"], one["status"]) for one in await shown(platform)] == [(payout_id, "in_transit")]
    assert await facts(platform, unseen) == []
    assert (await refresh(platform)).status_code == 200


async def test_a_payout_that_stripe_does_not_show_yet_is_looked_for_again(
    platform: Platform, bank: Bank
) -> None:
    about = EventData(object=EventObject(object="payout", id="po_later"))
    event = StripeEvent(
        id="evt_later", type="payout.paid", created=1, livemode=False, data=about, account=bank.at_stripe
    )
    effect = ApplyWebhook(event.id, event.type, "po_later", account_id=bank.at_stripe)
    with pytest.raises(Postponed, match="does not know po_later"):
        await platform.stripe.gateway.deliver(effect, WORKER)


async def test_lost_webhooks_are_made_up_for_by_a_look(platform: Platform, bank: Bank) -> None:
    first, second, third = bank.pay_out(), bank.pay_out(900), bank.pay_out(800)
    bank.take(first)
    bank.take(second)
    bank.send_back(second)
    assert (await refresh(platform)).status_code == 200
    found = [(one["payout_id"], one["status"]) for one in await shown(platform)]
    assert found == [(third, "in_transit"), (second, "bounced"), (first, "arrived")]
    await refresh(platform)
    await platform.receive_shuffled(seed=5)
    assert [(one["payout_id"], one["status"]) for one in await shown(platform)] == found
    told = [await facts(platform, payout_id) for payout_id in (first, second, third)]
    assert told == [["sent", "arrived"], ["sent", "bounced"], ["sent"]]


async def test_a_look_goes_thirty_days_back(platform: Platform, bank: Bank) -> None:
    old = bank.pay_out()
    clock = platform.stripe.clock
    clock.follow(clock.now() + timedelta(days=31))
    await refresh(platform)
    assert await facts(platform, old) == []


@pytest.mark.usefixtures("bank")
async def test_a_look_that_stripe_does_not_answer_says_so(platform: Platform) -> None:
    platform.bench.fault("error_before", "/v1/payouts", method="GET", times=3)
    refused = await refresh(platform)
    assert (refused.status_code, problem(refused)["code"]) == (503, "stripe_unavailable")
    assert await statuses(platform) == []


async def test_what_is_available_is_asked_of_stripe_in_one_currency(platform: Platform, bank: Bank) -> None:
    async def available(currency: str) -> int:
        return await available_minor(platform.stripe.client, bank.at_stripe, currency)

    assert await available("usd") == 0
    platform.adjust(bank.at_stripe, -2_000)
    platform.adjust(bank.at_stripe, 1_500, "eur")
    assert (await available("usd"), await available("eur"), await available("gbp")) == (-2_000, 1_500, 0)


def test_a_payout_waits_for_no_look_at_its_account_and_is_shown_by_none() -> None:
    def subject(event_type: str, object_id: str) -> str:
        return subject_of(ApplyWebhook(new_id("evt"), event_type, object_id, account_id="acct_1"))

    assert subject("payout.failed", "po_1") == "po_1"
    assert subject("account.updated", "acct_1") == "acct_1"
    assert subject("account.external_account.updated", "ba_1") == "acct_1"


async def test_rebuilt_tables_are_as_the_live_ones(platform: Platform, bank: Bank, database_url: str) -> None:
    payout_id = bank.pay_out()
    await platform.receive(platform.events())
    bank.pay_out(10)
    bank.take(payout_id)
    await platform.receive(platform.events())
    bank.send_back(payout_id)
    await platform.receive(platform.events())
    checked = await asyncio.to_thread(live.check, database_url, ["bank_payouts"])
    assert checked.differences == (), checked
