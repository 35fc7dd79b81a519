"""An endpoint's rules: what it may be told, how its secrets follow each other, and that what is gone stays
gone.
"""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.endpoints.commands import (
    ChangeEndpoint,
    CreateEndpoint,
    DeleteEndpoint,
    DisableEndpoint,
    EnableEndpoint,
    EndpointCommand,
    RotateEndpointSecret,
)
from ledger.endpoints.decider import decide
from ledger.endpoints.events import EndpointDisabled
from ledger.endpoints.refusals import TooManyEndpoints, UnknownEventType
from ledger.endpoints.state import Endpoint, SecretName, evolve
from ledger.errors import NotFound
from tests.ledger.examples import NOON

FIELDS: dict[str, Any] = {"command_id": "cmd_1", "effective_at": NOON, "endpoint_id": "whe_1"}
WISHED: dict[str, Any] = {"url": "https://example.org/", "types": (), "payload": "full", "ordered": False}
CREATE = CreateEndpoint(**FIELDS, **WISHED, org_id="", key_id="k1", count=0, most=2)
CHANGE = ChangeEndpoint(**FIELDS, **WISHED)
ROTATE = RotateEndpointSecret(**FIELDS, key_id="k2", old_until=NOON + timedelta(hours=24))
DISABLE, ENABLE = DisableEndpoint(**FIELDS, cause="failing"), EnableEndpoint(**FIELDS)


def after(*commands: EndpointCommand) -> Endpoint:
    return reduce(lambda state, command: reduce(evolve, decide(command, state), state), commands, Endpoint())


def test_each_rotation_makes_another_secret_and_keeps_the_one_before() -> None:
    endpoint = after(CREATE, ROTATE)
    assert (endpoint.secret, endpoint.old_secret) == (SecretName(2, "k2"), SecretName(1, "k1"))
    assert endpoint.old_until == ROTATE.old_until
    assert after(CREATE, ROTATE, ROTATE).old_secret == SecretName(2, "k2")


def test_no_fact_has_a_secret() -> None:
    facts = (*decide(CREATE, Endpoint()), *decide(ROTATE, after(CREATE)))
    assert not [fact for fact in facts if "whsec" in repr(fact) or "secret=" in repr(fact)]


def test_it_is_disabled_once_and_why_is_told() -> None:
    assert decide(DISABLE, after(CREATE)) == (EndpointDisabled(endpoint_id="whe_1", cause="failing"),)
    assert decide(DISABLE, after(CREATE, DISABLE)) == ()
    assert after(CREATE, DISABLE, ENABLE) == after(CREATE)
    assert decide(ENABLE, after(CREATE)) == decide(CHANGE, after(CREATE)) == ()


@pytest.mark.parametrize("command", [CHANGE, ROTATE, DISABLE, ENABLE, DeleteEndpoint(**FIELDS)])
def test_what_is_gone_or_never_was_is_not_found(command: EndpointCommand) -> None:
    for endpoint in (Endpoint(), after(CREATE, DeleteEndpoint(**FIELDS))):
        with pytest.raises(NotFound):
            decide(command, endpoint)


def test_an_organisation_is_told_of_itself_alone() -> None:
    of = replace(CREATE, org_id="org_1")
    assert after(replace(of, types=("member.joined",))).types == ("member.joined",)
    for command in (
        replace(of, types=("payment.succeeded",)),
        replace(CREATE, types=("payments.succeeded.v1",)),
    ):
        with pytest.raises(UnknownEventType):
            decide(command, Endpoint())
    with pytest.raises(UnknownEventType):
        decide(replace(CHANGE, types=("payment.succeeded",)), after(of))


def test_there_are_as_many_as_may_be() -> None:
    with pytest.raises(TooManyEndpoints):
        decide(replace(CREATE, count=2), Endpoint())
