"""Every role on every address: the answer is the declared one, and a denied call appends nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar, get
from msgspec.structs import replace

from api.http.access import TABLE, Access, UndeclaredRoute, check
from api.http.auth import ROLES
from api.services import Services
from ledger.enrolments.reviews import rules
from ledger.ids import new_id
from ledger.message import Origin
from tests.api.courses import ways
from tests.api.courses.conftest import COURSE
from tests.api.endpoints import ways as ways_of_endpoints
from tests.api.enrolments.learners import claim, completed, enrolled, free_course
from tests.api.licences import ways as ways_of_licences
from tests.api.licences.keys import key_for
from tests.api.orders import ways as ways_of_orders
from tests.api.organisations import ways as organisation_ways
from tests.api.payouts.conftest import School
from tests.api.support import Caller, Running, problem
from tests.ledger.coupon_examples import MAKER, create, terms
from tests.ledger.token_examples import request
from tests.ledger.unclaimed_examples import ID as MOVEMENT
from tests.ledger.unclaimed_examples import moved

STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))
BODIES: dict[str, dict[str, Any]] = {
    "createEndpoint": {"url": ways_of_endpoints.NOWHERE, "org_id": "org_1"},
    "changeEndpoint": {"url": ways_of_endpoints.NOWHERE, "ordered": True},
    "rotateEndpointSecret": {},
    "disableEndpoint": {},
    "enableEndpoint": {},
    "testEndpoint": {},
    "redeliverEvent": {},
    "redeliverEvents": {"since": "2026-01-01T00:00:00Z"},
    "explainMovement": {"account": "4000", "note": "The shop's"},
    "withdrawExplanation": {},
    "processPayment": {"amount_minor": 100, "currency": "usd", "payment_method": "pm_ok"},
    "refundPayment": {"amount_minor": 1, "note": "asked for"},
    "cancelPayment": {},
    "setDisputeEvidence": {"customer_name": "A"},
    "submitDispute": {},
    "acceptDispute": {},
    "openCheckout": {
        "success_url": "http://127.0.0.1:8000/paid",
        "cancel_url": "http://127.0.0.1:8000/cart",
        "payment": {"amount_minor": 100, "currency": "usd"},
    },
    "expireCheckout": {},
    "openBillingPortal": {"return_url": "http://127.0.0.1:8000/back"},
    "savePaymentMethod": {"payment_method": "pm_new"},
    "putContact": {"time_zone": "Europe/Berlin"},
    "createSubscription": {"tier": "pro", "payment_method": "pm_ok"},
    "previewSubscription": {"tier": "pro"},
    "previewSubscriptionChange": {"tier": "pro", "user_id": "usr_owner"},
    "updateSubscription": {"tier": "pro", "user_id": "usr_owner"},
    "changeSubscriptionPaymentMethod": {"payment_method": "pm_other", "user_id": "usr_owner"},
    "pauseSubscription": {"user_id": "usr_owner"},
    "resumeSubscription": {"user_id": "usr_owner"},
    "cancelSubscription": {"user_id": "usr_owner"},
    "payInvoice": {},
    "creditInvoice": {"note": "asked for", "amount_minor": 1},
    "recordInvoicePayment": {"amount_minor": 1, "reference": "statement 7"},
    "purchaseCourse": {"payment_method": "pm_ok"},
    "reportProgress": {"items_done": ["itm_1"], "user_id": "usr_owner"},
    "openContent": {},
    "claimCertificate": {},
    "uploadCourse": COURSE,
    "reviseCourse": {"expected_revision": 1, "level": "advanced"},
    "submitCourse": {},
    "approveCourse": {"revision": 1},
    "rejectCourse": {"revision": 1, "reason": "No sound."},
    "publishCourse": {},
    "archiveCourse": {"reason": "Not so."},
    "unarchiveCourse": {},
    "acceptInvitation": {},
    "declineInvitation": {},
    "leaveCourse": {},
    "featureCourse": {},
    "unfeatureCourse": {},
    "createCoupon": {"code": "ACCESS", "percent_bp": 2000, "scope": "instructor"},
    "endCoupon": {},
    "openConnectedAccount": {"country": "US"},
    "onboardConnectedAccount": {
        "return_url": "https://teach.example/back",
        "refresh_url": "https://teach.example/again",
    },
    "refreshConnectedAccount": {},
    "closeConnectedAccount": {},
    "requestPayout": {"currency": "usd", "user_id": "usr_owner"},
    "retryPayout": {},
    "recallPayouts": {"currency": "cad", "user_id": "usr_owner"},
    "postReview": {"rating": 5, "text": "Clear."},
    "editReview": {"rating": 4},
    "replyToReview": {"text": "Thanks."},
    "markHelpful": {},
    "hideReview": {"reason": "An insult."},
    "showReview": {},
    "askFriend": {"user_id": "usr_new"},
    "acceptFriend": {},
    "declineFriend": {},
    "withdrawFriendRequest": {},
    "blockUser": {},
    "unblockUser": {},
    "awardTokens": {"user_id": "usr_owner", "rule": "helpful_review", "source_ref": "rvw_elsewhere"},
    "penaliseTokens": {"user_id": "usr_owner", "amount": 1, "reason": "Copied."},
    "redeemTokens": {"reward_id": "plant_a_tree"},
    "fulfilRedemption": {},
    "cancelRedemption": {"reason": "Lost in the post"},
    "confirmAward": {},
    "declineAward": {},
    "createOrganisation": {"name": "Lakeside", "owner_id": "usr_stranger"},
    "renameOrganisation": {"name": "Lakeside School"},
    "setBrand": {"name": "Lakeside Academy"},
    "closeOrganisation": {},
    "leaveOrganisation": {},
    "changeMemberRole": {"role": "manager"},
    "inviteMember": {},
    "acceptMemberInvitation": {},
    "declineMemberInvitation": {},
    "withdrawMemberInvitation": {},
    "joinByCode": {},
    "createClass": {"name": "7c"},
    "renameClass": {"name": "7d"},
    "archiveClass": {},
    "addToClass": {"user_id": "usr_member"},
    "activateSeat": {"fingerprint": "a device"},
    "keepSeat": {"fingerprint": "a device"},
    "releaseSeat": {"fingerprint": "a device"},
    "deactivateSeat": {},
    "quoteLicence": {"org_id": "org_1", "tier": "starter"},
    "issueLicence": {"org_id": "org_1", "tier": "starter"},
    "purchaseLicence": {"org_id": "org_1", "tier": "starter", "payment_method": "pm_ok"},
    "payLicenceInvoice": {"payment_method": "pm_ok"},
    "acceptLicenceQuote": {"quote_id": "quo_1"},
    "activateLicence": {},
    "suspendLicence": {"reason": "Unpaid"},
    "reinstateLicence": {"reason": "Paid"},
    "renewLicence": {"term": 2},
    "upgradeLicence": {"tier": "professional"},
    "revokeLicence": {"reason": "They closed", "credit": True},
    "revealLicenceKey": {},
    "makeLicenceFile": {},
    "reissueLicenceKey": {"reason": "It leaked"},
    "recordLicencePayment": {"amount_minor": 1, "reference": "SEPA 17"},
    "creditLicenceInvoice": {"reason": "Agreed"},
    "writeOffLicenceInvoice": {"reason": "Bankrupt"},
    "recordLicenceCreditTransfer": {"amount_minor": 1, "reference": "SEPA 18"},
    "previewCourseOrder": {"members": ["usr_member"], "courses": []},
    "orderCourses": {"members": ["usr_member"], "courses": [], "expected_minor": 4_900},
    "returnOrderItem": {"reason": "They are ill"},
    "recordOrderPayment": {"amount_minor": 1, "reference": "SEPA 17"},
    "writeOffOrder": {"reason": "Bankrupt"},
    "recordOrderCreditTransfer": {"amount_minor": 1, "reference": "SEPA 18"},
}
DATED = {
    "quoteLicence": ("valid_until", timedelta(days=1)),
    "recordLicencePayment": ("received_on", timedelta()),
    "recordLicenceCreditTransfer": ("paid_on", timedelta()),
    "recordInvoicePayment": ("received_on", timedelta()),
    "recordOrderPayment": ("received_on", timedelta()),
    "recordOrderCreditTransfer": ("paid_on", timedelta()),
}
"""The field of a body that is counted from now."""
QUERY = {
    "explainBalance": {"account": "1010", "currency": "usd"},
    "getChurn": {"from": "2026-01-01T00:00:00Z"},
    "getDeferredRevenue": {"from": "2026-01-01T00:00:00Z"},
    "previewLicenceUpgrade": {"tier": "enterprise"},
    "validateLicence": {"nonce": "one"},
    "getLicenceRollforward": {"first": "2026-01"},
    "getCurrentPlan": {"user_id": "usr_owner"},
    "checkFeature": {"user_id": "usr_owner"},
    "getEarnings": {"user_id": "usr_owner"},
    "listEarningsMovements": {"user_id": "usr_owner"},
    "getStatement": {"user_id": "usr_owner"},
    "listBankPayouts": {"user_id": "usr_owner"},
    "listPayouts": {"user_id": "usr_owner"},
    "getTokenBalance": {"user_id": "usr_owner"},
    "listTokenMovements": {"user_id": "usr_owner"},
    "getStreak": {"user_id": "usr_owner"},
}
SOMEBODYS = {
    "createEndpoint",
    "getEndpoint",
    "changeEndpoint",
    "rotateEndpointSecret",
    "disableEndpoint",
    "enableEndpoint",
    "testEndpoint",
    "listDeliveries",
    "getDelivery",
    "redeliverEvent",
    "redeliverEvents",
    "deleteEndpoint",
    "getBrand",
    "setBrand",
    "getOrganisation",
    "closeOrganisation",
    "listMembers",
    "listMemberInvitations",
    "listClasses",
    "getClass",
    "listClassMembers",
    "renameOrganisation",
    "leaveOrganisation",
    "changeMemberRole",
    "removeMember",
    "inviteMember",
    "acceptMemberInvitation",
    "declineMemberInvitation",
    "withdrawMemberInvitation",
    "createClass",
    "renameClass",
    "archiveClass",
    "addToClass",
    "removeFromClass",
    "acceptInvitation",
    "declineInvitation",
    "leaveCourse",
    "getPayment",
    "refundPayment",
    "getRefund",
    "cancelPayment",
    "getCheckout",
    "expireCheckout",
    "openBillingPortal",
    "removePaymentMethod",
    "previewSubscriptionChange",
    "updateSubscription",
    "changeSubscriptionPaymentMethod",
    "pauseSubscription",
    "resumeSubscription",
    "cancelSubscription",
    "getCurrentPlan",
    "checkFeature",
    "getInvoice",
    "getReceipt",
    "getPaymentReceipt",
    "payInvoice",
    "reviseCourse",
    "submitCourse",
    "publishCourse",
    "archiveCourse",
    "unarchiveCourse",
    "getEnrolment",
    "reportProgress",
    "openContent",
    "claimCertificate",
    "getCertificatePdf",
    "getCoupon",
    "endCoupon",
    "editReview",
    "getEarnings",
    "listEarningsMovements",
    "getStatement",
    "listBankPayouts",
    "requestPayout",
    "listPayouts",
    "getPayout",
    "retryPayout",
    "acceptFriend",
    "declineFriend",
    "withdrawFriendRequest",
    "getTokenBalance",
    "listTokenMovements",
    "getStreak",
    "getLicence",
    "acceptLicenceQuote",
    "activateLicence",
    "renewLicence",
    "previewLicenceUpgrade",
    "upgradeLicence",
    "revealLicenceKey",
    "makeLicenceFile",
    "reissueLicenceKey",
    "listLicenceInvoices",
    "purchaseLicence",
    "payLicenceInvoice",
    "listSeats",
    "deactivateSeat",
    "getUsage",
    "previewCourseOrder",
    "orderCourses",
    "listCourseOrders",
    "getCourseOrder",
    "returnOrderItem",
}
"""What `World.call` asks of these is the owner's."""
CONFLICTS = {
    "leaveOrganisation": "last_owner",
    "declineInvitation": "author_stays",
    "leaveCourse": "author_stays",
    "createSubscription": "subscription_exists",
    "previewSubscription": "subscription_exists",
    "payInvoice": "invoice_not_open",
    "cancelPayment": "payment_not_cancelable",
    "unarchiveCourse": "taken_down",
    "purchaseCourse": "own_course",
    "markHelpful": "vote_on_own_course",
}
"""What is allowed to the owner and is done already."""
NOTHING_TO_DO = {"recordInvoicePayment": "nothing_receivable"}
"""What is allowed to an admin and has nothing to be done to."""
AS_TO_OWNERS = {"cancelPayment"}
"""An admin may do it for anybody, and is told what its owner would be."""
FORBIDDEN_TO_OWNERS = {"postReview": "review_of_own_course"}
FORBIDDEN_TO_STRANGERS = {
    "postReview": "review_needs_enrolment",
    "replyToReview": "reply_not_yours",
    "getClassLeaderboard": "feature_missing",
}
"""Whatever their role is, by the rules."""


