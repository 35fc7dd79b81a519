"""What is told outside is a reviewed list: nothing else of a fact gets out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.endpoints.events import EndpointCreated
from ledger.message import Event, Metadata, Recorded
from ledger.organisations.events import MemberInvited
from ledger.payments.events import PaymentFailed, RefundRequested
from ledger.public_events.catalogue import OF_ORGANISATIONS, PUBLICATIONS, TYPES, public_event
from ledger.public_events.publication import Publication
from tests.contracts.record import examples

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "webhooks.md"
WORDS = {
    "reason",
    "note",
    "description",
    "detail",
    "reference",
    "device",
    "words_id",
    "words_hash",
    "cause_id",
}
"""What somebody wrote, or what leads to it."""


def recorded(event: Event, stream: str, *, version: int = 1, command_id: str = "cmd_1") -> Recorded:
    metadata = Metadata(actor="usr_a", command="c", command_digest="", effective_at=NOON)
    return Recorded(7, stream, version, event, metadata, NOON, command_id)


def test_a_fact_is_told_by_its_public_name_and_the_fields_that_are_named() -> None:
    event = public_event(
        recorded(PaymentFailed(code="card_declined", payment_intent_id="pi_secret"), "payment-pay_1")
    )
    assert event is not None
    assert (event.type, event.version, event.object_id, event.org_id) == ("payment.failed", 1, "pay_1", "")
    assert event.data == {"payment_id": "pay_1", "code": "card_declined", "decline_code": ""}


def test_what_somebody_wrote_stays_inside() -> None:
    fact = RefundRequested(
        payment_id="pay_1",
        refund_id="re_1",
        payment_intent_id="pi_1",
        amount_minor=5,
        currency="usd",
        reason="requested_by_customer",
        note="Ada Lovelace wrote in",
    )
    event = public_event(recorded(fact, "payment-pay_1"))
    assert event is not None
    assert event.data == {"refund_id": "re_1", "payment_id": "pay_1", "amount_minor": 5, "currency": "usd"}
    assert not [each for each in PUBLICATIONS if WORDS & set(each.members)]


def test_who_is_invited_and_by_which_code_is_told_to_nobody() -> None:
    [least, *_] = reversed(examples(MemberInvited))
    assert isinstance(least, MemberInvited)
    event = public_event(recorded(least, "organisation-org_1"))
    assert event is not None
    assert set(event.data) == {"invitation_id", "org_id", "role"}
    assert event.org_id == least.org_id


@pytest.mark.parametrize("publication", PUBLICATIONS, ids=lambda each: each.type)
def test_each_is_flat_and_begins_with_the_id_of_what_it_is_about(publication: Publication) -> None:
    for fact in examples(publication.fact):
        assert isinstance(fact, Event)
        event = publication.of(recorded(fact, "some-thing_1"))
        assert tuple(event.data) == publication.members
        assert event.data[publication.key] == event.object_id
        assert all(value is None or isinstance(value, str | int) for value in event.data.values())
        kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event.data))
        assert kept == event.data


def test_an_event_has_the_same_id_whenever_it_is_made_and_shares_it_with_no_other() -> None:
    fact = PaymentFailed(code="x")

    def id_of(one: Recorded) -> str:
        event = public_event(one)
        assert event is not None
        return event.event_id

    first = id_of(recorded(fact, "payment-pay_1"))
    moved = msgspec.structs.replace(recorded(fact, "payment-pay_1"), position=99)
    assert id_of(moved) == first, "positions are given anew after a restore"
    others = {
        id_of(recorded(fact, "payment-pay_1", version=2)),
        id_of(recorded(fact, "payment-pay_2")),
        id_of(recorded(fact, "payment-pay_1", command_id="cmd_2")),
    }
    assert len({first, *others}) == 4


def test_what_is_about_endpoints_themselves_is_told_to_nobody() -> None:
    [fact] = examples(EndpointCreated)
    assert isinstance(fact, EndpointCreated)
    assert public_event(recorded(fact, "endpoint-whe_1")) is None


def test_organisations_are_told_of_what_says_whose_it_is() -> None:
    assert all("org_id" in each.members for each in PUBLICATIONS if each.type in OF_ORGANISATIONS)
    assert {each.type for each in PUBLICATIONS if "org_id" in each.members} == OF_ORGANISATIONS
    assert len(TYPES) == len(PUBLICATIONS), "a name is one kind of fact's"


def test_the_guide_lists_exactly_these() -> None:
    table = "\n".join(
        f"| `{each.type}` | {each.version} | {', '.join(f'`{name}`' for name in each.members)} |"
        for each in PUBLICATIONS
    )
    assert table in GUIDE.read_text(encoding="utf-8"), f"docs/guides/webhooks.md should have:\n{table}"
