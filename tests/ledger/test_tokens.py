"""Tokens: lots that are awarded once, spent in order, expire, and are taken back if they were for nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE, Catalogue, InvalidCatalogue, check
from ledger.courses.events import CoursePublished
from ledger.effects import AwardHelpfulReview, AwardPublication, AwardStreak, FollowCompletion
from ledger.enrolments.learning.events import EnrolmentCompleted
from ledger.enrolments.state import Enrolment
from ledger.errors import Forbidden, NotFound
from ledger.journal import postings
from ledger.message import Origin
from ledger.permissions import check as may_send
from ledger.policies import react
from ledger.rewards import BY_HAND, DEFAULT_RULES, Rule, TokenRules, fault
from ledger.streaks.events import DateCredited
from ledger.tokens.commands import AwardTokens, ReinstateAward, TokenCommand
from ledger.tokens.events import (
    Part,
    Stretch,
    TokenEvent,
    TokensAwarded,
    TokensClawedBack,
    TokensExpired,
    TokensMatured,
    TokensPenalised,
    TokensRedeemed,
    TokensRestored,
)
from ledger.tokens.following import Attempt, Award, Now, Source, awarded, completion_followed, terms_of
from ledger.tokens.refusals import (
    CapReached,
    DailyLimitReached,
    InsufficientTokens,
    InvalidTokens,
    SameAdmin,
    SecondAdminNeeded,
    TooManyRequests,
)
from ledger.tokens.state import Tokens
from ledger.tokens.time import as_of, next_due
from ledger.votes.events import MarkedHelpful
from tests.ledger.enrolment_examples import activate, reserve, revoke
from tests.ledger.enrolment_examples import when as enrolled
from tests.ledger.examples import DAY, NOON, recorded
from tests.ledger.learning_examples import DONE, bought, report
from tests.ledger.token_examples import (
    ANN,
    MIDNIGHT,
    after,
    award,
    by_hand,
    claw_back,
    confirm,
    penalise,
    redeem,
    reinstate,
    request,
    restore,
    settle,
    when,
)

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
IN_MAY, IN_JUNE = 75, 95
"""Days after noon on 1 March."""


def only(facts: tuple[TokenEvent, ...], kind: Any) -> Any:
    [found] = [fact for fact in facts if isinstance(fact, kind)]
    return found


def sums(tokens: Tokens) -> tuple[int, int, int]:
    return tokens.balance, tokens.pending_amount, tokens.debt


# -------------------------------------------------------------------------------------------------- awards


def test_an_award_is_a_lot_that_keeps_the_numbers_that_it_was_decided_with() -> None:
    tokens, facts = when(Tokens(), award(150, parts=(Part("base", 100), Part("level", 50))))
    won = only(facts, TokensAwarded)
    assert (won.asked, won.amount, won.tier, won.cap, won.rules_version) == (150, 150, "pro", 500, "2026-03")
    assert won.parts == (Part("base", 100), Part("level", 50))
    assert won.stretch == Stretch(150, 0, MIDNIGHT + timedelta(days=365))
    assert sums(tokens) == (150, 0, 0)


def test_an_award_is_sent_under_the_id_that_is_made_of_its_source() -> None:
    """The store records an id once, and nothing else keeps a source from being awarded twice."""
    with pytest.raises(AssertionError):
        after(replace(award(), command_id="cmd_of_my_own"))


def test_the_cap_grants_what_is_left_of_the_month_and_then_refuses() -> None:
    tokens, facts = when(Tokens(), award(400, "a"), award(200, "b", days=1))
    assert [fact.amount for fact in facts if isinstance(fact, TokensAwarded)] == [400, 100]
    with pytest.raises(CapReached, match=r"pro earns 500 tokens .* of which 500 are earned"):
        when(tokens, award(10, "c", days=2))
    assert after(award(400, "a"), award(200, "b"), award(10, "c", days=31)).balance == 510, "in April"


def test_what_follows_from_a_fact_is_recorded_where_nothing_is_left_for_it() -> None:
    _, facts = when(Tokens(), award(500, "a"), award(100, "b", follows=True))
    assert [(fact.asked, fact.amount) for fact in facts if isinstance(fact, TokensAwarded)] == [
        (500, 500),
        (100, 0),
    ]
    assert postings(recorded(facts[-1])) == ()


def test_a_pending_award_uses_the_cap_of_the_month_in_which_it_is_made() -> None:
    """Case 10: it is March that it counts in, not April, in which it matures."""
    pending = award(400, "a", pending_until=NOON + 35 * DAY)
    assert after(pending, award(200, "b", days=1)).balance == 100
    assert after(pending, award(400, "b", days=40)).balance == 800


def test_a_reversal_does_not_open_the_cap_again() -> None:
    tokens, facts = when(Tokens(), award(500, "a"))
    tokens = when(tokens, claw_back(only(facts, TokensAwarded)))[0]
    with pytest.raises(CapReached):
        when(tokens, award(100, "b", days=1))


def test_a_rule_gives_a_user_so_much_a_day() -> None:
    helpful: dict[str, Any] = {"rule": "helpful_review", "a_day": 15}
    tokens = after(award(10, "a", **helpful), award(10, "b", **helpful))
    assert tokens.balance == 15
    with pytest.raises(DailyLimitReached, match="15 were given"):
        when(tokens, award(10, "c", **helpful))
    assert when(tokens, award(10, "c", days=1, **helpful), award(100, "d"))[0].balance == 125


AWARDS = st.lists(
    st.tuples(st.integers(1, 200), st.integers(0, 70), st.booleans(), st.booleans()), max_size=12
)


@for_all(AWARDS)
def test_the_cap_holds_in_any_order(asked: list[tuple[int, int, bool, bool]]) -> None:
    """Pending or not, reversed or not, and also where a clock is behind another."""
    tokens, by_month = Tokens(), dict[str, int]()
    for number, (amount, days, pending, reversed_) in enumerate(asked):
        until = NOON + timedelta(days=days + 20) if pending else None
        tokens, facts = when(tokens, award(amount, str(number), days=days, pending_until=until, follows=True))
        won = only(facts, TokensAwarded)
        month = f"{won.awarded_at:%Y-%m}"
        by_month[month] = by_month.get(month, 0) + won.amount
        if reversed_:
            tokens = when(tokens, claw_back(won, days=days))[0]
    assert all(of_month <= 500 for of_month in by_month.values())


# ------------------------------------------------------------------------------------------------- by hand


def test_an_administrator_gives_so_much_a_day_alone_with_a_reason() -> None:
    tokens = after(by_hand(300, "a"), by_hand(200, "b"))
    assert (tokens.balance, tokens.usage.counted) == (500, 0)
    with pytest.raises(SecondAdminNeeded, match="500 were today"):
        when(tokens, by_hand(1, "c"))
    assert when(tokens, by_hand(1, "c", days=1))[0].balance == 501
    with pytest.raises(InvalidTokens, match="reason"):
        after(replace(by_hand(1), reason=" "))
    with pytest.raises(InvalidTokens, match="amount"):
        after(by_hand(0))


def test_more_needs_a_second_administrator() -> None:
    tokens = after(request(5_000))
    assert (tokens.balance, list(tokens.requests)) == (0, ["awr_1"])
    with pytest.raises(SameAdmin):
        when(tokens, confirm("usr_root"))
    with pytest.raises(SameAdmin, match="for you"):
        when(tokens, confirm(ANN))
    tokens, facts = when(tokens, confirm("usr_eve"))
    won = only(facts, TokensAwarded)
    assert (tokens.balance, len(tokens.requests)) == (5_000, 0)
    assert (won.rule, won.reason, won.request_id) == (BY_HAND, "For a year of answers", "awr_1")
    with pytest.raises(NotFound):
        when(tokens, confirm("usr_eve"))


def test_only_so_many_awards_wait_for_a_second_administrator() -> None:
    tokens = after(*(replace(request(1), request_id=f"awr_{number}") for number in range(20)))
    with pytest.raises(TooManyRequests):
        when(tokens, request(1))


@pytest.mark.parametrize(
    ("command", "actor", "role", "may"),
    [
        (award(), "svc", "service", True),
        (by_hand(1), "svc", "service", False),
        (by_hand(1), "usr_root", "admin", True),
        (award(), "usr_root", "admin", True),
        (award(), ANN, "admin", False),
        (award(), ANN, "student", False),
        (request(1), "usr_root", "admin", True),
        (request(1), "usr_eve", "admin", False),
        (confirm("usr_eve"), "usr_root", "admin", False),
        (penalise(1), "svc", "service", False),
        (redeem(1), ANN, "student", False),
    ],
)
def test_who_may_give_and_take(command: TokenCommand, actor: str, role: str, may: bool) -> None:  # noqa: FBT001
    origin = Origin(actor=actor, roles=frozenset({role}))
    if may:
        may_send(command, origin)
    else:
        with pytest.raises(Forbidden):
            may_send(command, origin)


# -------------------------------------------------------------------------------- expiry, spending, taking


def test_expiry_works_on_lots() -> None:
    """Case 6: 100 until June and 50 for ever, 80 redeemed in May: 50 in June, 20 expired."""
    tokens = after(award(50, "b", expires_at=None), award(100, "a", expires_at=JUNE), redeem(80, days=IN_MAY))
    assert tokens.balance == 70
    assert as_of(tokens, ANN, JUNE - timedelta(seconds=1)).balance == 70
    assert as_of(tokens, ANN, JUNE).balance == 50
    _, facts = when(tokens, settle(days=IN_JUNE))
    assert facts == (TokensExpired(user_id=ANN, expires_at=JUNE, amount=20),)


def test_what_never_expires_is_spent_last_and_equal_lots_in_the_order_of_their_awards() -> None:
    tokens = after(
        award(10, "for ever", expires_at=None),
        award(20, "first", expires_at=JUNE),
        award(30, "second", expires_at=JUNE),
        award(40, "sooner", expires_at=JUNE - DAY),
    )
    _, facts = when(tokens, redeem(95))
    assert only(facts, TokensRedeemed).taken == (
        Stretch(40, 0, JUNE - DAY),
        Stretch(50, 0, JUNE),
        Stretch(5, 0, None),
    )


def test_a_spent_lot_does_not_expire_and_one_that_expired_cannot_be_spent() -> None:
    """Case 7: redeem 60 of 100 as they expire: 60 and 40, or refused and 100."""
    lot = after(award(100, expires_at=JUNE))
    tokens, facts = when(lot, redeem(60, days=IN_MAY), settle(days=IN_JUNE))
    assert (only(facts, TokensRedeemed).amount, only(facts, TokensExpired).amount) == (60, 40)
    assert tokens.balance == 0
    with pytest.raises(InsufficientTokens, match="balance is 0"):
        when(lot, redeem(60, days=IN_JUNE))
    assert when(lot, settle(days=IN_JUNE))[1] == (TokensExpired(user_id=ANN, expires_at=JUNE, amount=100),)


def test_a_decision_records_first_what_time_has_done() -> None:
    tokens = after(award(100, expires_at=JUNE), award(70, "b", pending_until=NOON + 20 * DAY))
    tokens, facts = when(tokens, redeem(60, days=IN_JUNE))
    assert [type(fact) for fact in facts] == [TokensMatured, TokensExpired, TokensRedeemed]
    assert tokens.balance == 10


def test_a_claw_back_takes_its_own_lot_first_and_then_the_order() -> None:
    tokens, facts = when(
        Tokens(), award(50, "sooner", expires_at=JUNE - DAY), award(100, "own", expires_at=JUNE)
    )
    won = facts[-1]
    assert isinstance(won, TokensAwarded)
    own = only(when(tokens, claw_back(won))[1], TokensClawedBack)
    assert (own.from_lot, own.taken, own.owed) == (100, (), 0)
    spent = when(tokens, redeem(80))[0]
    part = only(when(spent, claw_back(won))[1], TokensClawedBack)
    assert (part.from_lot, part.taken, part.owed) == (70, (), 30), "the sooner one is spent"
    more = when(spent, award(20, "later", expires_at=JUNE + DAY))[0]
    tokens, facts = when(more, claw_back(won))
    rest = only(facts, TokensClawedBack)
    assert (rest.from_lot, rest.taken, rest.owed) == (70, (Stretch(20, 0, JUNE + DAY),), 10)
    assert sums(tokens) == (0, 0, 10)


def test_what_expired_unspent_is_not_clawed_back_and_what_was_spent_is() -> None:
    tokens, facts = when(Tokens(), award(100, expires_at=JUNE), redeem(60))
    won = facts[0]
    assert isinstance(won, TokensAwarded)
    late, facts = when(tokens, claw_back(won, days=IN_JUNE))
    back = only(facts, TokensClawedBack)
    assert (back.from_lot, back.expired, back.owed) == (0, 40, 60)
    assert sums(late) == (0, 0, 60)
    spent, facts = when(
        tokens, redeem(40, 2), award(5, "b", days=IN_JUNE, expires_at=None), claw_back(won, days=IN_JUNE)
    )
    assert (only(facts, TokensClawedBack).expired, sums(spent)) == (0, (0, 0, 95))


def test_nothing_is_clawed_back_of_what_ended_so_long_ago_that_it_is_forgotten() -> None:
    tokens, facts = when(Tokens(), award(100, expires_at=JUNE), redeem(100))
    won = facts[0]
    assert isinstance(won, TokensAwarded)
    tokens = when(tokens, award(5, "b", days=IN_JUNE, expires_at=None))[0]
    assert len(tokens.past) == 1
    tokens, facts = when(tokens, award(5, "c", days=600, expires_at=None), claw_back(won, days=600))
    assert (only(facts, TokensClawedBack).expired, sums(tokens), tokens.past) == (100, (10, 0, 0), ())


def test_pending_is_not_balance_and_a_claw_back_of_it_owes_nothing() -> None:
    """Case 10."""
    tokens, facts = when(Tokens(), award(100, pending_until=NOON + 25 * DAY))
    assert (sums(tokens), postings(recorded(facts[0]))) == ((0, 100, 0), ())
    with pytest.raises(InsufficientTokens, match="100 more are pending"):
        when(tokens, redeem(1))
    tokens, facts = when(tokens, claw_back(only(facts, TokensAwarded), days=20))
    assert (sums(tokens), only(facts, TokensClawedBack).from_pending) == ((0, 0, 0), 100)
    assert (postings(recorded(facts[-1])), as_of(tokens, ANN, NOON + 30 * DAY).balance) == ((), 0)


def test_every_credit_repays_the_debt_first() -> None:
    """Case 8: awards, pending ones that mature, and restores."""
    owing = after(penalise(130))
    assert sums(owing) == (0, 0, 130)
    tokens, facts = when(owing, award(100, "a"))
    assert (only(facts, TokensAwarded).repaid, sums(tokens)) == (100, (0, 0, 30))
    tokens = when(tokens, award(100, "b", pending_until=NOON + DAY))[0]
    assert sums(tokens) == (0, 100, 30), "nothing is repaid with what is pending"
    tokens, facts = when(tokens, settle(days=2))
    assert (only(facts, TokensMatured).repaid, sums(tokens)) == (30, (70, 0, 0))
    tokens, facts = when(tokens, redeem(70), penalise(20))
    tokens, facts = when(tokens, restore(only(facts, TokensRedeemed)))
    assert (only(facts, TokensRestored).repaid, sums(tokens)) == (20, (50, 0, 0))


def test_the_part_of_a_lot_that_went_to_the_debt_is_clawed_back_too() -> None:
    tokens, facts = when(after(penalise(30)), award(100))
    tokens = when(tokens, claw_back(only(facts, TokensAwarded)))[0]
    assert sums(tokens) == (0, 0, 30)


def test_a_penalty_takes_in_the_order_of_expiry_and_what_is_missing_is_debt() -> None:
    tokens, facts = when(Tokens(), award(50, expires_at=None), award(50, "b"), penalise(120))
    taken = only(facts, TokensPenalised)
    assert [one.expires_at is None for one in taken.taken] == [False, True]
    assert (taken.owed, sums(tokens)) == (20, (0, 0, 20))
    with pytest.raises(InvalidTokens):
        after(penalise(0))


def test_a_restored_redemption_gives_back_the_same_tokens_with_the_expiry_that_they_had() -> None:
    tokens, facts = when(Tokens(), award(100, "a", expires_at=JUNE), award(50, "b"), redeem(120))
    spent = only(facts, TokensRedeemed)
    soon, facts = when(tokens, restore(spent, days=1))
    back = only(facts, TokensRestored)
    assert (back.given_back, back.regranted, sums(soon)) == (spent.taken, None, (150, 0, 0))
    assert as_of(soon, ANN, JUNE).balance == 50


def test_what_has_expired_meanwhile_is_good_for_seven_days_more() -> None:
    """Case 12."""
    tokens, facts = when(Tokens(), award(100, "a", expires_at=JUNE), award(50, "b"), redeem(120))
    tokens, facts = when(tokens, restore(only(facts, TokensRedeemed), days=IN_JUNE))
    back, until = only(facts, TokensRestored), MIDNIGHT + timedelta(days=IN_JUNE + 7)
    assert (back.given_back[0].amount, back.regranted) == (20, Stretch(100, 0, until))
    assert (tokens.balance, as_of(tokens, ANN, until).balance) == (150, 50)


def test_a_clock_that_is_behind_gives_nothing_back_to_what_has_expired_already() -> None:
    """Another process was at work past midnight; what this one gives again can be spent, and expires once."""
    tokens, facts = when(
        Tokens(),
        award(100, expires_at=MIDNIGHT + 10 * DAY),
        award(50, "b", expires_at=MIDNIGHT + 10 * DAY),
        redeem(60, days=1),
    )
    _, second, spent = facts
    assert isinstance(second, TokensAwarded)
    assert isinstance(spent, TokensRedeemed)
    tokens, _ = when(tokens, claw_back(second, days=2), settle(days=10.6))
    tokens, more = when(tokens, restore(spent, days=10.4))
    restored = only(more, TokensRestored)
    assert (restored.given_back, restored.regranted.amount) == ((), 60)
    assert restored.restored_at == MIDNIGHT + 10 * DAY
    tokens, more = when(tokens, reinstate(second, days=10.4))
    assert only(more, TokensAwarded).stretch.expires_at == MIDNIGHT + 17 * DAY
    assert tokens.balance == sum(strip.left for strip in tokens.strips) == 110
    assert sums(when(tokens, redeem(110, 2, days=11))[0]) == (0, 0, 0)


def test_an_award_whose_reversal_came_to_nothing_is_as_it_was_and_uses_no_cap() -> None:
    tokens, facts = when(Tokens(), award(500))
    won = only(facts, TokensAwarded)
    tokens, facts = when(tokens, claw_back(won), reinstate(won, days=1))
    again = only(facts, TokensAwarded)
    assert (again.attempt, again.amount, again.reinstates) == (2, 500, won.lot_id)
    assert (again.awarded_at, again.stretch.expires_at) == (won.awarded_at, won.stretch.expires_at)
    assert (sums(tokens), tokens.usage.counted) == ((500, 0, 0), 500)


def test_an_award_that_is_reinstated_after_its_time_is_good_for_some_days() -> None:
    tokens, facts = when(Tokens(), award(100, expires_at=JUNE), redeem(60))
    won = facts[0]
    assert isinstance(won, TokensAwarded)
    tokens, facts = when(tokens, claw_back(won, days=IN_JUNE))
    expired = only(facts, TokensClawedBack).expired
    tokens, facts = when(tokens, reinstate(won, days=IN_JUNE, expired=expired))
    again = only(facts, TokensAwarded)
    assert (again.amount, again.repaid, sums(tokens)) == (60, 60, (0, 0, 0))
    assert again.stretch.expires_at == MIDNIGHT + timedelta(days=IN_JUNE + 7)


def test_the_next_time_that_time_changes_something_is_known() -> None:
    assert next_due(Tokens()) is None
    assert next_due(after(award(1, expires_at=None))) is None
    tokens = after(award(100, expires_at=JUNE), award(10, "b", pending_until=NOON + DAY))
    assert next_due(tokens) == NOON + DAY
    assert next_due(as_of(tokens, ANN, NOON + DAY)) == JUNE


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["award", "pending", "claw back", "reinstate", "penalise", "redeem", "restore"]),
        st.integers(0, 40),
        st.integers(1, 120),
        st.integers(0, 5),
    ),
    max_size=25,
)


@for_all(STEPS)
def test_whatever_happens_the_balance_is_what_the_facts_add_up_to(
    steps: list[tuple[str, int, int, int]],
) -> None:
    """Never below zero, never beside a debt, and in the books as it is here."""
    tokens, days, facts = Tokens(), 0, list[TokenEvent]()
    for number, (what, later, amount, which) in enumerate(steps):
        days += later
        if (command := _step(what, number, days, amount, which, facts)) is None:
            continue
        try:
            tokens, more = when(tokens, command)
        except InsufficientTokens:
            continue
        facts += more
        assert min(tokens.balance, tokens.debt, tokens.pending_amount) >= 0 == tokens.balance * tokens.debt
        assert tokens.balance == sum(strip.left for strip in tokens.strips)
        outstanding = [
            leg.amount_minor for fact in facts for leg in postings(recorded(fact)) if leg.account == "9100"
        ]
        assert -sum(outstanding) == tokens.balance - tokens.debt
    assert tokens.balance - tokens.debt + tokens.pending_amount == _net(facts)


def _net(facts: list[TokenEvent]) -> int:
    """Awards and restores, less redemptions, expiries, claw-backs and penalties."""
    net = 0
    for fact in facts:
        match fact:
            case TokensAwarded() | TokensRestored():
                net += fact.amount
            case TokensExpired() | TokensRedeemed() | TokensPenalised():
                net -= fact.amount
            case TokensClawedBack():
                net -= fact.awarded - fact.expired
            case _:
                pass
    return net


def _step(  # noqa: PLR0911 - one answer for each kind of step
    what: str, number: int, days: int, amount: int, which: int, facts: list[TokenEvent]
) -> TokenCommand | None:
    """As the store lets it be: each award reversed once, each redemption restored once."""
    reversed_ = {fact.lot_id for fact in facts if isinstance(fact, TokensClawedBack)}
    again = {fact.reinstates for fact in facts if isinstance(fact, TokensAwarded)}
    restored = {fact.redemption_id for fact in facts if isinstance(fact, TokensRestored)}
    awards = [fact for fact in facts if isinstance(fact, TokensAwarded)]
    until = MIDNIGHT + timedelta(days=days + 20 + 15 * which) if which else None
    match what:
        case "award":
            return award(amount, str(number), days=days, expires_at=until, counted=False)
        case "pending":
            pending = NOON + timedelta(days=days + 15)
            return award(
                amount, str(number), days=days, expires_at=until, counted=False, pending_until=pending
            )
        case "claw back" if left := [one for one in awards if one.lot_id not in reversed_]:
            return claw_back(left[which % len(left)], days=days)
        case "reinstate" if gone := [
            one for one in awards if one.lot_id in reversed_ and one.lot_id not in again
        ]:
            of = gone[which % len(gone)]
            how = next(one for one in facts if isinstance(one, TokensClawedBack) and one.lot_id == of.lot_id)
            return reinstate(of, days=days, expired=how.expired)
        case "penalise":
            return penalise(amount, days=days, penalty_id=f"pen_{number}")
        case "redeem":
            return redeem(amount, number, days=days)
        case "restore":
            spent = [
                one for one in facts if isinstance(one, TokensRedeemed) and one.redemption_id not in restored
            ]
            return restore(spent[which % len(spent)], days=days) if spent else None
        case _:
            return None


def test_an_account_of_many_years_is_remembered_in_as_little_as_a_new_one() -> None:
    """A strip for each day on which something expires, however many awards there were."""
    tokens = Tokens()
    for number in range(3_000):
        one = award(10, str(number), days=number % 300, counted=False)
        tokens = when(tokens, one, redeem(5, number, days=number % 300))[0]
    assert (len(tokens.strips), tokens.balance) == (1, 15_000)
    assert len(tokens.strips[0].taken) == 1


# ------------------------------------------------------------------------------------- what awards follow


def now(tier: str = "pro", catalogue: Catalogue = DEFAULT_CATALOGUE, days: float = 0) -> Now:
    return Now(NOON + timedelta(days=days), tier, catalogue)


COMPLETION = FollowCompletion("crs_1", ANN)


def followed(enrolment: Enrolment, attempt: Attempt = Attempt(), days: float = 0) -> Any:  # noqa: B008 - immutable
    return completion_followed(COMPLETION, enrolment, attempt, now(days=days))


def test_facts_of_other_domains_ask_for_awards() -> None:
    vote = MarkedHelpful(review_id="rvw_1", course_id="crs_1", user_id="usr_bob", author_id=ANN)
    assert react(recorded(vote, stream="votes-rvw_1")) == (AwardHelpfulReview("rvw_1", ANN),)
    silent = replace(vote, author_id="")
    assert react(recorded(silent, stream="votes-rvw_1")) == ()
    published = CoursePublished(course_id="crs_1", revision=3)
    assert react(recorded(published, stream="course-crs_1")) == (AwardPublication("crs_1"),)
    day = DateCredited(
        user_id=ANN, local_date=date(2026, 3, 7), first_date=date(2026, 3, 1), days=7, longest=7, at=NOON
    )
    assert react(recorded(day, stream="streak-usr_ann")) == ()
    reached = replace(day, milestone=7)
    assert react(recorded(reached, stream="streak-usr_ann")) == (AwardStreak(ANN, 7, date(2026, 3, 1)),)


def test_a_completion_of_a_paid_course_is_pending_until_it_can_be_refunded_no_more() -> None:
    done = enrolled(bought(), report("itm_1", "itm_2", after=10 * DAY))[0]
    command = followed(done, days=10)
    assert isinstance(command, AwardTokens)
    assert command.terms.pending_until == NOON + 30 * DAY
    assert command.terms.expires_at == MIDNIGHT + 395 * DAY, "it expires a year after it can be spent"
    assert (command.source_ref, command.cause_id, command.terms.cap) == ("crs_1", "enr_1", 500)
    assert sums(after(command)) == (0, 100, 0)
    assert sums(after(followed(done, days=31))) == (100, 0, 0)


def test_what_is_completed_long_after_its_purchase_is_good_for_as_long_as_anything_else() -> None:
    """The time to refund it was over when it was earned: it can be spent from that moment, and not before."""
    done = enrolled(bought(), report("itm_1", "itm_2", after=500 * DAY))[0]
    command = followed(done, days=500)
    assert command.terms.expires_at == MIDNIGHT + 865 * DAY
    assert sums(after(command, settle(days=864))) == (100, 0, 0)


def test_a_completion_of_a_free_course_is_there_at_once() -> None:
    free = enrolled(Enrolment(), reserve(offered={"price_minor": 0}, expected_minor=0))[0]
    command = followed(enrolled(free, DONE)[0])
    assert isinstance(command, AwardTokens)
    assert command.terms.pending_until is None


def completed(**changes: Any) -> Enrolment:
    """With another completion of the same attempt."""
    enrolment, facts = enrolled(bought(), DONE)
    was = next(fact for fact in facts if isinstance(fact, EnrolmentCompleted))
    progress = replace(enrolment.learning.of("enr_1"), completed=replace(was, **changes))
    learning = replace(enrolment.learning, attempts=enrolment.learning.attempts.put("enr_1", progress))
    return replace(enrolment, learning=learning)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, {"base": 100}),
        ({"level": "intermediate"}, {"base": 100, "level": 25}),
        ({"level": "advanced"}, {"base": 100, "level": 50}),
        ({"elapsed_s": 2_699, "plausible": True}, {"base": 100, "speed": 50}),
        ({"elapsed_s": 2_700, "plausible": True}, {"base": 100}),
        ({"elapsed_s": 60, "plausible": False}, {"base": 100}),
        ({"elapsed_s": None, "plausible": False}, {"base": 100}),
    ],
)
def test_a_completion_has_a_bonus_for_its_level_and_for_a_speed_that_is_plausible(
    changes: dict[str, Any], parts: dict[str, int]
) -> None:
    """The author estimates 90 minutes; the items take 60, so that 30 is the least that is plausible."""
    command = followed(completed(**changes))
    assert {part.name: part.amount for part in command.terms.parts} == parts


def test_speed_is_measured_by_the_facts_of_the_course() -> None:
    quick = enrolled(bought(), report("itm_1", "itm_2", after=timedelta(minutes=40)))[0]
    assert [part.name for part in followed(quick).terms.parts] == ["base", "speed"]
    too_quick = enrolled(bought(), report("itm_1", "itm_2", after=timedelta(minutes=20)))[0]
    assert [part.name for part in followed(too_quick).terms.parts] == ["base"]


def test_a_completion_is_awarded_once_clawed_back_with_the_access_and_given_again_with_it() -> None:
    """Case 9, for a refund that fails; where the course is bought anew, it is another award."""
    done = enrolled(bought(), DONE)[0]
    tokens, facts = when(Tokens(), followed(done))
    stands = Attempt(1, only(facts, TokensAwarded))
    assert followed(done, stands) is None
    gone = enrolled(done, revoke())[0]
    assert followed(gone) is None
    tokens, facts = when(tokens, followed(gone, stands))
    reversed_ = Attempt(1, stands.award, only(facts, TokensClawedBack))
    assert followed(gone, reversed_) is None
    again = followed(done, reversed_)
    assert isinstance(again, ReinstateAward)
    assert sums(when(tokens, again)[0]) == (0, 100, 0)
    anew = enrolled(gone, reserve(2), activate(2), replace(DONE, command_id="cmd_2"))[0]
    second = followed(anew, reversed_)
    assert (type(second), second.attempt, second.cause_id) == (AwardTokens, 2, "enr_2")


def test_rules_by_which_a_completion_earns_nothing_take_nothing_of_what_others_gave() -> None:
    """An operator's new rules are in force when what followed is looked at once more, or a refund fails."""
    nothing = replace(DEFAULT_RULES, rules={**DEFAULT_RULES.rules, "course_completed": Rule(amount=0)})
    later = now(catalogue=replace(DEFAULT_CATALOGUE, tokens=nothing))
    done = enrolled(bought(), DONE)[0]
    tokens, facts = when(Tokens(), followed(done))
    stands = Attempt(1, only(facts, TokensAwarded))
    assert completion_followed(COMPLETION, done, stands, later) is None
    gone = enrolled(done, revoke())[0]
    _, facts = when(tokens, followed(gone, stands))
    reversed_ = Attempt(1, stands.award, only(facts, TokensClawedBack))
    assert isinstance(completion_followed(COMPLETION, done, reversed_, later), ReinstateAward)
    assert completion_followed(COMPLETION, done, Attempt(), later) is None


