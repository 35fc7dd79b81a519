"""What Stripe shows of a connected account, as the commands that record it."""

from __future__ import annotations

from api.stripe.accounts import lookup
from api.stripe.accounts.lookup import Present
from api.stripe.accounts.objects import Requirements, StripeAccount, TosAcceptance
from api.stripe.delivery import Owner, Tools
from api.stripe.objects import instant
from ledger.accounts.commands import LostAccount, RecordAccountGone, RecordAccountSnapshot
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.standing import Standing
from ledger.accounts.state import Account
from ledger.accounts.stream import stream_of
from ledger.ids import new_id
from ledger.message import Origin, Outcome


async def account_of(tools: Tools, user_id: str) -> Account:
    return await tools.store.state(ACCOUNT, stream_of(user_id))


async def look_and_record(tools: Tools, user_id: str, account: Account, origin: Origin) -> Outcome:
    """Raises what a call to Stripe raises."""
    present = await lookup.present(tools.stripe, account.stripe_account_id, tools.clock.now())
    if present.account is None:
        return await record_gone(tools, user_id, account.stripe_account_id, present, origin)
    return await record_account(tools, user_id, account.account_id, present, origin)


async def record_account(
    tools: Tools, user_id: str, account_id: str, present: Present, origin: Origin
) -> Outcome:
    assert present.account is not None, "what is gone is recorded as that"
    command = RecordAccountSnapshot(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=user_id,
        account_id=account_id,
        stripe_account_id=present.account.id,
        observed_at=present.observed_at,
        standing=standing_of(present.account),
        lost=lost_account(present.account, tools.store.ledger_id),
    )
    return await tools.store.handle(command, origin)


async def record_gone(
    tools: Tools, user_id: str, stripe_account_id: str, present: Present, origin: Origin
) -> Outcome:
    command = RecordAccountGone(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=user_id,
        stripe_account_id=stripe_account_id,
        observed_at=present.observed_at,
    )
    return await tools.store.handle(command, origin)


def standing_of(account: StripeAccount) -> Standing:
    wanted = account.requirements or Requirements()
    deadline = wanted.current_deadline
    return Standing(
        country=account.country or "",
        default_currency=account.default_currency or "",
        details_submitted=account.details_submitted,
        transfers=account.capabilities.transfers or "",
        payouts_enabled=account.payouts_enabled,
        currently_due=_sorted(wanted.currently_due),
        past_due=_sorted(wanted.past_due),
        pending=_sorted(wanted.pending_verification),
        disabled_reason=wanted.disabled_reason or "",
        deadline=None if deadline is None else instant(deadline),
    )


def _sorted(names: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted(names or ()))


def owner_named(account: StripeAccount, ledger_id: str) -> Owner | None:
    """Whose it is, as its metadata says; None for one that is none of this ledger's."""
    named = account.metadata or {}
    user_id, account_id = named.get("user_id", ""), named.get("account_id", "")
    ours = named.get("ledger_id") == ledger_id and user_id and account_id
    return Owner(user_id, account_id) if ours else None


def lost_account(account: StripeAccount, ledger_id: str) -> LostAccount | None:
    """For one of this ledger, should its request be gone here; None for one that names another or none."""
    if (account.metadata or {}).get("ledger_id") != ledger_id:
        return None
    agreement = (account.tos_acceptance or TosAcceptance()).service_agreement
    return LostAccount(
        agreement="recipient" if agreement == "recipient" else "full",
        business_type=account.business_type or "",
    )
