"""What somebody does in Stripe's dashboard with the subscriptions and charges of users of ours."""

from __future__ import annotations

from typing import Any

from tests.flows.town.room import Room

COUPONS: list[dict[str, Any]] = [
    {"percent_off": 50, "duration": "forever"},
    {"percent_off": 33.3, "duration": "once"},
    {"percent_off": 100, "duration": "once"},
    {"amount_off": 300, "currency": "usd", "duration": "repeating", "duration_in_months": 2},
    {"amount_off": 1_500, "currency": "usd", "duration": "once"},
]
_PRORATED = ["always_invoice", "create_prorations", "none"]
_DAY_S = 86_400


class Dashboard(Room):
    STEPS = (
        *("quantity", "price", "item", "coupon", "uncoupon", "cancel", "anew", "longer"),
        *("refund", "elsewhere", "part", "pay", "note", "void_note", "gift", "void", "give_up", "delete"),
    )

    async def _update(self, **wish: Any) -> None:
        if (found := await self._any("subscriptions")) is not None:
            await self._v1.subscriptions.update_async(found.id, wish)

    async def _set_item(self, **wish: Any) -> None:
        if (found := await self._any("subscriptions")) is not None:
            items = [{"id": found["items"].data[0].id, **wish}]
            how = {"items": items, "proration_behavior": self._lot.choice(_PRORATED)}
            await self._v1.subscriptions.update_async(found.id, how)

    async def _new_price(self, amount: int, **more: Any) -> str:
        terms = {"currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}}
        made = await self._v1.prices.create_async(terms | {"product_data": {"name": "Special"}} | more)
        return str(made.id)

    async def _quantity(self) -> None:
        await self._set_item(quantity=self._lot.choice([1, 2, 3]))

    async def _price(self) -> None:
        tier = self._lot.choice(["pro", "enterprise"])
        amount = self._lot.choice([700, 2_000, 8_000])
        await self._set_item(price=await self._new_price(amount, metadata={"tier": tier}))

    async def _item(self) -> None:
        """Something beside the plan, or away with it."""
        found = await self._any("subscriptions")
        if found is None:
            return
        if len(found["items"].data) > 1:
            await self._v1.subscription_items.delete_async(found["items"].data[-1].id)
            return
        wish = {"subscription": found.id, "price": await self._new_price(500)}
        await self._v1.subscription_items.create_async(wish)

    async def _coupon(self) -> None:
        made = await self._v1.coupons.create_async(self._lot.choice(COUPONS))
        await self._update(discounts=[{"coupon": made.id}])

    async def _uncoupon(self) -> None:
        await self._update(discounts="")

    async def _refund(self) -> None:
        charge = await self._any("charges", "succeeded")
        if charge is not None:
            left = charge.amount - charge.amount_refunded
            amount = self._lot.choice([left, self._lot.randint(1, charge.amount)])
            await self._v1.refunds.create_async({"charge": charge.id, "amount": amount})

    async def _elsewhere(self) -> None:
        if (invoice := await self._any("invoices", "open", "uncollectible")) is not None:
            await self._v1.invoices.pay_async(invoice.id, {"paid_out_of_band": True})

    async def _part(self) -> None:
        """Another card is charged, all or less."""
        invoice = await self._any("invoices", "open")
        if invoice is None:
            return
        left = invoice.amount_remaining
        card = await self._v1.payment_methods.attach_async("pm_card_visa", {"customer": invoice.customer})
        by_card = {"customer": invoice.customer, "payment_method": card.id, "payment_method_types": ["card"]}
        amount = self._lot.choice([left, left // 2, max(50, left // 3)])
        made = await self._v1.payment_intents.create_async(by_card | {"amount": amount, "currency": "usd"})
        await self._v1.invoices.attach_payment_async(invoice.id, {"payment_intent": made.id})
        await self._v1.payment_intents.confirm_async(made.id)

    async def _pay(self) -> None:
        if (invoice := await self._any("invoices", "open", "uncollectible")) is not None:
            await self._v1.invoices.pay_async(invoice.id)

    async def _note(self) -> None:
        invoice = await self._any("invoices", "open", "paid")
        if invoice is None or invoice.total <= 0:
            return
        amount = self._lot.choice([invoice.total, self._lot.randint(1, invoice.total)])
        wish: dict[str, Any] = {"invoice": invoice.id, "amount": amount}
        if invoice.status == "paid":
            wish[self._lot.choice(["refund_amount", "credit_amount", "out_of_band_amount"])] = amount
        await self._v1.credit_notes.create_async(wish)

    async def _void_note(self) -> None:
        if (note := await self._any("credit_notes", "issued")) is not None:
            await self._v1.credit_notes.void_credit_note_async(note.id)

    async def _gift(self) -> None:
        if (customer := await self._any("customers")) is not None:
            terms = {"amount": self._lot.choice([-300, -1_500, -12_000, 400]), "currency": "usd"}
            await self._v1.customers.balance_transactions.create_async(customer.id, terms)

    async def _void(self) -> None:
        if (invoice := await self._any("invoices", "open", "uncollectible")) is not None:
            await self._v1.invoices.void_invoice_async(invoice.id)

    async def _give_up(self) -> None:
        if (invoice := await self._any("invoices", "open")) is not None:
            await self._v1.invoices.mark_uncollectible_async(invoice.id)

    async def _cancel(self) -> None:
        if (found := await self._any("subscriptions")) is not None:
            prorated = {"prorate": True, "invoice_now": self._lot.random() < 0.5}
            await self._v1.subscriptions.cancel_async(found.id, self._lot.choice([{}, prorated]))

    async def _anew(self) -> None:
        how = self._lot.choice(["always_invoice", "none"])
        await self._update(billing_cycle_anchor="now", proration_behavior=how)

    async def _longer(self) -> None:
        until = int(self._bench.now().timestamp()) + self._lot.choice([5, 40]) * _DAY_S
        await self._update(trial_end=until, proration_behavior=self._lot.choice(["always_invoice", "none"]))

    async def _delete(self) -> None:
        if (customer := await self._any("customers")) is not None:
            await self._v1.customers.delete_async(customer.id)