def test_a_rule_that_says_no_amount_is_left_to_who_awards_by_it() -> None:
    """What the ledger itself follows would be an award of nothing, and the source would be used up."""
    left = replace(DEFAULT_RULES, rules={**DEFAULT_RULES.rules, "streak_7": Rule(amount=0)})
    streak = Award(source=Source(ANN, "streak_7", "2026-03-01"), parts=())
    assert awarded(streak, Attempt(), now(catalogue=replace(DEFAULT_CATALOGUE, tokens=left))) is None
    assert isinstance(awarded(streak, Attempt(), now()), AwardTokens)


def test_what_a_service_awarded_for_a_course_is_not_taken_for_an_enrolment_that_is_not_completed() -> None:
    _, facts = when(Tokens(), award(100, "crs_1"))
    own = only(facts, TokensAwarded)
    assert react(recorded(own, stream="tokens-usr_ann")) == ()
    assert followed(bought(), Attempt(1, own)) is None


def test_an_award_and_its_reversal_are_looked_at_once_more() -> None:
    """The enrolment may have come to something else just before they were recorded."""
    _, facts = when(Tokens(), award(100, "crs_1", cause_id="enr_1"))
    assert react(recorded(facts[0], stream="tokens-usr_ann")) == (COMPLETION,)
    [back] = when(Tokens(), claw_back(only(facts, TokensAwarded)))[1]
    assert react(recorded(back, stream="tokens-usr_ann")) == (COMPLETION,)


