"""What is sent, to whom, and how often: given what happened, when the outbox delivers, these messages."""

from __future__ import annotations

from typing import Any

import pytest

from api.email import origin
from api.email.transport import Bounced, NotTaken, Refused, Unclear
from api.stripe.delivery import Postponed
from tests.api.email.conftest import Post, parsed
from tests.api.organisations.conftest import Person
from tests.api.organisations.test_brands import branded, seated
from tests.api.support import Caller


def body(message: Any, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def test_a_payment_is_told_with_its_receipt(post: Post, ada: Caller) -> None:
    paid = (await ada.pay()).json()
    message = await post.told("payment_receipt")
    assert message["To"] == "Ada <ada@example.org>"
    assert message["Subject"] == "Receipt P-000001: USD 12.50"
    assert "Hello Ada," in body(message, "plain")
    assert "USD 12.50" in body(message, "html")
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == (
        "receipt-P-000001.pdf",
        "application/pdf",
    )
    assert attached.get_content().startswith(b"%PDF")
    assert message["Auto-Submitted"] == "auto-generated"
    assert paid["payment_id"] not in str(message["Message-ID"]), "it is made of the intent, and tells nothing"


async def test_what_was_sent_is_not_sent_again(post: Post, ada: Caller) -> None:
    await ada.pay()
    await post.deliver("payment_receipt")
    await post.deliver("payment_receipt")
    assert len(post.server.taken) == 1
    assert await post.records() == [("payment_receipt", "sent", 1, "")]


async def test_words_amounts_and_days_are_the_readers(post: Post, ada: Caller) -> None:
    await ada("PUT", "/api/me", json={"language": "de"})
    assert (await ada.get("/api/me")).json()["language"] == "de"
    await ada.pay(amount_minor=1500, currency="jpy")
    message = await post.told("payment_receipt")
    assert message["Subject"] == "Beleg P-000001: JPY 1500"
    assert "Guten Tag Ada," in body(message, "plain")
    await ada.pay(amount_minor=999)
    assert (await post.told("payment_receipt"))["Subject"] == "Beleg P-000002: USD 9,99"


async def test_a_refund_is_told(post: Post, ada: Caller) -> None:
    paid = (await ada.pay()).json()
    await ada.refund(paid["payment_id"], amount_minor=250)
    assert (await post.told("payment_refunded"))["Subject"] == "Your refund of USD 2.50"


async def test_without_an_address_nothing_is_sent(post: Post, ada: Caller) -> None:
    await ada.pay()
    assert (await ada("DELETE", "/api/me")).status_code == 204
    await post.deliver("payment_receipt")
    assert post.server.taken == []
    assert await post.records() == [("payment_receipt", "left_out", 0, "no_address")]


async def test_text_never_becomes_a_header(post: Post, ada: Caller) -> None:
    await ada("PUT", "/api/me", json={"name": "Ada\r\nBcc: eve@example.org\r\n\r\n<b>x</b>"})
    await ada.pay(description="x\r\nBcc: eve@example.org")
    message = await post.told("payment_receipt")
    assert "Bcc" not in message.keys()  # noqa: SIM118  headers, whose `in` ignores case
    assert [each.addr_spec for each in message["To"].addresses] == ["ada@example.org"]
    assert "<b>" not in body(message, "html")
    assert "| " not in body(message, "plain")
    await ada.pay()
    assert len([await post.told("payment_receipt")]) == 1, "and the next one goes out"


async def test_nobody_stands_in_what_is_kept(post: Post, ada: Caller) -> None:
    await ada.pay()
    post.server.says = [NotTaken("SMTP 451 at RCPT")]
    with pytest.raises(Postponed):
        await post.deliver("payment_receipt")
    kept = str(await post.records()) + str(await post.waiting())
    assert "ada" not in kept.lower().replace("payment", "")


async def test_a_server_that_refuses_for_now_is_asked_again(post: Post, ada: Caller) -> None:
    await ada.pay()
    post.server.says = [NotTaken("SMTP 451 at DATA")] * 3
    for _ in range(3):
        with pytest.raises(Postponed, match="451"):
            await post.deliver("payment_receipt")
    await post.deliver("payment_receipt")
    assert await post.records() == [("payment_receipt", "sent", 1, "")]


async def test_what_may_have_left_is_sent_once_more_by_the_same_id(post: Post, ada: Caller) -> None:
    await ada.pay()
    post.server.says = [Unclear("cut")]
    with pytest.raises(Postponed, match="uncertain") as first:
        await post.deliver("payment_receipt")
    assert first.value.tries > 0
    assert await post.records() == [("payment_receipt", "uncertain", 1, "cut")]
    post.server.says = [Unclear("cut")]
    with pytest.raises(Postponed, match="uncertain") as second:
        await post.deliver("payment_receipt")
    assert second.value.tries == 0, "an operator looks at it"
    with pytest.raises(Postponed, match="twice already"):
        await post.deliver("payment_receipt")
    assert post.server.taken == []
    told = (await ada.get("/metrics")).text
    assert 'liberation_mails{state="uncertain"} 1.0' in told


async def test_a_worker_that_dies_while_sending_sends_at_most_twice(post: Post, ada: Caller) -> None:
    await ada.pay()

    class Killed(BaseException):
        pass

    send, ids = post.server.send, []

    async def dies(envelope: Any) -> None:
        ids.append(parsed(envelope.message)["Message-ID"])
        await send(envelope)
        raise Killed

    post.server.send = dies  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(Killed):
            await post.deliver("payment_receipt")
    with pytest.raises(Postponed, match="twice already"):
        await post.deliver("payment_receipt")
    assert len(ids) == 2
    assert ids[0] == ids[1]


async def test_an_address_that_is_none_is_left_alone_until_there_is_another(post: Post, ada: Caller) -> None:
    await ada.pay()
    post.server.says = [Bounced("SMTP 550 5.1.1 at RCPT")]
    await post.deliver("payment_receipt")
    await ada.pay()
    await post.deliver("payment_receipt")
    await ada("PUT", "/api/me", json={"email": "ada@example.net"})
    await ada.pay()
    assert (await post.told("payment_receipt"))["To"] == "Ada <ada@example.net>"
    assert [state for _, state, *_ in await post.records()] == ["bounced", "left_out", "sent"]
    assert len(post.server.taken) == 1


async def test_what_is_refused_for_good_is_for_somebody_to_look_at(post: Post, ada: Caller) -> None:
    await ada.pay()
    post.server.says = [Refused("SMTP 554 5.7.1 at DATA")]
    with pytest.raises(Postponed, match=r"554 5\.7\.1") as why:
        await post.deliver("payment_receipt")
    assert why.value.tries == 0


async def test_after_a_restore_mail_waits_until_somebody_has_looked(post: Post, ada: Caller) -> None:
    await ada.pay()
    async with post.app.services.reading() as connection:
        await connection.execute("UPDATE mail_origin SET identity = 'of the backup'")
    with pytest.raises(Postponed, match="restored") as why:
        await post.deliver("payment_receipt")
    assert (why.value.tries, post.server.taken) == (0, [])
    async with post.app.services.reading() as connection:
        await origin.resume(connection)
    await post.deliver("payment_receipt")
    assert len(post.server.taken) == 1


async def test_a_member_is_written_to_in_the_name_of_their_organisation(post: Post) -> None:
    school, licence_id = await branded(post.app)
    member = await school.join(Person(post.app))
    await member.caller("PUT", "/api/me", json={"email": "member@example.org"})
    await seated(post.app, school, licence_id, member.id)
    await member.caller.pay()
    message = await post.told("payment_receipt")
    assert message["To"] == "member@example.org"
    assert message["From"].addresses[0].display_name == "Lakeside Academy"
    assert "Lakeside Academy" in body(message, "html")
    assert "#7a1f1f" in body(message, "html").lower()
    assert "Lakeside Academy" in body(message, "plain")
