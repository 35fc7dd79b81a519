"""What buying a licence, and paying an invoice of one, ask of the rules, whichever way they are paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count

from api.http.body import currency_of, known_shape
from api.http.owner import is_admin
from api.licences.bodies import LicenceWanted
from api.licences.managing import Call, licence_of
from api.licences.offers import granted
from api.organisations.membership import standing_in
from api.payments import cards
from api.services import Services
from ledger.hosted import HostedPage
from ledger.ids import derived_id
from ledger.licences.commands import PayLicenceInvoice, PurchaseLicence
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import KIND, id_of, stream_of
from ledger.licences.terms import INVOICE, NET_DAYS, Billing
from ledger.organisations.standing import MANAGERS, check_open, require
from ledger.payments.decider import PAYMENT
from ledger.payments.stream import stream_of as payment_stream

BOUGHT = Billing(kind=INVOICE, net_days=NET_DAYS[0])
"""Of what is paid at once: only an admin gives longer, and says which tax there is."""
_NAMED = b"SELECT FROM payments WHERE purpose = 'licence' AND purpose_ref = %s LIMIT 1"
Make = Callable[[str], Awaitable[PurchaseLicence | PayLicenceInvoice]]
"""The command of that id, when it is the first of its id."""


async def to_purchase(
    services: Services, request: Call, body: LicenceWanted, *, card: str = "", page: HostedPage | None = None
) -> Make:
    """By an owner or a manager of the organisation. Raises what tells others that there is none."""
    organisation, role = await standing_in(
        services.store, body.org_id, request.user.id, sees_all=is_admin(request)
    )
    if role is not None and not is_admin(request):
        require(organisation, body.org_id, request.user.id, MANAGERS)
    currency = currency_of(body.currency)

    async def make(command_id: str) -> PurchaseLicence:
        check_open(organisation)  # what was begun before it was closed goes on, and is told
        payment_id = services.id_of("pay", command_id)
        return PurchaseLicence(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=await _paid_by(services, payment_id) or await _next_of(services, body.org_id),
            org_id=body.org_id,
            payment_id=payment_id,
            user_id=request.user.id,
            grant=granted(services.catalogue, body.tier, currency, None, by_admin=False),
            months=12 * body.years,
            billing=BOUGHT,
            expected_minor=body.expected_minor,
            payment_method_id=card,
            stripe_customer_id=await cards.customer_paying(services.store, request.user.id, card, page),
            page=page,
        )

    return make


async def to_pay(
    services: Services,
    request: Call,
    licence_id: str,
    invoice_id: str,
    expected_minor: int | None,
    *,
    card: str = "",
    page: HostedPage | None = None,
) -> Make:
    """By who manages the licence's organisation. Raises `NotFound` for others."""
    known_shape(invoice_id, "linv_")
    await licence_of(services, request, licence_id)

    async def make(command_id: str) -> PayLicenceInvoice:
        return PayLicenceInvoice(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            invoice_id=invoice_id,
            payment_id=services.id_of("pay", command_id),
            user_id=request.user.id,
            expected_minor=expected_minor,
            payment_method_id=card,
            stripe_customer_id=await cards.customer_paying(services.store, request.user.id, card, page),
            page=page,
        )

    return make


async def _paid_by(services: Services, payment_id: str) -> str:
    """The licence that the payment names; empty before there is one. It is there before its purchase where a
    restored ledger took it up from Stripe.
    """
    payment = await services.store.state(PAYMENT, payment_stream(payment_id))
    return id_of(payment.purpose_ref) if KIND.has(payment.purpose_ref) else ""


async def _next_of(services: Services, org_id: str) -> str:
    """The id of the licence that the organisation buys next: the same for all who buy at once, so that they
    meet in its stream. Of what was bought by card alone, which is a few. Not one that a restored ledger has
    forgotten and of whose payment it knows from Stripe: that waits for its own request.
    """
    for number in count(1):
        licence_id = derived_id("lic", services.store.ledger_id, "bought", org_id, str(number))
        licence: Licence = await services.store.state(LICENCE, stream_of(licence_id))
        if not licence.licence_id and (licence.facts or not await _is_paid_for(services, licence_id)):
            break
    return licence_id


async def _is_paid_for(services: Services, licence_id: str) -> bool:
    """As far as it is projected: what was lost is taken up long before."""
    async with services.reading() as connection:
        return await (await connection.execute(_NAMED, (stream_of(licence_id),))).fetchone() is not None
