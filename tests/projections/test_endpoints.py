"""Tables of endpoints and of public events are what the facts say, live and rebuilt."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from ledger.endpoints.events import (
    EndpointChanged,
    EndpointCreated,
    EndpointDeleted,
    EndpointDisabled,
    EndpointEnabled,
    EndpointSecretRotated,
)
from ledger.organisations.events import MemberJoined, MemberLeft
from ledger.payments.events import PaymentFailed, PaymentSettled
from ledger.public_events.catalogue import public_event
from projections.live import check
from tests.contracts.record import examples
from tests.projections.histories import START, History, append
from tests.projections.tables import catch_up, select

CREATED = EndpointCreated(
    endpoint_id="whe_1",
    org_id="org_1",
    url="https://example.org/",
    types=("member.joined",),
    payload="thin",
    ordered=True,
    key_id="k1",
)


@pytest.mark.parametrize("batch", [1, 500])
def test_an_endpoint_is_a_row_with_its_two_secrets_names(database_url: str, batch: int) -> None:
    history, until = History(), START + timedelta(days=1)
    history.add("endpoint-whe_1", CREATED)
    for serial in (2, 3):
        rotated = EndpointSecretRotated(endpoint_id="whe_1", serial=serial, key_id="k2", old_until=until)
        history.add("endpoint-whe_1", rotated)
    history.add("endpoint-whe_1", EndpointDisabled(endpoint_id="whe_1", cause="gone"))
    history.add("endpoint-whe_2", msgspec.structs.replace(CREATED, endpoint_id="whe_2", types=()))
    changed = EndpointChanged(
        endpoint_id="whe_2", url="https://example.com/", types=("member.left",), payload="full", ordered=False
    )
    gone = (
        EndpointDisabled(endpoint_id="whe_2", cause="asked"),
        EndpointEnabled(endpoint_id="whe_2"),
        EndpointDeleted(endpoint_id="whe_2"),
    )
    for fact in (changed, *gone):
        history.add("endpoint-whe_2", fact)
    append(database_url, history.recorded)
    catch_up(database_url, batch=batch)
    one, two = select(database_url, "SELECT * FROM endpoints ORDER BY endpoint_id")
    assert (one["serial"], one["key_id"], one["old_serial"], one["old_key_id"]) == (3, "k2", 2, "k2")
    assert (one["disabled"], one["old_until"], one["deleted_at"]) == ("gone", until, None)
    assert (two["url"], two["types"], two["ordered"]) == ("https://example.com/", ["member.left"], False)
    assert (two["disabled"], two["disabled_at"], two["deleted_at"] is None) == ("", None, False)
    assert check(database_url, ["endpoints"]).differences == ()


@pytest.mark.parametrize("batch", [1, 500])
def test_public_events_are_those_that_are_told_in_their_order(database_url: str, batch: int) -> None:
    history = History()
    for kind in (MemberJoined, PaymentSettled, PaymentFailed, MemberLeft):
        for number, fact in enumerate(examples(kind)):
            history.add(f"some-{number}", fact)  # type: ignore[arg-type]  # of a kind of fact
    append(database_url, history.recorded)
    catch_up(database_url, batch=batch)
    rows = select(database_url, "SELECT * FROM public_events ORDER BY position")
    told = [(one.position, public_event(one)) for one in history.recorded]
    assert [(row["position"], row["event_id"], row["type"], row["org_id"]) for row in rows] == [
        (position, event.event_id, event.type, event.org_id) for position, event in told if event
    ]
    assert [msgspec.json.decode(row["data"]) for row in rows] == [event.data for _, event in told if event]
    assert check(database_url, ["public_events"]).differences == ()
