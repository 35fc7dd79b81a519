"""On which terms a course is sold: those of its author's plan at that moment."""

from __future__ import annotations

from datetime import timedelta

from ledger.payments.decider import PAYMENT
from ledger.payments.stream import stream_of
from tests.api.courses.conftest import Author, author_of, published
from tests.api.support import Caller, FakeStripe, Running


async def _share(app: Running, student: Caller, course_id: str) -> tuple[int, str]:
    bought = await student.buy(course_id, "pm_ok")
    assert bought.status_code == 201, bought.text
    paid = await app.services.store.state(PAYMENT, stream_of(bought.json()["payment"]["payment_id"]))
    assert paid.sale is not None
    return paid.sale.share_bp, paid.sale.catalogue_version


async def test_the_share_is_that_of_the_authors_tier_while_it_is_paid_for(
    app: Running, admin: Caller, student: Caller, other: Caller, stripe: FakeStripe
) -> None:
    bob, root = await author_of(app, "usr_bob", "enterprise"), Author(admin)
    course_id = await published(bob, root)
    assert await _share(app, student, course_id) == (7_500, app.services.catalogue.version)
    assert (await bob.caller.wish("cancel", at_once=True)).status_code == 200
    stripe.offset = timedelta(days=1)
    assert await _share(app, other, course_id) == (7_000, app.services.catalogue.version)
