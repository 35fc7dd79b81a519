"""Payouts by Stripe's own SDK at the sandbox, over HTTP: cut anywhere, each is made once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection
from stripe import StripeClient

from api.accounts.owners import TableOwners
from api.payouts.run import Report, Run
from api.sandbox.faults import FaultKind
from api.settings import Settings
from api.stripe.adopting.run import adopt
from api.stripe.delivery import Tools
from api.stripe.gateway import StripeGateway
from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.terms import Kind, Recovery
from ledger.effects import CloseAccount, CreateTransfer
from ledger.ids import new_id
from ledger.store import Store, conninfo
from projections import live
from tests.api.accounts.conftest import ConnectStripe, Platform
from tests.api.payouts.conftest import RECKONING, WORKER
from tests.api.stripe.world import Bench
from tests.api.support import problem, running


class Paying(Platform):
    """A platform that has the funds, and Ivy, who has earned something."""

    url: str

    async def fund(self, amount: int = 100_000) -> None:
        paid = await self.app.caller("usr_ann", "student").pay("pm_card_bypassPending", amount_minor=amount)
        assert paid.status_code == 201, paid.text

    async def earn(self, amount: int, *, kind: Kind = "sale", recovery: Recovery = "netting") -> None:
        now = self.stripe.now()
        command = AccrueEarnings(
            command_id=new_id("cmd"),
            effective_at=now,
            user_id="usr_ivy",
            currency="usd",
            kind=kind,
            amount_minor=amount,
            available_on=now.date() - timedelta(days=2),
            course_id="crs_1",
            payment_id=new_id("pay"),
            cause_position=1,
            reckoning=RECKONING,
            recovery=recovery,
        )
        await self.stripe.store.handle(command, WORKER)

    async def ready(self, amount: int = 7_000) -> str:
        """Onboarded and funded, with so much earned; the account's id at Stripe."""
        at_stripe = await self.opened("complete")
        await self.ivy("POST", "/api/instructor/account/refresh", json={})
        await self.fund()
        await self.earn(amount)
        return at_stripe

    async def ask(self, key: str = "pay") -> httpx.Response:
        return await self.ivy("POST", "/api/payouts", key=key, json={"currency": "usd"})

    async def told(self) -> list[str]:
        found = await self.stripe.store.read_stream("earnings-usr_ivy-usd")
        names = [one.event.TYPE.removeprefix("earnings.").removesuffix(".v1") for one in found]
        return [name for name in names if name != "accrued"]

    async def transfers(self) -> list[dict[str, Any]]:
        listed = await self.stripe.client.v1.transfers.list_async({"limit": 100})
        return [one.to_dict() for one in listed.data]

    async def run(self, store: Store | None = None) -> Report:
        """By this process, or by another one with a store of its own."""
        await self.app.projected()
        store = store or self.stripe.store
        run = Run(store, StripeGateway(store, self.stripe.client, self.stripe.clock), self.stripe.clock)
        async with await AsyncConnection.connect(conninfo(self.url), autocommit=True) as conn:
            return await run(conn)


@pytest.fixture
async def paying(
    database_url: str, settings: Settings, client: StripeClient, bench: Bench
) -> AsyncIterator[Paying]:
    played = ConnectStripe(client, database_url)
    async with running(settings, database_url, played) as app:
        opened = Paying(app, played, bench, database_url)
        opened.url = database_url
        yield opened


async def test_a_payout_is_there_when_the_request_is_answered(paying: Paying) -> None:
    at_stripe = await paying.ready()
    made = await paying.ask()
    assert (made.status_code, made.json()["status"]) == (201, "transferred"), made.text
    [transfer] = await paying.transfers()
    assert (transfer["id"], transfer["destination"]) == (made.json()["transfer_id"], at_stripe)
    assert (await paying.ask()).headers["idempotent-replayed"] == "true"
    await paying.worked()
    assert len(await paying.transfers()) == 1


async def test_a_payout_that_is_killed_before_its_call_is_made_by_the_worker(paying: Paying) -> None:
    await paying.ready()
    paying.stripe.gateway.dies_at = CreateTransfer
    assert ((await paying.ask()).status_code, await paying.transfers()) == (202, [])
    await paying.worked()
    assert len(await paying.transfers()) == 1
    assert await paying.told() == ["payout_reserved", "payout_transferred"]


