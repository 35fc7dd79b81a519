"""Connected accounts: one at a time, as Stripe says last, and whether it can be paid."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.accounts.commands import AccountCommand, LostAccount
from ledger.accounts.countries import EEA, POSSIBLE, agreement_for
from ledger.accounts.decider import decide
from ledger.accounts.events import (
    AccountClosed,
    AccountClosingRefused,
    AccountClosingRequested,
    AccountObserved,
    AccountOpened,
    AccountOutcomeUnknown,
    AccountRefused,
    AccountRequested,
    AccountUpdated,
)
from ledger.accounts.payable import can_be_paid, reason_of
from ledger.accounts.refusals import (
    AccountExists,
    AccountInProgress,
    CountryNotPossible,
    InvalidAccount,
    NoAccount,
)
from ledger.accounts.requirements import in_words, requirements_of
from ledger.accounts.standing import Standing
from ledger.accounts.state import Account, evolve, status_of
from ledger.effects import CloseAccount, CreateAccount, ResolveAccount
from ledger.errors import NotFound, Refused
from ledger.policies import react
from tests.ledger.account_examples import (
    ACCOUNT,
    AT_STRIPE,
    DUE,
    GOOD,
    IN_REVIEW,
    NEW,
    NO_BANK,
    REJECTED,
    RESTRICTED,
    after,
    close,
    facts,
    gone,
    keep_open,
    look,
    minutes,
    refuse,
    request,
    standing,
    unknown,
)
from tests.ledger.enrolment_examples import IVY
from tests.ledger.examples import recorded


def kinds(*commands: AccountCommand) -> list[type]:
    return [type(fact) for fact in facts(*commands)]


def test_the_intent_has_the_agreement_of_the_country_and_the_number_of_the_attempt() -> None:
    [asked] = facts(request(country="KE", business_type="company"))
    assert asked == AccountRequested(
        account_id=ACCOUNT,
        user_id=IVY,
        country="KE",
        agreement="recipient",
        attempt=1,
        business_type="company",
    )
    again = facts(request(), refuse(), request("acn_2"))[-1]
    assert isinstance(again, AccountRequested)
    assert (again.agreement, again.attempt) == ("full", 2)


@pytest.mark.parametrize(
    ("country", "platform", "agreement"),
    [
        ("US", "US", "full"),
        ("GB", "US", "recipient"),
        ("DE", "US", "recipient"),
        ("DE", "FR", "full"),
        ("GB", "FR", "recipient"),
        ("US", "DE", "recipient"),
        ("KE", "US", "recipient"),
        ("KE", "KE", "recipient"),
    ],
)
def test_money_crosses_a_border_to_recipients_only(country: str, platform: str, agreement: str) -> None:
    assert agreement_for(country, platform) == agreement


def test_the_countries_are_iso_codes_in_their_order() -> None:
    assert list(POSSIBLE) == sorted(set(POSSIBLE))
    assert all(len(country) == 2 and country.isupper() for country in POSSIBLE)
    assert set(POSSIBLE) >= EEA


def test_a_country_that_is_not_possible_is_refused_with_those_that_are() -> None:
    with pytest.raises(CountryNotPossible, match=r"'XX'.*AE.*US") as refused:
        decide(request(country="XX"), Account())
    assert all(country in refused.value.detail for country in POSSIBLE)


def test_ids_are_texts_that_can_be_stored() -> None:
    for wrong in ("", "x" * 256, "a\0"):
        with pytest.raises(InvalidAccount):
            decide(request(wrong), Account())
        with pytest.raises(InvalidAccount):
            decide(close(wrong), after(request(), look()))


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ((request(),), AccountInProgress),
        ((request(), unknown()), AccountInProgress),
        ((request(), look()), AccountExists),
        ((request(), look(), close()), AccountExists),
        ((request(), look(), close(), keep_open()), AccountExists),
        ((request(), look(REJECTED)), AccountExists),
    ],
)
def test_a_user_has_one_account_at_a_time(given: tuple[AccountCommand, ...], refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        decide(request("acn_2"), after(*given))


@pytest.mark.parametrize(
    "given",
    [
        (request(), refuse()),
        (request(), unknown(), refuse()),
        (request(), look(), gone(minutes(1))),
        (request(), look(), close(), gone(minutes(1))),
    ],
)
def test_another_one_can_be_asked_for_when_the_first_is_over(given: tuple[AccountCommand, ...]) -> None:
    account = after(*given, request("acn_2", country="KE"))
    assert account == after(*given, request("acn_2", country="KE"), request("acn_2", country="KE"))
    assert (account.attempt, account.creation, account.country) == (2, "requested", "KE")
    assert (account.stripe_account_id, account.standing, account.closed) == ("", None, "")


def test_what_stripe_says_of_the_first_one_is_nothing_to_the_second() -> None:
    given = (request(), refuse(), request("acn_2"))
    for late in (look(), gone(minutes(9)), refuse(), unknown()):
        assert decide(late, after(*given)) == ()
    opened = (*given, look(account_id="acn_2"))
    assert decide(gone(minutes(9)), after(*opened)) == ()
    assert decide(gone(minutes(9), "acct_2"), after(*opened)) != ()


def test_the_first_look_opens_it_and_the_next_tells_what_is_new() -> None:
    assert kinds(request(), look(NEW)) == [AccountRequested, AccountOpened, AccountUpdated]
    given = (request(), look(NEW))
    assert kinds(*given, look(GOOD, minutes(1)))[3:] == [AccountUpdated]
    assert kinds(*given, look(NEW, minutes(1)))[3:] == [AccountObserved]
    assert kinds(*given, look(NEW))[3:] == []
    assert kinds(*given, look(GOOD, minutes(-1)))[3:] == []


def test_an_account_that_is_there_after_all_outranks_our_reading_of_a_refusal() -> None:
    assert kinds(request(), unknown(), refuse(), look(NEW))[-2:] == [AccountOpened, AccountUpdated]
    account = after(request(), unknown(), refuse(), look(NEW))
    assert (account.is_open, account.refusal) == (True, None)


def test_an_unclear_answer_is_a_state_until_stripe_is_asked_again() -> None:
    assert kinds(request(), unknown(), unknown()) == [AccountRequested, AccountOutcomeUnknown]
    assert kinds(request(), look(), unknown(), refuse())[3:] == []
    [asked, unclear] = facts(request(), unknown())
    assert react(recorded(asked, stream=f"account-{IVY}")) == (CreateAccount(IVY, ACCOUNT),)
    assert react(recorded(unclear, stream=f"account-{IVY}")) == (ResolveAccount(IVY, ACCOUNT),)


def test_stripes_refusal_is_a_fact_with_its_reason() -> None:
    refused = facts(request(), refuse(code="country_unsupported"))[-1]
    assert refused == AccountRefused(account_id=ACCOUNT, code="country_unsupported", parameter="country")


def test_closing_is_asked_for_and_then_done_or_not() -> None:
    given = (request(), look(), close())
    assert react(recorded(facts(*given)[-1], stream=f"account-{IVY}")) == (
        CloseAccount(IVY, ACCOUNT, "acl_1"),
    )
    assert kinds(*given, gone(minutes(1)))[-2:] == [AccountClosingRequested, AccountClosed]
    assert after(*given, gone(minutes(1))).closed == "owner"
    assert kinds(*given, keep_open(), keep_open())[-2:] == [AccountClosingRequested, AccountClosingRefused]
    kept = after(*given, keep_open())
    assert kept.is_open
    assert kept.refusal is not None
    assert (kept.refusal.code, kept.refusal.currencies) == ("balance_not_zero", ("usd",))
    assert kinds(*given, keep_open("acl_0"))[-1] is AccountClosingRequested
    assert kinds(*given, keep_open(), close("acl_2"))[-1] is AccountClosingRequested


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ((), NoAccount),
        ((request(), refuse()), NoAccount),
        ((request(), look(), gone(minutes(1))), NoAccount),
        ((request(),), AccountInProgress),
        ((request(), look(), close()), AccountInProgress),
    ],
)
def test_only_what_is_open_can_be_closed(given: tuple[AccountCommand, ...], refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        decide(close("acl_2"), after(*given))


def test_what_was_seen_before_it_was_closed_does_not_bring_it_back() -> None:
    given = (request(), look(), close(), gone(minutes(2)))
    assert decide(look(NEW, minutes(1)), after(*given)) == ()
    assert kinds(*given, gone(minutes(3)))[-1] is AccountObserved


def test_one_that_left_is_there_again_when_a_later_look_shows_it() -> None:
    """A key of another platform sees none of ours, and once it is put right they must not be lost."""
    given = (request(), look(), gone(minutes(2)))
    assert status_of(after(*given)) == "closed"
    assert kinds(*given, look(GOOD, minutes(1)))[-1] is AccountClosed
    back = after(*given, look(GOOD, minutes(3)))
    assert (status_of(back), back.closed) == ("enabled", "")


SAID = [NEW, GOOD, RESTRICTED, IN_REVIEW, NO_BANK, REJECTED, DUE, None]


@for_all(st.lists(st.sampled_from(SAID), min_size=1, max_size=8), st.data())
def test_looks_in_any_order_and_however_often_end_as_the_last_one_saw(
    truth: list[Standing | None], data: st.DataObject
) -> None:
    looks: list[AccountCommand] = [
        gone(minutes(number)) if seen is None else look(seen, minutes(number))
        for number, seen in enumerate(truth, 1)
    ]
    heard = data.draw(st.permutations(looks + data.draw(st.lists(st.sampled_from(looks), max_size=5))))
    account = after(request(), look(NEW), *heard)
    last = truth[-1]
    assert status_of(account) == ("closed" if last is None else status_of(after(request(), look(last))))
    assert last is None or account.standing == last
    assert account.observed_at == minutes(len(truth))


@for_all(st.lists(st.sampled_from(SAID), min_size=1, max_size=6))
def test_only_a_difference_is_an_update(truth: list[Standing | None]) -> None:
    looks: list[AccountCommand] = [
        gone(minutes(number)) if seen is None else look(seen, minutes(number))
        for number, seen in enumerate(truth, 1)
    ]
    told = [*[NEW], *truth]
    updates = [kind for kind in kinds(request(), look(NEW), *looks) if kind is AccountUpdated]
    assert len(updates) == 1 + sum(after is not None and before != after for before, after in pairwise(told))


@for_all(st.permutations([unknown(), refuse(), look(NEW), look(GOOD, minutes(1)), look(NEW)]))
def test_whatever_order_the_answers_of_one_call_are_recorded_in_the_account_is_open(
    heard: list[AccountCommand],
) -> None:
    account = after(request(), *heard)
    assert account.is_open
    assert account.standing == GOOD


def test_one_that_a_restored_ledger_forgot_is_taken_up_by_what_it_names() -> None:
    with pytest.raises(NotFound):
        decide(look(), Account())
    lost = LostAccount(agreement="full", business_type="individual")
    taken = [type(fact) for fact in decide(look(lost=lost), Account())]
    assert taken == [AccountRequested, AccountOpened, AccountUpdated]
    assert after(look(lost=lost)) == after(request(business_type="individual"), look())
    assert decide(look(lost=lost, account_id="acn_0"), after(request())) == ()


def test_what_only_says_that_it_is_the_users_tells_nothing_of_the_one_they_are_paid_by() -> None:
    """Anybody with the platform's key can write what an account at Stripe names."""
    given = (request(), look(NEW))
    stranger = look(GOOD, minutes(1), stripe_account_id="acct_other")
    assert decide(stranger, after(*given)) == ()
    left = (*given, gone(minutes(1)))
    assert decide(look(GOOD, minutes(2), stripe_account_id="acct_other"), after(*left)) == ()


