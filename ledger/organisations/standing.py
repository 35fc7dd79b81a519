"""Who somebody is in an organisation, and what that lets them do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ledger.errors import NotFound
from ledger.organisations.refusals import OrganisationIsClosed, OrganisationRoleMissing
from ledger.organisations.state import MEMBER, OWNER, Organisation, Role

OWNERS: frozenset[Role] = frozenset({OWNER})
MANAGERS: frozenset[Role] = frozenset({OWNER, "manager"})
MANAGES: Mapping[Role, frozenset[Role]] = {
    OWNER: frozenset({OWNER, "manager", MEMBER}),
    "manager": frozenset({MEMBER}),
    MEMBER: frozenset(),
}
"""By role those whom one invites and removes."""


def unknown(org_id: str) -> NotFound:
    """The same for one that there is not and for one that is not theirs."""
    return NotFound(f"There is no organisation {org_id!r:.80}.")


def role_of(organisation: Organisation, org_id: str, user_id: str) -> Role:
    """Raises `NotFound` for who is not in it."""
    role = organisation.members.get(user_id)
    if role is None:
        raise unknown(org_id)
    return role


def require(organisation: Organisation, org_id: str, user_id: str, roles: Collection[Role]) -> Role:
    """One of `roles`. Raises `NotFound` for who is not in it at all, else `OrganisationRoleMissing`."""
    role = role_of(organisation, org_id, user_id)
    if role not in roles:
        named = " or ".join(one for one in (OWNER, "manager") if one in roles)
        raise OrganisationRoleMissing(f"You are a {role} of this organisation: only an {named} may do this.")
    return role


def require_over(role: Role, others: Role, what: str) -> None:
    """Whether `role` may do it to `others`. Raises `OrganisationRoleMissing`."""
    if others not in MANAGES[role]:
        raise OrganisationRoleMissing(
            f"You are a {role} of this organisation: only an owner {what} an owner or a manager."
        )


def check_open(organisation: Organisation) -> None:
    """Raises `OrganisationIsClosed`."""
    if organisation.closed:
        raise OrganisationIsClosed("This organisation is closed: nothing of it can be changed any more.")