COURSES = {
    "acceptInvitation": ways.DRAFT,
    "declineInvitation": ways.DRAFT,
    "leaveCourse": ways.DRAFT,
    "purchaseCourse": ways.PUBLISHED,
    "getCourse": ways.PUBLISHED,
    "getCoursePrice": ways.PUBLISHED,
    "reviseCourse": ways.DRAFT,
    "submitCourse": ways.DRAFT,
    "approveCourse": ways.IN_REVIEW,
    "rejectCourse": ways.IN_REVIEW,
    "publishCourse": ways.APPROVED,
    "archiveCourse": ways.PUBLISHED,
    "unarchiveCourse": ways.TAKEN_DOWN,
    "featureCourse": ways.PUBLISHED,
    "unfeatureCourse": ways.FEATURED,
    "listReviews": ways.PUBLISHED,
    "postReview": ways.PUBLISHED,
    "previewCourseOrder": ways.PUBLISHED,
    "orderCourses": ways.PUBLISHED,
}
"""Which course each is asked of."""
REVIEWS = {
    "editReview": "usr_owner",
    "replyToReview": "usr_learner",
    "markHelpful": "usr_learner",
    "unmarkHelpful": "usr_learner",
    "hideReview": "usr_learner",
    "showReview": "usr_learner",
}
"""Whose review each is asked of."""
FRIENDS = {
    "acceptFriend": "usr_asks",
    "declineFriend": "usr_asks_too",
    "withdrawFriendRequest": "usr_asked",
}
"""With whom the owner has an open request."""
LICENCES = {
    "getLicence": ways_of_licences.ISSUED,
    "setBrand": ways_of_licences.BRANDED,
    "acceptLicenceQuote": ways_of_licences.QUOTED,
    "activateLicence": ways_of_licences.ISSUED,
    "suspendLicence": ways_of_licences.ISSUED,
    "reinstateLicence": ways_of_licences.SUSPENDED,
    "renewLicence": ways_of_licences.ISSUED,
    "previewLicenceUpgrade": ways_of_licences.ISSUED,
    "upgradeLicence": ways_of_licences.ISSUED,
    "revokeLicence": ways_of_licences.ISSUED,
    "listLicenceInvoices": ways_of_licences.ISSUED,
    "revealLicenceKey": ways_of_licences.ACTIVE,
    "makeLicenceFile": ways_of_licences.ACTIVE,
    "reissueLicenceKey": ways_of_licences.ISSUED,
    "validateLicence": ways_of_licences.ACTIVE,
    "activateSeat": ways_of_licences.ACTIVE,
    "keepSeat": ways_of_licences.ACTIVE,
    "releaseSeat": ways_of_licences.ACTIVE,
    "recordUsage": ways_of_licences.ACTIVE,
    "listSeats": ways_of_licences.SEATED,
    "deactivateSeat": ways_of_licences.SEATED,
    "getUsage": ways_of_licences.ACTIVE,
    "payLicenceInvoice": ways_of_licences.ISSUED,
    "recordLicencePayment": ways_of_licences.ISSUED,
    "creditLicenceInvoice": ways_of_licences.ISSUED,
    "writeOffLicenceInvoice": ways_of_licences.ISSUED,
    "recordLicenceCreditTransfer": ways_of_licences.CREDITED,
}
"""What licence each is asked of."""
ORDERS = {
    "getCourseOrder": ways_of_orders.PLACED,
    "returnOrderItem": ways_of_orders.PLACED,
    "recordOrderPayment": ways_of_orders.PLACED,
    "writeOffOrder": ways_of_orders.PLACED,
    "recordOrderCreditTransfer": ways_of_orders.OWING,
}
"""What order each is asked of."""
AWARDS = {"confirmAward": "awr_1", "declineAward": "awr_2"}
"""Which award that waits for a second administrator each is asked of."""
ROOT = Origin(actor="usr_root", roles=frozenset({"admin"}))
NONE_OF_THEIR_OWN = {
    "renameOrganisation",
    "leaveOrganisation",
    "changeMemberRole",
    "removeMember",
    "inviteMember",
    "acceptMemberInvitation",
    "declineMemberInvitation",
    "withdrawMemberInvitation",
    "createClass",
    "renameClass",
    "archiveClass",
    "addToClass",
    "removeFromClass",
    "fulfilRedemption",
    "cancelRedemption",
    "acceptFriend",
    "declineFriend",
    "withdrawFriendRequest",
    "acceptInvitation",
    "declineInvitation",
    "leaveCourse",
    "getDispute",
    "getDisputeEvidence",
    "setDisputeEvidence",
    "uploadDisputeFile",
    "submitDispute",
    "acceptDispute",
    "getCheckout",
    "expireCheckout",
    "openBillingPortal",
    "removePaymentMethod",
    "payInvoice",
    "reviseCourse",
    "submitCourse",
    "publishCourse",
    "claimCertificate",
    "editReview",
}
"""What an admin has only of what is theirs."""


