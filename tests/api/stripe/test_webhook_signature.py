"""Whose webhooks are believed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from api.webhooks.routes import (
    SignatureInvalid,
    SignatureMissing,
    StampOutsideTolerance,
    WebhookRefused,
    parse_event,
    received,
    verify,
)

SECRET, OLD_SECRET = "whsec_new", "whsec_old"
NOW = 1_790_000_000


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "charge.refunded",
        "created": NOW - 7,
        "livemode": False,
        "data": {"object": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}},
    } | changes


BODY = msgspec.json.encode(event())


def signed(body: bytes, secret: str, stamp: int) -> str:
    header: str = WebhookSignature.generate_signature_header(body.decode(), secret, stamp)
    return header


def check(header: str, body: bytes = BODY, now: int = NOW) -> None:
    verify(body, header, (SECRET, OLD_SECRET), datetime.fromtimestamp(now, UTC))


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
@pytest.mark.parametrize("stamp", [NOW - 300, NOW, NOW + 300])
def test_either_secret_is_good_within_the_tolerance(secret: str, stamp: int) -> None:
    check(signed(BODY, secret, stamp))


@pytest.mark.parametrize("stamp", [NOW - 301, NOW + 301, 0, 10**15])
def test_a_stamp_too_far_from_now_is_refused_in_both_directions(stamp: int) -> None:
    with pytest.raises(StampOutsideTolerance):
        check(signed(BODY, SECRET, stamp))


@pytest.mark.parametrize(
    "header",
    [
        "t=1",
        "v1=ab",
        "t=x,v1=ab",
        f"t={NOW},v1=",
        f"t={NOW},v0=00",
        f"t={NOW},v1=\u00e9",
        "t=" + "9" * 5000,
    ],
)
def test_garbage_is_no_signature(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(header)


@pytest.mark.parametrize("header", ["", " "])
def test_what_nobody_signed_is_told_so(header: str) -> None:
    with pytest.raises(SignatureMissing, match="There is no Stripe-Signature header"):
        check(header)


def test_another_secret_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        check(signed(BODY, "whsec_guessed", NOW))


def test_a_body_that_is_not_text_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        check(signed(BODY, SECRET, NOW), body=b"\xff" + BODY)


@given(place=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_any_changed_byte_breaks_the_signature(place: int, change: int) -> None:
    forged = bytearray(BODY)
    forged[place] ^= change
    with pytest.raises(SignatureInvalid):
        check(signed(BODY, SECRET, NOW), body=bytes(forged))


def test_the_command_holds_ids_and_times_alone() -> None:
    command = received(parse_event(BODY))
    assert command.command_id == "stripe:evt_1"
    assert (command.object_id, command.charge_id, command.payment_intent_id) == ("ch_1", "ch_1", "pi_1")
    assert command.effective_at == command.created_at == datetime.fromtimestamp(NOW - 7, UTC)


@pytest.mark.parametrize(
    ("subject", "payment_intent_id", "charge_id"),
    [
        ({"object": "payment_intent", "id": "pi_2", "latest_charge": "ch_2"}, "pi_2", "ch_2"),
        ({"object": "refund", "id": "re_2", "payment_intent": "pi_2", "charge": "ch_2"}, "pi_2", "ch_2"),
        ({"object": "dispute", "id": "du_2", "payment_intent": None, "charge": "ch_2"}, "", "ch_2"),
        ({"object": "charge", "id": "ch_2", "payment_intent": {"id": "pi_2"}}, "pi_2", "ch_2"),
        ({"object": "payout", "id": "po_2"}, "", ""),
        ({"object": "balance"}, "", ""),
    ],
)
def test_every_kind_of_object_leads_to_its_payment(
    subject: dict[str, Any], payment_intent_id: str, charge_id: str
) -> None:
    command = received(parse_event(msgspec.json.encode(event(data={"object": subject}))))
    assert (command.payment_intent_id, command.charge_id) == (payment_intent_id, charge_id)


def test_a_repeat_found_by_catching_up_is_the_same_command() -> None:
    told = parse_event(BODY)
    assert received(told).digest() == received(told, caught_up=True).digest()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"object": "v2.core.event", "id": "evt_1"}', b"\x00"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        parse_event(body)
