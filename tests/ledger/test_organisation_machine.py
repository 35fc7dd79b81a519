"""Anybody asks anything of one organisation at any time, and what holds of it always is counted anew."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import reduce
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from ledger.errors import Refused
from ledger.organisations.decider import decide
from ledger.organisations.events import (
    InvitationDeclined,
    InvitationExpired,
    InvitationWithdrawn,
    MemberInvited,
    MemberJoined,
    MemberLeft,
)
from ledger.organisations.state import Organisation, Role, evolve
from tests.ledger.examples import NOON
from tests.ledger.organisation_examples import (
    LIMITS,
    MAX,
    MIA,
    OLA,
    ZOE,
    accept,
    add,
    archive,
    at,
    change,
    close,
    create,
    create_class,
    invite,
    invite_by_code,
    leave,
    remove,
    show,
    take_out,
)

USERS = st.sampled_from([OLA, MAX, MIA, ZOE])
ROLES = st.sampled_from(["owner", "manager", "member"])
CLASSES = st.sampled_from(["cls_1", "cls_2", "cls_3"])
ASKED: st.SearchStrategy[Any] = st.one_of(
    st.builds(lambda member, role, by: change(member, role, by=by), USERS, ROLES, USERS),
    st.builds(lambda member, by: remove(member, by=by), USERS, USERS),
    st.builds(leave, USERS),
    st.builds(lambda of, by: create_class(of, by=by), CLASSES, USERS),
    st.builds(lambda member, of, by: add(member, of, by=by), USERS, CLASSES, USERS),
    st.builds(lambda member, of, by: take_out(member, of, by=by), USERS, CLASSES, USERS),
    st.builds(lambda of, by: archive(of, by=by), CLASSES, USERS),
)


class AnyOrganisation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.organisation = Organisation()
        self.facts: list[Any] = []
        self.made: list[MemberInvited] = []
        self.open: dict[str, MemberInvited] = {}
        """Of the invitations those that neither ended nor were taken up."""

    @initialize()
    def is_created(self) -> None:
        self._do(create())

    @rule(asked=ASKED)
    def somebody_asks(self, asked: Any) -> None:
        self._do(asked)

    @rule(invited=st.one_of(USERS, st.none()), role=ROLES, by=USERS)
    def somebody_invites(self, invited: str | None, role: Role, by: str) -> None:
        ours = str(len(self.facts))
        asked = invite(invited, role, by=by) if invited else invite_by_code(ours, role, by=by)
        self._do(replace(asked, invitation_id=f"oiv_{ours}"))

    @rule(user=USERS, which=st.integers(0, 50))
    def somebody_takes_an_invitation_up(self, user: str, which: int) -> None:
        """Any that there ever was."""
        if self.made:
            one = self.made[-1 - which % len(self.made)]
            by_code = one.code_hash != ""
            self._do(show(user, one.code_hash) if by_code else accept(user, invitation_id=one.invitation_id))

    @rule(days=st.integers(1, LIMITS.invitation_days))
    def time_goes_by(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(user=USERS, chance=st.integers(0, 9))
    def is_closed(self, user: str, chance: int) -> None:
        if chance == 0:
            self._do(close(user))

    def _do(self, asked: Any) -> None:
        try:
            facts = decide(at(self.now, asked), self.organisation)
        except Refused:
            return
        assert not (self.organisation.closed and facts), "nothing changes in one that is closed"
        for fact in facts:
            self._look(fact)
        self.facts += facts
        self.organisation = reduce(evolve, facts, self.organisation)

    def _look(self, fact: Any) -> None:
        """At an invitation: it ends once, and is taken up by whom it is for and in its time."""
        match fact:
            case MemberInvited():
                assert fact.invitation_id not in self.open
                self.made.append(fact)
                self.open[fact.invitation_id] = fact
            case InvitationWithdrawn() | InvitationDeclined():
                del self.open[fact.invitation_id]
            case InvitationExpired():
                assert self.open.pop(fact.invitation_id).expires_at <= self.now
            case MemberJoined():
                invited = self.open.pop(fact.invitation_id)
                assert self.now < invited.expires_at
                assert (invited.role, invited.user_id or fact.user_id) == (fact.role, fact.user_id)

    @invariant()
    def an_owner_is_there(self) -> None:
        roles = Counter(self.organisation.members.values())
        assert not self.facts or roles["owner"] == self.organisation.owners >= 1

    @invariant()
    def members_are_who_joined_and_did_not_leave(self) -> None:
        came = Counter(one.user_id for one in self.facts if isinstance(one, MemberJoined))
        came[OLA] += bool(self.facts)
        came.subtract(one.user_id for one in self.facts if isinstance(one, MemberLeft))
        assert {user for user, times in came.items() if times} == set(self.organisation.members)
        assert set(came.values()) <= {0, 1}

    @invariant()
    def who_is_in_a_class_is_in_the_organisation(self) -> None:
        for known in self.organisation.classes.values():
            assert set(known.members) <= set(self.organisation.members)
            assert len(known.members) <= LIMITS.class_members

    @invariant()
    def limits_hold(self) -> None:
        organisation = self.organisation
        assert len(organisation.members) <= LIMITS.members
        assert sum(one.is_open(self.now) for one in organisation.invitations.values()) <= (
            LIMITS.open_invitations
        )
        assert sum(not one.archived for one in organisation.classes.values()) <= LIMITS.classes
        assert set(organisation.invitations) == set(self.open)


TestAnyOrganisation = AnyOrganisation.TestCase