class World:
    """An application with a payment, a card, a subscription, courses, a certificate, and each role."""

    def __init__(
        self,
        app: Running,
        owner: Caller,
        courses: dict[str, str],
        reviews: dict[str, str],
        learnt: dict[str, str],
        organisations: dict[str, organisation_ways.Ids],
        enterprise: dict[str, dict[str, str]],
        **ids: str,
    ) -> None:
        self.app, self.owner, self.ids = app, owner, ids
        self.courses, self.reviews, self.learnt = courses, reviews, learnt
        self.organisations = organisations
        self.enterprise = enterprise
        self.payment_id = ids["payment_id"]

    async def call(self, access: Access, caller: Caller | None) -> Any:
        ours = self.enterprise.get(access.operation, {})
        of_organisation = {**self.organisations[""], **self.organisations.get(access.operation, {})}
        code = of_organisation.pop("code")
        user_id = of_organisation.pop("user_id", FRIENDS.get(access.operation, "usr_other"))
        path = access.path.format(
            **{**self.ids, **ours, **of_organisation},
            payment_method_id="pm_saved",
            key="sell_courses",
            course_id=self.courses.get(access.operation, self.learnt["course_id"]),
            enrolment_id=self.learnt["enrolment_id"],
            certificate_id=self.learnt["certificate_id"],
            code="OWNERS",
            month="2026-01",
            review_id=self.reviews.get(access.operation, ""),
            user_id=user_id,
            request_id=AWARDS.get(access.operation, ""),
            redemption_id="red_none",
            movement_id=MOVEMENT,
            stripe_id=self.ids["invoice_id"],
        )
        body = BODIES.get(access.operation)
        if access.operation == "refundPayment" and body is not None:
            body = {**body, "payment_id": self.payment_id}
        if access.operation == "purchaseCourse" and body is not None:
            body = {**body, "course_id": self.courses[access.operation]}
        if body is not None and "courses" in body:
            body = {**body, "courses": [self.courses[access.operation]]}
        if body is not None and "org_id" in body:
            body = {**body, "org_id": self.organisations[""]["org_id"]}
        if access.operation == "joinByCode":
            body = {"code": code}
        if access.operation == "recordUsage":
            item = {"metric": "courses_created", "sequence": 1}
            body = {"source": "eu-1", "month": f"{self.app.services.now():%Y-%m}", "items": [item]}
        if access.operation in DATED and body is not None:
            field, ahead = DATED[access.operation]
            moment = self.app.services.now() + ahead
            body = {**body, field: (moment if ahead else moment.date()).isoformat()}
        headers = {**(caller.headers if caller else {}), "Idempotency-Key": new_id("key")}
        if (licence_id := ours.get("licence_id")) is not None:
            headers["Licence-Key"] = key_for(self.app.services, licence_id)
        query = {"licence_id": licence_id} if access.operation == "getUsage" else QUERY.get(access.operation)
        if access.file is not None:
            headers["Content-Type"] = "application/pdf"
            return await self.app.client.request(access.method, path, content=b"%PDF-", headers=headers)
        return await self.app.client.request(access.method, path, json=body, headers=headers, params=query)


