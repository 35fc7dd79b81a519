"""What the demonstration's authors and learners do, as the service's users."""

from __future__ import annotations

from api.demo import authors, learners
from api.demo.callers import ACCEPTED, ADMIN, CREATED, DECLINED, OK, Api, Json
from api.demo.learners import LearnerAction
from api.demo.plan import CourseAction


class Market:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._courses: dict[str, str] = {}
        """Ids by title."""

    async def act(self, action: CourseAction) -> dict[str, Json]:
        """The payment that it began, by the plan's name of it."""
        match action:
            case authors.Teach():
                await self._teach(action.course)
            case learners.MakeCoupon():
                await self._api.post("/api/coupons", action.author or ADMIN, action.body, CREATED)
            case learners.TakeName():
                await self._api.post(
                    "/api/me",
                    action.learner,
                    {"name": action.name, "email": f"{action.learner}@example.org"},
                    OK,
                    method="PUT",
                )
            case learners.Buy():
                return await self._buy(action)
            case LearnerAction():
                await self._learn(action)
        return {}

    async def _teach(self, course: authors.Course) -> None:
        uploaded = await self._api.post(
            "/api/courses/upload", course.author, authors.upload_of(course), CREATED
        )
        self._courses[course.title] = uploaded["course_id"]
        for teacher in course.taught_with:
            path = f"/api/courses/{uploaded['course_id']}/invitation/accept"
            await self._api.post(path, teacher, {}, OK)
        for what, body, by_admin in authors.steps_of(course):
            path = f"/api/courses/{uploaded['course_id']}/{what}"
            await self._api.post(path, ADMIN if by_admin else course.author, body, OK)

    async def _buy(self, action: learners.Buy) -> dict[str, Json]:
        body: Json = {
            "course_id": self._courses[action.title],
            "payment_method": action.payment_method,
        }
        if action.coupon:
            body["coupon"] = action.coupon
        if action.buyer:
            body["gift_to"] = action.learner
        answer = await self._api.post(
            "/api/courses/purchase", action.buyer or action.learner, body, CREATED, ACCEPTED, DECLINED
        )
        return {action.ref: answer["payment"]} if answer["payment"] else {}

    async def _learn(self, action: LearnerAction) -> None:
        path = f"/api/courses/{self._courses[action.title]}"
        match action:
            case learners.Learn(lessons=lessons):
                course = await self._api.get(path, action.learner)
                done = [item["item_id"] for item in course["items"][:lessons]]
                await self._api.post(f"{path}/progress", action.learner, {"items_done": done}, OK)
            case learners.Judge(rating=rating, text=text):
                body = {"rating": rating, "text": text}
                await self._api.post(f"{path}/reviews", action.learner, body, CREATED)
