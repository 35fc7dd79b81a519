"""What the demonstration's organisations do, as their owners, their members and an administrator."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.demo.callers import ADMIN, CREATED, OK, Api, Json
from api.demo.organisations import (
    ENTERPRISES,
    Accept,
    Claim,
    Enterprise,
    EnterpriseAction,
    Found,
    Issue,
    PayInvoice,
    Quote,
    Use,
    month_at,
)

LICENCES = "/api/enterprise/licenses"
_OF = {one.name: one for one in ENTERPRISES}


class Licensing:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._organisations: dict[str, str] = {}
        """Ids by name."""
        self._licences: dict[str, Json] = {}
        """As they were when they began, by the plan's names."""
        self._counted = 0

    async def act(self, action: EnterpriseAction) -> None:
        match action:
            case Found():
                await self._found(_OF[action.org])
            case Quote():
                await self._quote(action)
            case Accept():
                quote_id = self._licences[action.licence]["quote"]["quote_id"]
                await self._post(action, "accept", {"quote_id": quote_id})
                await self._post(action, "activate", {})
            case Issue(body=body):
                issued = {"org_id": self._organisations[action.org], **body}
                self._licences[action.licence] = await self._api.post(
                    f"{LICENCES}/create", ADMIN, issued, CREATED
                )
                await self._post(action, "activate", {})
            case PayInvoice():
                await self._pay(action)
            case Claim() | Use():
                await self._with_key(action)

    async def _found(self, one: Enterprise) -> None:
        body = {"name": one.name, "owner_id": one.user_id}
        founded = await self._api.post("/api/enterprise/organisations", ADMIN, body, CREATED)
        self._organisations[one.name] = founded["org_id"]
        path = f"/api/enterprise/organisations/{founded['org_id']}/invitations"
        for member in one.members:
            invited = await self._api.post(path, one.user_id, {"user_id": member}, CREATED)
            await self._api.post(f"{path}/{invited['invitation_id']}/accept", member, {}, OK)

    async def _quote(self, action: Quote) -> None:
        until: datetime = action.at + timedelta(days=action.days)
        body = {
            "org_id": self._organisations[action.org],
            "valid_until": until.isoformat(),
            **action.body,
        }
        self._licences[action.licence] = await self._api.post(f"{LICENCES}/quote", ADMIN, body, CREATED)

    async def _pay(self, action: PayInvoice) -> None:
        licence_id = self._licences[action.licence]["licence_id"]
        listed = await self._api.get(f"{LICENCES}/{licence_id}/invoices", ADMIN)
        invoice = listed["items"][-1]
        body = {
            "amount_minor": action.part_minor or invoice["open_minor"],
            "reference": f"Transfer for {invoice['number']}",
            "received_on": action.at.date().isoformat(),
        }
        path = f"{LICENCES}/{licence_id}/invoices/{invoice['invoice_id']}/payments"
        await self._api.post(path, ADMIN, body, OK)

    async def _with_key(self, action: Claim | Use) -> None:
        """Who owns the organisation has it revealed, and gives it to who needs it."""
        shown = await self._post(action, "reveal", {})
        headers = {"Licence-Key": shown["key"]}
        match action:
            case Claim(user_id=user_id, device=device):
                body: Json = {"fingerprint": device}
                await self._api.post(f"{LICENCES}/activate", user_id, body, CREATED, headers=headers)
            case Use(source=source, counted=counted):
                self._counted += 1
                items = [
                    {"metric": metric, "sequence": self._counted, "quantity": quantity}
                    for metric, quantity in counted.items()
                ]
                body = {"source": source, "month": month_at(action), "items": items}
                owner = _OF[action.org].user_id
                await self._api.post(f"{LICENCES}/usage", owner, body, OK, headers=headers)

    async def _post(self, action: EnterpriseAction, what: str, body: Json) -> Json:
        """By the owner."""
        path = f"{LICENCES}/{self._licences[action.licence]['licence_id']}/{what}"
        return await self._api.post(path, _OF[action.org].user_id, body, OK)
