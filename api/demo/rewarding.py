"""What the demonstration's community does, as the service's users and its administrator."""

from __future__ import annotations

from api.demo.callers import ADMIN, CREATED, OK, REFUSED, Api
from api.demo.community import Award, BeKnown, CommunityAction, Decide, Meet, Redeem


class Rewarding:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._redemptions: dict[tuple[str, str], str] = {}
        """Ids by user and reward."""

    async def act(self, action: CommunityAction) -> None:
        user_id = action.user_id
        match action:
            case BeKnown(says=says):
                await self._api.post("/api/me", user_id, says, OK, method="PUT")
            case Award(body=body):
                await self._api.post("/api/tokens/award", ADMIN, {"user_id": user_id, **body}, CREATED)
            case Redeem():
                await self._redeem(action)
            case Decide():
                await self._decide(action)
            case Meet():
                await self._meet(action)

    async def _redeem(self, action: Redeem) -> None:
        """Refused where the tokens are not there, as an operator's file has a lower cap than the product."""
        body = {"reward_id": action.reward}
        answer = await self._api.post("/api/tokens/redeem", action.user_id, body, CREATED, REFUSED)
        if "redemption_id" in answer:
            self._redemptions[action.user_id, action.reward] = answer["redemption_id"]

    async def _decide(self, action: Decide) -> None:
        redemption_id = self._redemptions.get((action.user_id, action.reward))
        if redemption_id is not None:
            path = f"/api/tokens/redemptions/{redemption_id}/{action.what}"
            await self._api.post(path, ADMIN, dict(action.body), OK)

    async def _meet(self, action: Meet) -> None:
        match action.what:
            case "ask":
                body = {"user_id": action.other}
                await self._api.post("/api/friends/requests", action.user_id, body, CREATED)
            case "accept":
                path = f"/api/friends/requests/{action.other}/accept"
                await self._api.post(path, action.user_id, {}, OK)
            case "block":
                await self._api.post(f"/api/friends/{action.other}/block", action.user_id, {}, OK)
