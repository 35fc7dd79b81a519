"""Users who pay: amounts, and courses with coupons or without, by card or on a page."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledger.coupons.decider import COUPON
from ledger.coupons.stream import stream_of as coupon_stream
from ledger.enrolments.commands import Offer, RequestReturn
from ledger.ids import new_id
from ledger.message import Origin
from ledger.payments.commands import CancelPayment
from ledger.split import Part
from tests.api.stripe.world import USER
from tests.flows.town.hosted import page_or_card
from tests.flows.town.room import Commons, Room
from tests.ledger import coupon_examples as coupons
from tests.ledger.enrolment_examples import ANN, BOB, IVY, OFFER, reserve

JAN = "usr_jan"
CODES = {
    "OF-IVY": coupons.terms(scope="platform", scope_id="", percent_bp=3333),
    "OF-OURS": coupons.terms(scope="platform", scope_id="", percent_bp=1700, borne_by="platform"),
    "ALL-OF-IT": coupons.terms(scope="platform", scope_id="", percent_bp=10_000, borne_by="platform"),
}
COURSES = {
    "crs_1": OFFER,
    "crs_2": replace(
        OFFER,
        price_minor=4_999,
        tax_minor=833,
        tax_included=True,
        share_bp=6_667,
        instructors=(Part(IVY, 3_333), Part(JAN, 6_667)),
    ),
}


class Sold(Struct, frozen=True):
    """What was offered for a payment; of one that is nobody's sale there is none."""

    enrolment_id: str
    offer: Offer


class Buyers(Room):
    STEPS = ("buy", "pay", "give_it_back", "refund", "withdraw")

    def __init__(self, commons: Commons) -> None:
        super().__init__(commons)
        self.sales: dict[str, Sold] = {}
        """By payment; also those that were refused."""
        self._coupons = False

    async def _pay(self) -> None:
        page, card = page_or_card(self)
        amount = self._lot.randrange(100, 9_000)
        payment_id = await self._world.initiate(card, amount, self._lot.choice(["usd", "eur"]), page=page)
        if card:
            await self._world.deliver_payment(payment_id)
        await self._world.settle()

    async def _buy(self) -> None:
        buyer, course_id = self._lot.choice([ANN, BOB]), self._lot.choice(sorted(COURSES))
        code = self._lot.choice(["", "", *CODES])
        offer = await self._discounted(COURSES[course_id], code, buyer)
        page, card = page_or_card(self)
        payment_id, enrolment_id = new_id("pay"), new_id("enr")
        command = reserve(
            command_id=new_id("cmd"),
            effective_at=self._world.clock.now(),
            enrolment_id=enrolment_id,
            payment_id=payment_id,
            course_id=course_id,
            learner_id=buyer,
            buyer_id=buyer,
            offer=offer,
            expected_minor=to_pay(offer),
            payment_method_id=card,
            coupon=code,
            page=page,
        )
        self.sales[payment_id] = Sold(enrolment_id, offer)
        await self._world.store.handle(command, _as(buyer))
        if self._lot.random() < 0.8:
            await self._world.settle()

    async def _discounted(self, offer: Offer, code: str, buyer: str) -> Offer:
        """As the request reads it. A discount lowers the tax in the price in proportion."""
        if not code:
            return offer
        if not self._coupons:
            for name, terms in CODES.items():
                made = coupons.create(terms, code=name, command_id=f"cmd_{name}", by_admin=True)
                await self._world.store.handle(made, coupons.MAKER)
            self._coupons = True
        coupon = await self._world.store.state(COUPON, coupon_stream(code))
        off = coupons.discounted(coupon, code, offer.price_minor, buyer, self._world.clock.now())
        left = offer.price_minor - off["discount_minor"]
        return replace(offer, **off, tax_minor=offer.tax_minor * left // offer.price_minor)

    async def _give_it_back(self) -> None:
        """A learner, of a course."""
        command: Any = RequestReturn(
            command_id=new_id("cmd"),
            effective_at=self._world.clock.now(),
            course_id=self._lot.choice(sorted(COURSES)),
            learner_id=(learner := self._lot.choice([ANN, BOB])),
            refund_id=new_id("re"),
            user_id=learner,
        )
        await self._world.store.handle(command, USER)
        await self._world.settle()

    async def _refund(self) -> None:
        """An administrator, of whatever was paid."""
        rows = await self._world.rows("SELECT payment_id FROM payments ORDER BY position")
        if (row := self._one_of(rows)) is not None:
            left = (await self._world.payment(row["payment_id"])).refundable_minor
            await self._world.request_refund(row["payment_id"], self._part_of(left) if left else None)
            await self._world.settle()

    async def _withdraw(self) -> None:
        """Their own payment, which waits for them."""
        query = "SELECT payment_id, user_id FROM payments WHERE status = 'requires_action' ORDER BY position"
        if (row := self._one_of(await self._world.rows(query))) is not None:
            command = CancelPayment(
                command_id=new_id("cmd"),
                effective_at=self._world.clock.now(),
                payment_id=row["payment_id"],
                user_id=row["user_id"],
            )
            await self._world.store.handle(command, _as(row["user_id"]))
            await self._world.settle()


def _as(user_id: str) -> Origin:
    return Origin(actor=user_id, roles=frozenset({"student"}))


def to_pay(offer: Offer) -> int:
    return offer.price_minor - offer.discount_minor + (0 if offer.tax_included else offer.tax_minor)