@pytest.fixture
async def world(app: Running, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(rules, "LEAST_PROGRESS_BP", 0)
    app.services.stopping.set()  # so that a stream ends when it has told what there is
    owner = app.caller("usr_owner", "student")
    payment_id = (await owner.pay()).json()["payment_id"]
    opened = await owner("POST", "/api/checkout", key="page", json=BODIES["openCheckout"])
    refund_id = (await owner.refund(payment_id, amount_minor=1)).json()["refund_id"]
    await owner("POST", "/api/payment-methods", key="k", json={"payment_method": "pm_saved"})
    assert (await owner.subscribe("enterprise")).status_code == 201
    await app.projected()
    invoice_id = (await owner.get("/api/invoices")).json()["items"][0]["invoice_id"]
    courses = {
        operation: await ways.course_of(app.services, "usr_owner", way) for operation, way in COURSES.items()
    }
    reviews = {}
    for operation, learner in REVIEWS.items():
        author = "usr_author" if learner == "usr_owner" else "usr_owner"
        courses[operation] = await ways.course_of(app.services, author, ways.PUBLISHED)
        reviews[operation] = await ways.review_of(app.services, courses[operation], learner)
    learnt = await learnt_by(app.services, owner)
    await app.services.store.handle(
        create(terms(scope="platform", scope_id=""), code="OWNERS", user_id="usr_owner", by_admin=True), MAKER
    )
    for asker in ("usr_asks", "usr_asks_too"):
        await befriend(app.caller(asker, "student"), "usr_owner")
    await befriend(owner, "usr_asked")
    gift = {"user_id": "usr_stranger", "amount": 500, "reason": "For a tree by each role"}
    root = app.caller("usr_root", "admin")
    given = await root("POST", "/api/tokens/award", key=new_id("key"), json=gift)
    assert given.status_code == 201
    for request_id in AWARDS.values():
        asked = request(600)
        ours = {"command_id": new_id("cmd"), "request_id": request_id, "source_ref": request_id}
        await app.services.store.handle(replace(asked, **ours), ROOT)
    await app.services.store.handle(moved(), STRIPE)
    organisations = await organisation_ways.organisations(app, "usr_owner")
    org_id = organisations[""]["org_id"]
    enterprise = {
        operation: await ways_of_licences.licence_of(app.services, way, org_id)
        for operation, way in LICENCES.items()
    }
    for operation, way in ORDERS.items():
        enterprise[operation] = await ways_of_orders.order_of(app.services, way, org_id)
    await app.projected()
    ids = {"payment_id": payment_id, "refund_id": refund_id, "invoice_id": invoice_id}
    ids["dispute_id"] = "du_none"
    ids.update(await ways_of_endpoints.endpoint_in(app, org_id))
    ids["checkout_id"] = opened.json()["checkout_id"]
    ids["payout_id"] = await paid_to(app, "usr_owner")
    return World(app, owner, courses, reviews, learnt, organisations, enterprise, **ids)


async def paid_to(app: Running, user_id: str) -> str:
    """The id of a payout that is blocked. Another could be asked for, and of a third some is owed back."""
    instructor = app.caller(user_id, "instructor")
    await instructor("POST", "/api/instructor/account", key="open", json={"country": "US"})
    await instructor("POST", "/api/instructor/account/refresh", json={})
    fake: Any = app.services.gateway
    school = School(app, fake, "")
    for currency in ("usd", "cad", "gbp"):
        school.short(10_000, currency)
        await school.earn(user_id, 5_000, currency)
    assert (await school.ask(instructor, "cad")).status_code == 201
    await school.earn(user_id, -5_000, "cad", kind="refund")
    fake.connect.refuses = True
    refused = await school.ask(instructor, "gbp")
    fake.connect.refuses = False
    await app.projected()
    return str(refused.json()["payout"]["payout_id"])


async def befriend(asker: Caller, asked: str) -> None:
    answer = await asker("POST", "/api/friends/requests", key=new_id("key"), json={"user_id": asked})
    assert answer.status_code == 201


async def learnt_by(services: Services, owner: Caller) -> dict[str, str]:
    """The ids of what a learner has completed."""
    course_id = await free_course(services)
    enrolment_id = await enrolled(services, owner.user_id, course_id)
    await completed(services, owner.user_id, course_id)
    await owner("PUT", "/api/me", json={"name": "Olga"})
    certificate_id = (await claim(owner, course_id)).json()["certificate_id"]
    return {"course_id": course_id, "enrolment_id": enrolment_id, "certificate_id": certificate_id}


async def test_nobody_enters_without_a_credential(world: World) -> None:
    head = await world.app.services.store.head()
    for access in TABLE:
        answer = await world.call(access, None)
        if access.roles:
            assert answer.status_code == 401, access
            assert problem(answer)["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"].startswith("Bearer")
        elif access.signature:
            assert answer.status_code == 400, access
        else:
            assert answer.status_code == 200, access
    assert await world.app.services.store.head() == head


@pytest.mark.parametrize("role", [*sorted(ROLES), "none"])
async def test_each_role_enters_where_the_table_says(world: World, role: str) -> None:
    """A stranger of each role: allowed or 403, and what is somebody else's looks like nothing (404)."""
    caller = world.app.caller("usr_stranger", *([role] if role in ROLES else []))
    for access in TABLE:
        if not access.roles:
            continue
        head = await world.app.services.store.head()
        answer = await world.call(access, caller)
        if role not in access.roles:
            assert (answer.status_code, problem(answer)["code"]) == (403, "forbidden"), access
        elif (code := FORBIDDEN_TO_STRANGERS.get(access.operation)) is not None:
            assert (answer.status_code, problem(answer)["code"]) == (403, code), access
        elif access.operation in SOMEBODYS and not _sees_all(access, role):
            assert (answer.status_code, problem(answer)["code"]) == (404, "not_found"), access
        elif access.operation in NONE_OF_THEIR_OWN:
            assert answer.status_code == 404, (access, "an admin has none of their own")
        elif (code := NOTHING_TO_DO.get(access.operation)) is not None:
            assert (answer.status_code, problem(answer)["code"]) == (409, code), access
        elif access.operation in AS_TO_OWNERS:
            assert (answer.status_code, problem(answer)["code"]) == (409, CONFLICTS[access.operation])
        else:
            assert answer.status_code < 300, (access, answer.text)
            continue
        assert await world.app.services.store.head() == head, f"{access} was denied and appended"


def _sees_all(access: Access, role: str) -> bool:
    return role == "admin" or (access.operation in {"checkFeature", "reportProgress"} and role == "service")


async def test_the_owner_has_what_is_theirs(world: World) -> None:
    for access in TABLE:
        if "student" in access.roles:
            answer = await world.call(access, world.owner)
            if (conflict := CONFLICTS.get(access.operation)) is not None:
                assert (answer.status_code, problem(answer)["code"]) == (409, conflict)
            elif (code := FORBIDDEN_TO_OWNERS.get(access.operation)) is not None:
                assert (answer.status_code, problem(answer)["code"]) == (403, code)
            else:
                assert answer.status_code < 300, (access, answer.text)


async def test_a_list_shows_the_callers_own(world: World, admin: Caller, other: Caller) -> None:
    assert (await other.get("/api/payments/history")).json()["items"] == []
    assert len((await world.owner.get("/api/payments/history")).json()["items"]) == 2
    assert len((await admin.get("/api/payments/history")).json()["items"]) == 2
    assert len((await admin.get("/api/payments/history?user_id=usr_owner")).json()["items"]) == 2
    assert (await admin.get("/api/payments/history?user_id=usr_nobody")).json()["items"] == []
    assert (await other.get("/api/payments/history?user_id=usr_owner")).status_code == 403


async def test_head_is_guarded_like_get_and_has_no_body(world: World, student: Caller) -> None:
    path = f"/api/payments/{world.payment_id}"
    assert (await world.app.client.head(path)).status_code == 401
    assert (await student("HEAD", path)).status_code == 404
    own = await world.owner("HEAD", path)
    assert (own.status_code, own.content) == (200, b"")
    assert own.headers["etag"] == (await world.owner.get(path)).headers["etag"]


async def test_an_address_names_all_its_methods_and_no_other_is_taken(app: Running) -> None:
    """Whoever asks: the methods are in the public document too."""
    for path in {access.path for access in TABLE}:
        methods = {access.method for access in TABLE if access.path == path}
        allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        address = path.format(
            payment_id="pay_1",
            checkout_id="pay_1",
            dispute_id="du_1",
            refund_id="re_1",
            payment_method_id="pm_1",
            invoice_id="in_1",
            key="sso",
            course_id="crs_1",
            enrolment_id="enr_1",
            certificate_id="crt_1",
            code="X",
            month="2026-01",
            review_id="rvw_1",
            payout_id="ipo_1",
            user_id="usr_1",
            request_id="awr_1",
            redemption_id="red_1",
            org_id="org_1",
            class_id="cls_1",
            invitation_id="oiv_1",
            licence_id="lic_1",
            seat_id="sea_1",
            order_id="ord_1",
            item_id="oit_1",
            movement_id="txn_1",
            stripe_id="pi_1",
            endpoint_id="whe_1",
            event_id="evt_1",
        )
        asked = await app.client.options(address)
        assert (asked.status_code, asked.content) == (204, b"")
        assert asked.headers["allow"] == ", ".join(sorted(allowed))
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - allowed:
            refused = await app.client.request(method, address)
            assert (refused.status_code, refused.headers["allow"]) == (405, asked.headers["allow"])
            assert method == "HEAD" or problem(refused)["code"] == "method_not_allowed"
    assert "allow" not in (await app.client.options("/nowhere")).headers


def test_an_address_without_access_stops_the_start() -> None:
    @get("/api/new", operation_id="newThing", sync_to_thread=False)
    def handler() -> str:
        return ""

    with pytest.raises(UndeclaredRoute, match=r"GET /api/new \(newThing\)"):
        check(Litestar([handler], openapi_config=None, logging_config=None))
