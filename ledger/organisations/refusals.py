"""Why something is refused in an organisation. To who is not in it, it is unknown: `NotFound`."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, Refused


class OrganisationRoleMissing(Forbidden):
    """The caller is in the organisation, and their role there does not let them do this."""

    code: ClassVar[str] = "organisation_role_missing"
    remedy: ClassVar[str] = "Ask an owner of the organisation to do it, or to change your role."


class OrganisationIsClosed(Refused):
    """The organisation is closed: nothing of it changes any more."""

    code: ClassVar[str] = "organisation_closed"
    remedy: ClassVar[str] = "Look at it as it is; to go on, create another one."
    passing: ClassVar[bool] = False


class LastOwner(Refused):
    """An organisation has an owner for as long as there is one, and this is its last."""

    code: ClassVar[str] = "last_owner"
    remedy: ClassVar[str] = "Make somebody else its owner first, or close the organisation."
    passing: ClassVar[bool] = True


class TooManyOrganisations(Refused):
    """The user owns as many organisations as one may."""

    code: ClassVar[str] = "too_many_organisations"
    remedy: ClassVar[str] = "Close one that is not needed, or leave it to its other owners."
    passing: ClassVar[bool] = True


class TooManyMembers(Refused):
    """The organisation, or the class, has as many members as it may have."""

    code: ClassVar[str] = "too_many_members"
    remedy: ClassVar[str] = "Remove somebody first."
    passing: ClassVar[bool] = True


class TooManyInvitations(Refused):
    """As many invitations of the organisation are open as may be."""

    code: ClassVar[str] = "too_many_invitations"
    remedy: ClassVar[str] = "Withdraw one, or wait until one is answered or expires."
    passing: ClassVar[bool] = True


class TooManyClasses(Refused):
    """The organisation has as many classes as it may have, not counting archived ones."""

    code: ClassVar[str] = "too_many_classes"
    remedy: ClassVar[str] = "Archive one first."
    passing: ClassVar[bool] = True


class AlreadyMember(Refused):
    """The user is in the organisation."""

    code: ClassVar[str] = "already_member"
    remedy: ClassVar[str] = "To give them another role, change it where they are a member."
    passing: ClassVar[bool] = False


class AlreadyInvited(Refused):
    """An invitation of the user is open."""

    code: ClassVar[str] = "already_invited"
    remedy: ClassVar[str] = "Wait for the answer, or withdraw it and invite them anew."
    passing: ClassVar[bool] = True


class InvitationIsOver(Refused):
    """The invitation's time is over."""

    code: ClassVar[str] = "invitation_expired"
    remedy: ClassVar[str] = "Ask who invited you for another one."
    passing: ClassVar[bool] = False


class ClassIsArchived(Refused):
    """The class is archived, and stays as it was."""

    code: ClassVar[str] = "class_archived"
    remedy: ClassVar[str] = "Use another class, or create one."
    passing: ClassVar[bool] = False


class WhiteLabelMissing(Forbidden):
    """The organisation has no licence with the feature `white_label` that works now."""

    code: ClassVar[str] = "white_label_missing"
    remedy: ClassVar[str] = (
        "Upgrade a licence of the organisation to a tier that `detail` names, or renew it."
    )


class InvalidBrand(Invalid):
    """The colours of a brand are no colours, or a text in the one cannot be read on the other."""

    code: ClassVar[str] = "invalid_brand"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."