STATUSES: list[tuple[tuple[AccountCommand, ...], str, str]] = [
    ((), "none", "open one"),
    ((request(), refuse()), "none", "ask for another"),
    ((request(),), "onboarding", "wait"),
    ((request(), unknown()), "onboarding", "wait"),
    ((request(), look(NEW)), "onboarding", "go on with it"),
    ((request(), look(RESTRICTED)), "restricted", "the time for it is over"),
    ((request(), look(IN_REVIEW)), "restricted", "nothing is to be done"),
    ((request(), look(REJECTED)), "restricted", "rejected the account (fraud)"),
    ((request(), look(standing(disabled_reason="rejected.other"))), "restricted", "for good"),
    (
        (request(), look(standing(details_submitted=False, disabled_reason="rejected.other"))),
        "restricted",
        "for good",
    ),
    ((request(), look(NO_BANK)), "payouts_disabled", "the time for it is over"),
    ((request(), look(GOOD)), "enabled", ""),
    ((request(), look(DUE)), "enabled", ""),
    ((request(), look(), gone(minutes(1))), "closed", "open another"),
    ((request(), look(), close()), "enabled", ""),
]


@pytest.mark.parametrize(("given", "status", "why"), STATUSES)
def test_only_an_enabled_account_can_be_paid_and_else_the_reason_is_told(
    given: tuple[AccountCommand, ...], status: str, why: str
) -> None:
    account = after(*given)
    payable = can_be_paid(account)
    assert status_of(account) == status
    assert payable.now == (status == "enabled") == (not payable.why_not)
    assert why in payable.why_not


