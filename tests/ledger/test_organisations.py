"""Organisations: who is in one, by whose invitation, what a role lets them do, and that an owner stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.errors import Forbidden, NotFound, Refused
from ledger.message import Origin
from ledger.organisations import commands
from ledger.organisations.decider import decide
from ledger.organisations.events import (
    ClassArchived,
    InvitationExpired,
    InvitationWithdrawn,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    OrganisationClosed,
    OrganisationCreated,
    OrganisationRenamed,
    RoleChanged,
)
from ledger.organisations.refusals import (
    AlreadyInvited,
    AlreadyMember,
    ClassIsArchived,
    InvitationIsOver,
    LastOwner,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    TooManyClasses,
    TooManyInvitations,
    TooManyMembers,
    TooManyOrganisations,
)
from ledger.permissions import check
from tests.ledger.examples import DAY, NOON
from tests.ledger.organisation_examples import (
    LIMITS,
    MAX,
    MIA,
    OLA,
    ORG,
    STAFFED,
    ZOE,
    accept,
    add,
    after,
    archive,
    at,
    change,
    close,
    command,
    create,
    create_class,
    invite,
    invite_by_code,
    joins,
    leave,
    remove,
    show,
    take_out,
)

EXPIRY = NOON + LIMITS.invitation_days * DAY
INSTANT = timedelta(microseconds=1)


def test_who_it_is_created_for_is_its_owner() -> None:
    asked = create(owner_id=ZOE)
    created = OrganisationCreated(
        org_id=ORG, user_id=ZOE, words_id=asked.words_id, words_hash=asked.words_hash
    )
    assert decide(asked, after()) == (created,)
    assert after(asked).members == {ZOE: "owner"}


def test_an_invitation_makes_a_member_of_whom_it_is_for() -> None:
    invited = MemberInvited(
        org_id=ORG,
        invitation_id="oiv_usr_zoe",
        role="manager",
        invited_by=OLA,
        expires_at=EXPIRY,
        user_id=ZOE,
    )
    assert decide(invite(ZOE, "manager"), after(create())) == (invited,)
    joined = MemberJoined(org_id=ORG, user_id=ZOE, role="manager", invitation_id="oiv_usr_zoe")
    assert decide(accept(ZOE), after(create(), invite(ZOE, "manager"))) == (joined,)


def test_a_code_makes_a_member_of_who_shows_it_first() -> None:
    given = after(create(), invite_by_code("one"), invite_by_code("two", "manager"))
    organisation = after(show(ZOE, "two"), begun=given)
    assert organisation.members == {OLA: "owner", ZOE: "manager"}
    with pytest.raises(NotFound):
        decide(show(MIA, "two"), organisation)
    assert after(show(MIA, "one"), begun=organisation).members[MIA] == "member"


def test_of_two_who_accept_one_invitation_one_joins() -> None:
    with pytest.raises(NotFound):
        decide(accept(ZOE), after(create(), *joins(ZOE), leave(ZOE)))


def test_an_invitation_is_open_until_its_time_and_not_at_it() -> None:
    given = after(create(), invite(ZOE), invite_by_code("one"))
    for asked in (accept(ZOE), show(MIA, "one")):
        assert decide(at(EXPIRY - INSTANT, asked), given)
        with pytest.raises(InvitationIsOver, match="2026-03-08 12:00"):
            decide(at(EXPIRY, asked), given)


def test_what_lapsed_makes_room_and_is_recorded_with_the_next_invitation() -> None:
    given = after(create(), invite(ZOE), invite_by_code("one"), invite_by_code("two"))
    with pytest.raises(TooManyInvitations):
        decide(at(EXPIRY - INSTANT, invite(MIA)), given)
    facts = decide(at(EXPIRY, invite(ZOE, invitation_id="oiv_anew")), given)
    lapsed = [event.invitation_id for event in facts if isinstance(event, InvitationExpired)]
    assert lapsed == ["oiv_usr_zoe", "oiv_one", "oiv_two"]
    renewed = after(at(EXPIRY, invite(ZOE, invitation_id="oiv_anew")), begun=given)
    assert list(renewed.invitations) == ["oiv_anew"]


def test_who_joins_by_a_code_has_no_other_invitation_left() -> None:
    given = after(create(), invite(ZOE), invite_by_code("one"))
    withdrawn = InvitationWithdrawn(org_id=ORG, invitation_id="oiv_usr_zoe")
    assert withdrawn in decide(show(ZOE, "one"), given)


@pytest.mark.parametrize("ended", ["withdraw", "decline"])
def test_what_is_withdrawn_or_declined_cannot_be_accepted_and_may_be_made_anew(ended: str) -> None:
    of = {"invitation_id": "oiv_usr_zoe"}
    ending = (
        command(commands.WithdrawInvitation, OLA, **of)
        if ended == "withdraw"
        else command(commands.DeclineInvitation, ZOE, **of)
    )
    given = after(create(), invite(ZOE), ending)
    with pytest.raises(NotFound):
        decide(accept(ZOE), given)
    assert ZOE in after(invite(ZOE), accept(ZOE), begun=given).members


@pytest.mark.parametrize("ending", [leave(MAX), remove(MAX), change(MAX, "member")])
def test_who_may_invite_no_longer_leaves_no_invitation_behind(ending: Any) -> None:
    """By one of their own a manager who was removed would come back."""
    given = after(*STAFFED, invite_by_code("mine", by=MAX), invite_by_code("olas"))
    assert list(after(ending, begun=given).invitations) == ["oiv_olas"]


def test_an_owner_who_becomes_a_manager_keeps_the_invitations_of_members() -> None:
    given = after(
        create(), *joins(ZOE, "owner"), invite_by_code("m", by=ZOE), invite_by_code("o", "owner", by=ZOE)
    )
    assert list(after(change(ZOE, "manager"), begun=given).invitations) == ["oiv_m"]


def test_who_leaves_leaves_their_classes_in_the_same_decision() -> None:
    classes = (create_class(), create_class("cls_2"), add(MIA), add(MIA, "cls_2"), add(MAX), archive("cls_2"))
    given = after(*STAFFED, *classes)
    left = MemberLeft(org_id=ORG, user_id=MIA, class_ids=("cls_1", "cls_2"))
    assert decide(leave(MIA), given) == (left,)
    removed = MemberLeft(org_id=ORG, user_id=MIA, class_ids=("cls_1", "cls_2"), removed_by=OLA)
    assert decide(remove(MIA), given) == (removed,)
    organisation = after(leave(MIA), begun=given)
    assert [set(one.members) for one in organisation.classes.values()] == [{MAX}, set()]


@pytest.mark.parametrize("asked", [leave(OLA), remove(OLA), change(OLA, "manager")])
def test_the_last_owner_stays(asked: Any) -> None:
    with pytest.raises(LastOwner, match="make somebody else its owner first, or close it"):
        decide(asked, after(*STAFFED))
    two = after(*STAFFED, change(MAX, "owner"))
    assert after(asked, begun=two).owners == 1


def test_a_role_is_changed_by_an_owner() -> None:
    changed = RoleChanged(org_id=ORG, user_id=MIA, role="manager", role_before="member")
    assert decide(change(MIA, "manager"), after(*STAFFED)) == (changed,)


def test_it_is_closed_by_an_owner_or_an_administrator_once() -> None:
    assert decide(close(), after(*STAFFED)) == (OrganisationClosed(org_id=ORG),)
    by_admin = close("usr_root", by_admin=True)
    assert decide(by_admin, after(*STAFFED)) == (OrganisationClosed(org_id=ORG, by_admin=True),)
    assert decide(close(), after(*STAFFED, by_admin)) == ()


WRITES = (
    command(commands.RenameOrganisation),
    invite(ZOE),
    command(commands.WithdrawInvitation, invitation_id="oiv_usr_nia"),
    change(MIA, "manager"),
    remove(MIA),
    leave(MIA),
    create_class("cls_2"),
    command(commands.RenameClass, class_id="cls_1"),
    archive(),
    add(MIA),
    take_out(MAX),
)
BUSY = (*STAFFED, invite("usr_nia"), invite_by_code("one"), create_class(), add(MAX))
ANSWERS = (
    accept("usr_nia"),
    show(ZOE, "one"),
    command(commands.DeclineInvitation, "usr_nia", invitation_id="oiv_usr_nia"),
)


def named(asked: Any) -> str:
    return str(asked.NAME)


@pytest.mark.parametrize("asked", [*WRITES, *ANSWERS], ids=named)
def test_nothing_changes_in_one_that_is_closed(asked: Any) -> None:
    given = after(*BUSY)
    assert decide(asked, given)
    with pytest.raises(OrganisationIsClosed):
        decide(asked, after(close(), begun=given))


@pytest.mark.parametrize("asked", [*WRITES, *ANSWERS[::2], close()], ids=named)
def test_to_a_stranger_it_is_as_unknown_as_one_that_there_is_not(asked: Any) -> None:
    """Also to who was in it, and whether it is open or closed."""
    theirs = replace(asked, user_id=MIA)
    told = set()
    gone = after(leave(MIA), begun=after(*BUSY))
    for organisation in (after(), gone, after(close(), begun=gone)):
        with pytest.raises(NotFound) as refused:
            decide(theirs, organisation)
        told.add(refused.value.detail)
    assert len(told) == 1


MAY_NOT = {
    MAX: [
        command(commands.RenameOrganisation, MAX),
        close(MAX),
        change(MIA, "manager", by=MAX),
        invite(ZOE, "manager", by=MAX),
        invite(ZOE, "owner", by=MAX),
        remove(OLA, by=MAX),
        command(commands.WithdrawInvitation, MAX, invitation_id="oiv_usr_own"),
    ],
    MIA: [
        command(commands.RenameOrganisation, MIA),
        close(MIA),
        change(MIA, "owner", by=MIA),
        invite(ZOE, by=MIA),
        remove(MAX, by=MIA),
        remove(MIA, by=MIA),
        command(commands.WithdrawInvitation, MIA, invitation_id="oiv_usr_own"),
        create_class("cls_2", by=MIA),
        command(commands.RenameClass, MIA, class_id="cls_1"),
        archive(by=MIA),
        add(MIA, by=MIA),
        take_out(MIA, by=MIA),
    ],
}


@pytest.mark.parametrize("asked", [asked for of in MAY_NOT.values() for asked in of], ids=named)
def test_a_role_lets_nobody_do_more_than_it_says(asked: Any) -> None:
    given = after(*STAFFED, invite("usr_own", "owner"), create_class())
    with pytest.raises(OrganisationRoleMissing):
        decide(asked, given)


def test_a_manager_manages_members_and_classes() -> None:
    asked = (
        invite(ZOE, by=MAX),
        command(commands.WithdrawInvitation, MAX, invitation_id="oiv_usr_zoe"),
        create_class(by=MAX),
        add(MIA, by=MAX),
        take_out(MIA, by=MAX),
        archive(by=MAX),
        remove(MIA, by=MAX),
        remove(MAX, by=MAX),
    )
    assert set(after(*STAFFED, *asked).members) == {OLA}


CROWD = (*STAFFED, *joins("usr_4"), *joins("usr_5"))


@pytest.mark.parametrize(
    ("given", "asked", "refusal"),
    [
        ((), create(owned=2), TooManyOrganisations),
        ((*STAFFED,), change(MAX, "owner", owned=2), TooManyOrganisations),
        ((create(), invite(ZOE, "owner")), accept(ZOE, owned=2), TooManyOrganisations),
        ((*CROWD, invite(ZOE)), accept(ZOE), TooManyMembers),
        ((*STAFFED, create_class(), add(MIA), add(MAX)), add(OLA), TooManyMembers),
        ((create(), create_class(), create_class("cls_2")), create_class("cls_3"), TooManyClasses),
        ((*STAFFED,), invite(MIA), AlreadyMember),
        ((*STAFFED, invite_by_code("one")), show(MIA, "one"), AlreadyMember),
        ((create(), invite(ZOE)), invite(ZOE, invitation_id="oiv_2"), AlreadyInvited),
        ((create(), create_class(), archive()), add(OLA), ClassIsArchived),
        (
            (create(), create_class(), archive()),
            command(commands.RenameClass, class_id="cls_1"),
            ClassIsArchived,
        ),
        ((create(), create_class()), add(ZOE), NotFound),
        ((create(),), add(OLA, "cls_9"), NotFound),
        ((create(),), change(ZOE, "member"), NotFound),
        ((create(), invite(ZOE)), accept(MIA, invitation_id="oiv_usr_zoe"), NotFound),
        ((create(), invite_by_code("one")), accept(MIA, invitation_id="oiv_one"), NotFound),
        (
            (create(), invite_by_code("one")),
            command(commands.DeclineInvitation, "", invitation_id="oiv_1"),
            NotFound,
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: tuple[Any, ...], asked: Any, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        decide(asked, after(*given))


def test_an_archived_class_makes_room_for_another() -> None:
    given = after(create(), create_class(), create_class("cls_2"))
    assert decide(archive(), given) == (ClassArchived(org_id=ORG, class_id="cls_1"),)
    assert len(after(archive(), create_class("cls_3"), begun=given).classes) == 3


SAME = command(commands.RenameOrganisation)


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ((create(),), create()),
        ((create(), SAME), SAME),
        ((*STAFFED,), change(MIA, "member")),
        ((*STAFFED,), change(OLA, "owner", owned=9)),
        ((*STAFFED,), remove(ZOE)),
        ((create(), create_class()), create_class()),
        ((create(), create_class(), archive()), archive()),
        ((*STAFFED, create_class(), add(MIA)), add(MIA)),
        ((*STAFFED, create_class()), take_out(MIA)),
    ],
)
def test_what_is_so_already_is_no_fact(given: tuple[Any, ...], again: Any) -> None:
    assert decide(again, after(*given)) == ()


def test_it_can_be_renamed() -> None:
    renamed = OrganisationRenamed(org_id=ORG, words_id=SAME.words_id, words_hash=SAME.words_hash)
    assert decide(SAME, after(create())) == (renamed,)


def test_a_repeat_is_one_intent_whatever_was_drawn_or_looked_up_for_it() -> None:
    one = invite_by_code("one")
    assert (
        one.digest()
        == command(commands.InviteMember, role="member", invitation_id="oiv_one", code_hash="two").digest()
    )
    assert create(owned=1, words_id="w").digest() == create(owned=2, words_id="w").digest()


@pytest.mark.parametrize(
    ("role", "asked", "allowed"),
    [
        ("enterprise", create(), True),
        ("student", create(), False),
        ("instructor", create(), False),
        ("enterprise", create(owner_id=ZOE), False),
        ("admin", create(owner_id=ZOE), True),
        ("student", leave(OLA), True),
        ("student", leave(MIA), False),
        ("admin", leave(MIA), False),
        ("enterprise", close(by_admin=True), False),
        ("admin", close(by_admin=True), True),
        ("service", close(), False),
    ],
)
def test_each_acts_for_themselves_and_administrators_for_an_owner(
    role: str,
    asked: Any,
    allowed: bool,  # noqa: FBT001  an example
) -> None:
    origin = Origin(actor=OLA, roles=frozenset({role}))
    if allowed:
        check(asked, origin)
        return
    with pytest.raises(Forbidden):
        check(asked, origin)
