"""Connected accounts, what went into them, and what went to the platform's bank."""

from __future__ import annotations

from collections.abc import AsyncIterator

from api.stripe.accounts.lookup import Present
from api.stripe.accounts.objects import StripeAccount
from api.stripe.accounts.record import account_of, record_account
from api.stripe.adopting.candidates import OPERATOR, Candidate, Whose, Window, whose
from api.stripe.billing.lookup import each
from api.stripe.delivery import Tools
from api.stripe.objects import Payout, UnexpectedAnswer, instant
from api.stripe.payments.lookup import WITH_ENTRIES
from api.stripe.payments.snapshots import payout_snapshot
from api.stripe.transfers.lookup import WITH_ENTRY
from api.stripe.transfers.objects import Transfer
from api.stripe.transfers.record import earnings_of, named, record_present
from ledger.accounts.events import AccountObserved


async def accounts(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """All that Stripe shows, whenever made: its list does not tell when one was changed."""
    del window
    async for account in each(tools.stripe, "/v1/accounts", StripeAccount):
        metadata = account.metadata or {}
        user_id, account_id = metadata.get("user_id", ""), metadata.get("account_id", "")
        if user_id and account_id:
            yield await _account(tools, account, user_id, account_id)


async def _account(tools: Tools, account: StripeAccount, user_id: str, account_id: str) -> Candidate:
    now = tools.clock.now()
    known = await account_of(tools, user_id)

    async def record(tools: Tools) -> None:
        await record_account(tools, user_id, account_id, Present(now, account), OPERATOR)

    return Candidate(
        kind="connected account",
        stripe_id=account.id,
        whose=await _whose(tools, account, user_id, known=known.account_id == account_id),
        made_at=instant(account.created) if account.created else now,
        record=record,
        is_news=lambda event: not isinstance(event, AccountObserved),
        our_id=account_id,
        user_id=user_id,
    )


async def _whose(tools: Tools, account: StripeAccount, user_id: str, *, known: bool) -> Whose:
    """What an account names can be written by anybody with the key: one that is a user's stays theirs."""
    named_by = whose(account.metadata, tools.store.ledger_id, known=known)
    if known or named_by != "ours" or tools.owners is None:
        return named_by
    owner = await tools.owners.owner_of(account.id, 0)
    return "another's" if owner is not None and owner.user_id != user_id else "ours"


async def transfers(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """Those that name a payout of ours, with their reversals."""
    expand = [f"data.{path}" for path in WITH_ENTRY]
    listed = each(tools.stripe, "/v1/transfers", Transfer, created=window.created, expand=expand)
    async for transfer in listed:
        if (transfer.metadata or {}).get("payout_id"):
            yield await _transfer(tools, transfer)


async def _transfer(tools: Tools, transfer: Transfer) -> Candidate:
    metadata = transfer.metadata or {}
    of = named(transfer, tools.store.ledger_id)
    user_id = metadata.get("user_id", "")
    known = (await earnings_of(tools, user_id, transfer.currency)).transfers

    async def record(tools: Tools) -> None:
        if of is None:
            raise UnexpectedAnswer(f"{transfer.id} does not name its payout as ours do")
        await record_present(tools, transfer, of, OPERATOR)

    return Candidate(
        kind="transfer",
        stripe_id=transfer.id,
        whose=whose(
            metadata,
            tools.store.ledger_id,
            known=transfer.id in {one.transfer_id for one in known},
        ),
        made_at=instant(transfer.created),
        record=record,
        our_id=metadata.get("payout_id", ""),
        user_id=user_id,
        amount_minor=transfer.amount,
        currency=transfer.currency,
    )


async def payouts(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """To the platform's bank. They name no ledger, and the books follow all of the account's."""
    expand = [f"data.{path}" for path in WITH_ENTRIES]
    async for payout in each(tools.stripe, "/v1/payouts", Payout, created=window.created, expand=expand):
        yield _payout(payout)


def _payout(payout: Payout) -> Candidate:
    async def record(tools: Tools) -> None:
        await tools.store.handle(payout_snapshot(payout), OPERATOR)

    return Candidate(
        kind="platform payout",
        stripe_id=payout.id,
        whose="ours",
        made_at=instant(payout.created),
        record=record,
        amount_minor=payout.amount,
        currency=payout.currency,
    )