@pytest.mark.parametrize("kind", ["error_after", "disconnect_after", "disconnect_mid_body", "error_before"])
async def test_a_payout_whose_answer_is_lost_is_found_out_and_made_once(
    paying: Paying, kind: FaultKind
) -> None:
    await paying.ready()
    paying.bench.fault(kind, "/v1/transfers")
    waits = await paying.ask()
    assert (waits.status_code, waits.json()["status"]) == (202, "unknown")
    assert problem(await paying.ask("another"))["code"] == "payout_in_progress"
    await paying.worked()
    assert len(await paying.transfers()) == 1
    await paying.app.projected()
    shown = (await paying.ivy.get(waits.json()["url"])).json()
    assert (shown["status"], shown["amount_minor"]) == ("transferred", 7_000)


async def test_runs_at_once_on_two_processes_make_each_payout_once(paying: Paying) -> None:
    await paying.ready()
    await paying.app.projected()
    async with Store.open(paying.url) as other:
        first, second = await asyncio.gather(paying.run(), paying.run(other))
    assert max(first.asked, second.asked) == 1
    await paying.worked()
    assert (await paying.run()).asked == 0
    assert [one["amount"] for one in await paying.transfers()] == [7_000]


async def test_an_account_that_is_below_zero_gets_nothing_until_it_is_not(paying: Paying) -> None:
    at_stripe = await paying.ready(5_000)
    paying.adjust(at_stripe, -2_000)
    [line] = (await paying.run()).lines
    assert (line.result, line.reason) == ("waits", "balance_below_zero")
    assert "20.00 USD below zero" in line.detail
    assert problem(await paying.ask())["code"] == "balance_below_zero"
    paying.adjust(at_stripe, 2_000)
    assert (await paying.run()).asked == 1
    await paying.worked()
    assert [one["amount"] for one in await paying.transfers()] == [5_000]


async def test_an_account_is_looked_at_again_a_day_after_it_could_not_be_paid(paying: Paying) -> None:
    """Should the webhook be lost that says that it can."""
    at_stripe = await paying.opened("restricted")
    await paying.ivy("POST", "/api/instructor/account/refresh", json={})
    await paying.fund()
    await paying.earn(5_000)
    paying.onboard(at_stripe, "complete")
    assert (await paying.run()).asked == 0
    paying.bench.advance(timedelta(days=1, minutes=1))
    paying.stripe.clock.follow(paying.bench.now())
    assert (await paying.run()).asked == 1


async def test_what_was_paid_is_taken_back_by_the_worker(paying: Paying) -> None:
    await paying.ready()
    await paying.ask()
    await paying.earn(-7_000, kind="refund", recovery="reversal")
    await paying.worked()
    assert [one["amount_reversed"] for one in await paying.transfers()] == [7_000]
    assert (await paying.told())[2:] == ["recall_requested", "transfer_reversed"]


async def test_whoever_leaves_gives_back_what_they_owe_first(paying: Paying) -> None:
    await paying.ready()
    await paying.ask()
    await paying.earn(-7_000, kind="refund")
    await paying.app.projected()
    closed = await paying.post("/close")
    assert (closed.status_code, closed.json()["status"]) == (200, "closed"), closed.text
    assert [one["amount_reversed"] for one in await paying.transfers()] == [7_000]
    assert (await paying.told())[2:] == ["recall_requested", "transfer_reversed"]


@pytest.mark.parametrize("kind", ["disconnect_after", "error_before"])
async def test_an_account_stays_open_until_it_is_known_what_was_given_back(
    paying: Paying, kind: FaultKind
) -> None:
    await paying.ready()
    transfer_id = (await paying.ask()).json()["transfer_id"]
    await paying.earn(-7_000, kind="refund")
    await paying.app.projected()
    paying.bench.fault(kind, f"/v1/transfers/{transfer_id}/reversals")
    paying.bench.fault("error_before", f"/v1/transfers/{transfer_id}/reversals", method="GET")
    waits = await paying.post("/close")
    assert (waits.status_code, waits.json()["closing"]) == (202, True)
    await paying.worked()
    assert (await paying.seen())["status"] == "closed"
    assert [one["amount_reversed"] for one in await paying.transfers()] == [7_000]