@for_all(st.sampled_from(["active", "inactive", "pending", ""]), st.booleans(), st.booleans())
def test_nobody_is_paid_who_is_not_known_can_be_sent_money_and_have_it_paid_out(
    transfers: Any, submitted: Any, payouts: Any
) -> None:
    seen = standing(transfers=transfers, details_submitted=submitted, payouts_enabled=payouts)
    assert can_be_paid(after(request(), look(seen))).now == (transfers == "active" and submitted and payouts)


def test_a_reason_that_is_not_known_here_is_told_as_stripe_calls_it() -> None:
    assert "moon.full" in reason_of(standing(disabled_reason="moon.full"))
    assert reason_of(standing()) == "it gives no reason"


def test_each_requirement_is_told_once_in_words_with_its_key_the_most_urgent_first() -> None:
    seen = standing(
        currently_due=("external_account", "individual.dob.day"),
        past_due=("external_account",),
        pending=("individual.verification.document",),
    )
    assert [(one.key, one.urgency) for one in requirements_of(seen)] == [
        ("external_account", "past_due"),
        ("individual.dob.day", "due"),
        ("individual.verification.document", "pending"),
    ]
    texts = [one.text for one in requirements_of(seen)]
    assert texts[0] == "Stripe needs a bank account, or a debit card, to be paid to"
    assert texts[1] == "Stripe needs your date of birth"
    assert texts[2].startswith("Stripe is looking at a photo of your identity document")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("tos_acceptance.date", "terms"),
        ("representative.address.city", "the representative's address"),
        ("person_1Ab.verification.additional_document", "an involved person's address"),
        ("company.owners_provided", "all owners"),
        ("company.tax_id", "the company's tax number"),
        ("individual.shoe_size", "individual.shoe_size"),
        ("interv_x1.supportability.form", "interv_x1"),
        ("documents.licence", "documents.licence"),
    ],
)
def test_a_requirement_is_told_in_words_or_by_stripes_name(key: str, words: str) -> None:
    assert words in in_words(key)


def test_facts_of_an_unknown_attempt_change_nothing() -> None:
    stray = facts(request("acn_9"), look(account_id="acn_9"))[1:]
    assert reduce(evolve, stray, after(request(), look())) == after(request(), look())
    assert after(request(), look()).stripe_account_id == AT_STRIPE