# --------------------------------------------------------------------------------------------------- rules


def test_terms_are_those_of_the_rules_and_the_tier() -> None:
    plain = terms_of("helpful_review", now("free"))
    assert (plain.parts, plain.cap, plain.a_day, plain.alone) == ((Part("base", 10),), 50, 50, None)
    given = terms_of(BY_HAND, now("free"))
    assert (given.parts, given.cap, given.counted, given.alone) == ((), None, False, 500)
    assert terms_of(BY_HAND, now("gone")).tier == "free"
    forever = replace(
        DEFAULT_RULES, rules={**DEFAULT_RULES.rules, "quiz": Rule(amount=5, expires_after_days=0)}
    )
    quiz = terms_of("quiz", now(catalogue=replace(DEFAULT_CATALOGUE, tokens=forever)))
    assert (quiz.expires_at, quiz.parts) == (None, (Part("base", 5),))


def test_the_rules_are_a_part_of_the_catalogue() -> None:
    assert DEFAULT_CATALOGUE.tokens.streaks == (7, 30, 100)
    lacking = TokenRules(rules={BY_HAND: Rule(amount=0)})
    assert "course_completed, helpful_review, course_published" in fault(lacking)
    with pytest.raises(InvalidCatalogue, match=r"tokens\.rules"):
        check(replace(DEFAULT_CATALOGUE, tokens=lacking))
    fixed = replace(DEFAULT_RULES, rules={**DEFAULT_RULES.rules, BY_HAND: Rule(amount=50)})
    assert "who gives tokens by hand says how many" in fault(fixed)
    for name in ("streak_seven", "streak_07", "Quiz", "a b"):
        odd = replace(DEFAULT_RULES, rules={**DEFAULT_RULES.rules, name: Rule(amount=1)})
        assert name in fault(odd)