async def test_what_cannot_be_given_back_keeps_nobody_from_leaving(paying: Paying) -> None:
    at_stripe = await paying.ready()
    await paying.ask()
    paying.adjust(at_stripe, -7_000)
    await paying.earn(-7_000, kind="refund")
    paying.stripe.gateway.dies_at = CloseAccount
    await paying.post("/close")
    await paying.worked()
    assert (await paying.seen())["status"] == "closed"
    assert (await paying.told())[2:] == ["recall_requested", "recall_refused"]


async def test_rebuilt_tables_are_as_the_live_ones(paying: Paying) -> None:
    at_stripe = await paying.ready()
    await paying.ask()
    await paying.earn(-3_000, kind="refund", recovery="reversal")
    await paying.worked()
    paying.adjust(at_stripe, -10_000)
    await paying.earn(9_000)
    await paying.run()
    await paying.app.projected()
    checked = await asyncio.to_thread(live.check, paying.url, ["earnings"])
    assert checked.differences == (), checked


async def forgotten(paying: Paying, at_stripe: str) -> None:
    """Yesterday's payout, of which the ledger knows nothing."""
    metadata = {
        "payout_id": "ipo_of_yesterday",
        "attempt": "1",
        "user_id": "usr_ivy",
        "ledger_id": paying.stripe.store.ledger_id,
    }
    await paying.stripe.client.v1.transfers.create_async(
        {"amount": 7_000, "currency": "usd", "destination": at_stripe, "metadata": metadata}
    )


async def test_what_a_restored_ledger_has_forgotten_to_have_paid_can_be_adopted(paying: Paying) -> None:
    at_stripe = await paying.ready(9_000)
    await forgotten(paying, at_stripe)
    await paying.stripe.client.v1.transfers.create_async(
        {
            "amount": 1_000,
            "currency": "usd",
            "destination": at_stripe,
            "metadata": {"payout_id": "ipo_1", "attempt": "1", "user_id": "usr_ivy", "ledger_id": "another"},
        }
    )
    await paying.stripe.client.v1.payouts.create_async({"amount": 500, "currency": "usd"})
    tools = Tools(paying.stripe.store, paying.stripe.client, paying.stripe.clock)
    since = tools.clock.now() - timedelta(days=1)
    shown = await adopt(tools, since, apply=False)
    taken = await adopt(tools, since, apply=True)
    assert [one.kind for one in taken.lines] == [one.kind for one in shown.lines]
    settled, transfer, to_bank = taken.lines
    assert (settled.kind, settled.facts) == ("payment", ("payments.settled.v1",)), "its webhook has not come"
    assert (transfer.kind, transfer.our_id) == ("transfer", "ipo_of_yesterday")
    assert (to_bank.kind, to_bank.amount_minor) == ("platform payout", 500)
    assert taken.of_others == 1
    assert await paying.told() == ["payout_transferred"]
    assert (await adopt(tools, since, apply=True)).lines == []
    [line] = (await paying.run()).lines
    assert line.amount_minor == 2_000


async def test_an_account_that_is_a_users_here_stays_theirs_whatever_it_says(paying: Paying) -> None:
    at_stripe = await paying.opened("complete")
    await paying.app.projected()
    await paying.stripe.client.v1.accounts.update_async(at_stripe, {"metadata": {"user_id": "usr_eve"}})
    owners = TableOwners(conninfo(paying.url))
    tools = Tools(paying.stripe.store, paying.stripe.client, paying.stripe.clock, owners=owners)
    report = await adopt(tools, tools.clock.now() - timedelta(days=1), apply=True)
    assert [one for one in report.lines if one.kind == "connected account"] == []
    assert report.of_others == 1


async def test_a_run_pays_nothing_that_a_restored_ledger_has_forgotten_to_have_paid(paying: Paying) -> None:
    await forgotten(paying, await paying.ready(9_000))
    [line] = (await paying.run()).lines
    assert (line.result, line.amount_minor) == ("asked", 2_000)
    await paying.worked()
    assert [one["amount"] for one in await paying.transfers()] == [2_000, 7_000]
    assert await paying.told() == ["payout_transferred", "payout_reserved", "payout_transferred"]


async def test_who_asks_is_not_paid_what_a_restored_ledger_has_forgotten_to_have_paid(paying: Paying) -> None:
    await forgotten(paying, await paying.ready())
    assert problem(await paying.ask())["code"] == "below_minimum"
    await paying.worked()
    assert len(await paying.transfers()) == 1
