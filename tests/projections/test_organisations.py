"""The tables of organisations are what the rules make of the facts, live and rebuilt."""

from __future__ import annotations

import random
from functools import reduce
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from api.organisations import reads
from api.organisations.membership import _OF_USERS
from ledger.errors import Refused
from ledger.ids import new_id
from ledger.organisations.decider import decide, stream
from ledger.organisations.state import Organisation, evolve
from ledger.store import conninfo
from projections.live import check
from tests.ledger.organisation_examples import (
    accept,
    add,
    archive,
    change,
    close,
    create,
    create_class,
    invite,
    leave,
    remove,
    take_out,
)
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, select

USERS = ["usr_ola", "usr_max", "usr_mia", "usr_zoe"]
ROLES = ["owner", "manager", "member"]
CLASSES = ["cls_1", "cls_2", "cls_3"]


def asked_by_chance(chance: random.Random, organisation: Organisation) -> Any:
    one, other = chance.choice(USERS), chance.choice(USERS)
    role: Any = chance.choice(ROLES)
    class_id = chance.choice(CLASSES)
    theirs = [key for key, made in organisation.invitations.items() if made.user_id == one]
    return chance.choice(
        [
            invite(other, role, by=one, invitation_id=new_id("oiv")),
            *[accept(one, invitation_id=key) for key in theirs for _ in range(3)],
            change(other, role, by=one),
            remove(other, by=one),
            leave(one),
            create_class(class_id, by=one),
            add(other, class_id, by=one),
            add(other, class_id, by=one),
            take_out(other, class_id, by=one),
            archive(class_id, by=one) if chance.random() < 0.1 else add(other, class_id, by=one),
            close(one) if chance.random() < 0.02 else leave(one),
        ]
    )


def by_chance(seed: int, steps: int) -> tuple[History, dict[str, Organisation]]:
    """Three organisations, in which four users do anything to each other."""
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    organisations = {f"org_{number}": Organisation() for number in range(3)}
    for step in range(steps):
        org_id = f"org_{step % 3}"
        organisation = organisations[org_id]
        asked = asked_by_chance(chance, organisation) if organisation.org_id else create()
        asked = replace(asked, org_id=org_id)
        if hasattr(asked, "class_id"):  # no two organisations have one
            asked = replace(asked, class_id=f"{asked.class_id}_{step % 3}")
        try:
            facts = decide(asked, organisation)
        except Refused:
            continue
        if facts:
            history.add(stream(asked), *facts)
            organisations[org_id] = reduce(evolve, facts, organisation)
    return history, organisations


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_each_row_is_as_the_rules_have_it(database_url: str, seed: int, batch: int) -> None:
    history, organisations = by_chance(seed, 600)
    append(database_url, history.recorded)
    assert catch_up(database_url, batch=batch).errors == {}
    assert {one.org_id for one in organisations.values()} == {"org_0", "org_1", "org_2"}
    assert _found(database_url, "SELECT org_id, words_id, closed_at IS NOT NULL FROM organisations") == {
        (one.org_id, one.words_id, one.closed) for one in organisations.values()
    }
    assert _found(database_url, "SELECT org_id, user_id, role FROM organisation_members") == {
        (one.org_id, user_id, role) for one in organisations.values() for user_id, role in one.members.items()
    }
    opened = "SELECT org_id, invitation_id, role FROM organisation_invitations WHERE status = 'open'"
    assert _found(database_url, opened) == {
        (one.org_id, key, made.role)
        for one in organisations.values()
        for key, made in one.invitations.items()
    }
    classes = "SELECT class_id, words_id, archived_at IS NOT NULL FROM organisation_classes"
    assert _found(database_url, classes) == {
        (key, known.words_id, known.archived)
        for one in organisations.values()
        for key, known in one.classes.items()
    }
    assert _found(database_url, "SELECT org_id, class_id, user_id FROM class_members") == {
        (one.org_id, key, user_id)
        for one in organisations.values()
        for key, known in one.classes.items()
        for user_id in known.members
    }
    assert check(database_url, ["organisations"]).differences == ()


def _found(url: str, query: Any) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in select(url, query)}


_PLANS = {
    "organisations_of_user": reads.ORGANISATIONS,
    "members_of_organisation": reads.MEMBERS,
    "open_invitations_of_organisation": reads.INVITATIONS,
    "open_invitations_of_user": reads.OWN_INVITATIONS,
    "classes_of_organisation": reads.CLASSES,
    "classes_of_member": reads.OWN_CLASSES,
    "members_of_class": reads.CLASS_MEMBERS,
}
_ARGUMENTS = {
    "user_id": "usr_1",
    "org_id": "org_1",
    "class_id": "cls_1",
    "now": "2026-01-01T00:00:00Z",
    "before": 9,
    "limit": 9,
}


@pytest.mark.parametrize("index", _PLANS)
def test_each_list_is_read_by_its_index(index: str, database_url: str) -> None:
    """And comes in its order, but for the few classes of one member."""
    plan = _plan(database_url, _PLANS[index], _ARGUMENTS)
    assert f"using {index}" in plan
    assert ("Sort" in plan) is (index == "classes_of_member")


@pytest.mark.parametrize("query", [_OF_USERS, reads._OWNED], ids=["belongs", "owned"])
def test_whose_organisations_they_are_is_read_by_its_index(query: str, database_url: str) -> None:
    of = ["usr_1"] if "ANY" in query else "usr_1"
    assert "using organisations_of_user" in _plan(database_url, query, (of,))


def _plan(url: str, query: str, arguments: Any) -> str:
    with psycopg.ClientCursor(psycopg.connect(conninfo(url), autocommit=True)) as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {query}".encode(), arguments)
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.connection.close()
    return plan
