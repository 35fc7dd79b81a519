"""Ids that derive from an intent, and the digests that tell a repeat of it from another."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.ids import derived_id, new_id
from ledger.message import Command
from ledger.subscriptions.commands import RequestCancellation
from tests.ledger.examples import initiate, request_refund
from tests.ledger.subscription_examples import change, request, request_credit, wish

INTENTS = st.lists(st.text(max_size=6), max_size=4).map(tuple)
PREFIXES = st.sampled_from(("pay", "re", "sub", "chg", "req", "cn"))


def test_an_intent_has_the_same_id_in_every_version() -> None:
    assert derived_id("pay", "a ledger", "api:1") == "pay_d30171c00192006e6a9f713eb0faabc1"


@given(PREFIXES, INTENTS)
def test_a_derived_id_looks_like_any_other(prefix: str, intent: tuple[str, ...]) -> None:
    derived = derived_id(prefix, *intent)
    assert derived == derived_id(prefix, *intent)
    assert re.fullmatch(rf"{prefix}_[0-9a-f]{{32}}", derived)
    assert len(derived) == len(new_id(prefix))


@given(PREFIXES, PREFIXES, INTENTS, INTENTS)
def test_no_two_intents_and_no_two_kinds_share_an_id(
    prefix: str, other_prefix: str, intent: tuple[str, ...], other: tuple[str, ...]
) -> None:
    same = (prefix, intent) == (other_prefix, other)
    one, two = derived_id(prefix, *intent), derived_id(other_prefix, *other)
    assert (one.partition("_")[2] == two.partition("_")[2]) is same


@given(st.text(), st.text(), st.integers(1, 20))
def test_where_one_part_ends_matters(first: str, second: str, at: int) -> None:
    whole = first + second
    assert (derived_id("pay", first, second) == derived_id("pay", whole[:at], whole[at:])) is (
        first == whole[:at]
    )


@pytest.mark.parametrize(
    ("command", "digest"),
    [
        (initiate(), "6cd9c6af26320f008ec0b0304b7dd681a71ef48e0496d57768817511ff7dce07"),
        (request_refund(4000), "b5c9337ea2dae7dfd4a5010a131a3ac066661210d771a6276a2d66189af75050"),
        (request(), "4dc3d4d6fcc9ac3f2e908f4d36de3d1b2f4b525e9eed0b1e273717c659c44eba"),
        (request_credit(99), "6763cefe6f6cb71e4ed890ea6af798486c9d1daf9e80aad1f7348883bd1cfc89"),
        (change(), "0305b84c30666a0ddb97f138c2433adbbd7eec71a46bd404ce72a4ef45622bb2"),
        (wish(RequestCancellation), "bb03ef09d4a4e4bbad42b3ec07f130ba5708806244a839ef30904649e160a7bf"),
    ],
)
def test_an_intent_has_the_digest_that_older_versions_recorded(command: Command, digest: str) -> None:
    """They drew ids anew, which therefore are no part of it."""
    assert command.digest() == digest
