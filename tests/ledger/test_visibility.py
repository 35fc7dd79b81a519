"""Visibility: listed until somebody says otherwise, and said by themselves alone."""

from __future__ import annotations

from functools import reduce

from ledger.visibility.commands import SetVisibility
from ledger.visibility.decider import decide
from ledger.visibility.events import VisibilityChanged
from ledger.visibility.state import Standing, Visibility, evolve
from tests.ledger.examples import NOON


def say(visibility: Visibility) -> SetVisibility:
    return SetVisibility(command_id="cmd_1", effective_at=NOON, user_id="usr_ann", visibility=visibility)


def test_what_changes_is_a_fact_and_what_is_so_already_is_none() -> None:
    assert decide(say("listed"), Standing()) == ()
    hidden = decide(say("hidden"), Standing())
    assert hidden == (VisibilityChanged(user_id="usr_ann", visibility="hidden"),)
    standing = reduce(evolve, hidden, Standing())
    assert decide(say("hidden"), standing) == ()
    assert decide(say("named"), standing) == (VisibilityChanged(user_id="usr_ann", visibility="named"),)


def test_a_word_of_another_version_changes_nothing() -> None:
    hidden = Standing("hidden")
    assert evolve(hidden, VisibilityChanged(user_id="usr_ann", visibility="veiled")) == hidden
