"""What happens in the service, and the letter that tells of it."""

from __future__ import annotations

from tests.api.email.conftest import Post
from tests.api.email.test_mailer import body
from tests.api.support import Caller, Running


async def test_a_subscription_is_paid_and_canceled(post: Post, ada: Caller) -> None:
    assert (await ada.subscribe()).status_code == 201
    paid = await post.told("invoice_receipt")
    assert str(paid["Subject"]).startswith("Receipt R-000001: USD ")
    assert len(list(paid.iter_attachments())) == 1
    assert (await ada.wish("cancel")).status_code < 300
    scheduled = await post.told("cancellation_scheduled")
    assert str(scheduled["Subject"]).startswith("Your plan ends on ")
    assert "your plan Pro ends on " in body(scheduled, "plain")


async def test_an_invitation_names_the_organisation(app: Running, post: Post, ada: Caller) -> None:
    owner = app.caller("usr_owner", "enterprise")
    made = await owner("POST", "/api/enterprise/organisations", key="o", json={"name": "Onyx\r\nBcc: x"})
    org_id = made.json()["org_id"]
    invited = await owner(
        "POST",
        f"/api/enterprise/organisations/{org_id}/invitations",
        key="i",
        json={"user_id": ada.user_id, "role": "member"},
    )
    assert invited.status_code == 201, invited.text
    message = await post.told("invited")
    assert message["Subject"] == "Invitation to Onyx Bcc: x"
    assert message["Bcc"] is None
    assert "invites you to join it as member" in body(message, "plain")
