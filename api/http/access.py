"""Who may call what: one table, and the guard that is made from it.

Nothing is allowed by default: an address that is not in the table, or a row without an address, stops the
application from starting. The tests walk through every row with every role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.http.auth import ROLES, Principal
from api.http.problems import Unauthenticated
from api.http.scopes import scope_of
from ledger.errors import Forbidden

Ownership = Literal["", "own", "own_or_admin"]
"""`own`: the caller's alone, by construction; `own_or_admin`: another's id looks like an unknown one (404)
unless the caller is an admin."""


class FileBody(msgspec.Struct, frozen=True):
    """A body that is a file, and no JSON."""

    media_types: tuple[str, ...]
    most_bytes: int


EVIDENCE = FileBody(("application/pdf", "image/jpeg", "image/png"), 5 * 1024 * 1024)
"""Stripe's limits for `dispute_evidence`: https://docs.stripe.com/file-upload"""


class Access(msgspec.Struct, frozen=True):
    """`roles` empty means public: for everybody, or for whoever signs the request."""

    method: str
    path: str
    operation: str
    roles: frozenset[str] = frozenset()
    ownership: Ownership = ""
    signature: bool = False
    """The body is signed; the handler checks it."""
    file: FileBody | None = None
    feature: str = ""
    """What the caller's plan must have, beside the role: see `entitlements.FeatureGuard`."""

    @property
    def scope(self) -> str:
        """What an API key that has scopes must have; empty when none opens it."""
        return scope_of(self.method, self.path)

    @property
    def counted(self) -> bool:
        """Whether a call by an organisation's key is one of its `api_calls`. What manages organisations and
        licences is not, and so works over every limit; nor is what is there for the operator's machines.
        """
        return self.path.startswith("/api/") and not self.path.startswith("/api/enterprise/")


PEOPLE = frozenset({"student", "instructor", "enterprise", "admin"})
AUTHORS = frozenset({"instructor", "admin"})
PAID = frozenset({"instructor", "enterprise", "admin"})
BUYERS = frozenset({"student", "instructor", "enterprise"})
FOUNDERS = frozenset({"enterprise", "admin"})
ADMIN = frozenset({"admin"})
MANAGERS = frozenset({"enterprise", "admin"})
"""Of organisations; of which ones is asked of the organisation itself."""
BOOKS = frozenset({"admin", "service"})
TOLD = MANAGERS | {"service"}
"""Of what happened: all, or what is their organisation's, which is asked of it."""
ANYBODY = PEOPLE | {"service"}

_ORGANISATION = "/api/enterprise/organisations/{org_id}"
_CLASS = _ORGANISATION + "/classes/{class_id}"
_ORDERS = "/api/enterprise/orders"
_ENDPOINTS = "/api/webhook-endpoints"
_ENDPOINT = _ENDPOINTS + "/{endpoint_id}"
_ORDER = _ORDERS + "/{order_id}"

TABLE: tuple[Access, ...] = (
    Access("POST", "/api/payments/process", "processPayment", PEOPLE, "own"),
    Access("GET", "/api/payments/history", "listPayments", PEOPLE, "own_or_admin"),
    Access("GET", "/api/payments/{payment_id}", "getPayment", PEOPLE, "own_or_admin"),
    Access("GET", "/api/payments/{payment_id}/receipt", "getPaymentReceipt", PEOPLE, "own_or_admin"),
    Access("POST", "/api/payments/refund", "refundPayment", PEOPLE, "own_or_admin"),
    Access("GET", "/api/refunds/{refund_id}", "getRefund", PEOPLE, "own_or_admin"),
    Access("POST", "/api/payments/{payment_id}/cancel", "cancelPayment", PEOPLE, "own_or_admin"),
    Access("POST", "/api/checkout", "openCheckout", PEOPLE, "own"),
    Access("GET", "/api/checkout/{checkout_id}", "getCheckout", PEOPLE, "own"),
    Access("POST", "/api/checkout/{checkout_id}/expire", "expireCheckout", PEOPLE, "own"),
    Access("POST", "/api/billing-portal", "openBillingPortal", PEOPLE, "own"),
    Access("GET", "/api/disputes", "listDisputes", BOOKS),
    Access("GET", "/api/disputes/{dispute_id}", "getDispute", BOOKS),
    Access("GET", "/api/disputes/{dispute_id}/evidence", "getDisputeEvidence", BOOKS),
    Access("PUT", "/api/disputes/{dispute_id}/evidence", "setDisputeEvidence", ADMIN),
    Access("POST", "/api/disputes/{dispute_id}/files", "uploadDisputeFile", ADMIN, file=EVIDENCE),
    Access("POST", "/api/disputes/{dispute_id}/submit", "submitDispute", ADMIN),
    Access("POST", "/api/disputes/{dispute_id}/accept", "acceptDispute", ADMIN),
    Access("GET", "/api/payment-methods", "listPaymentMethods", PEOPLE, "own"),
    Access("POST", "/api/payment-methods", "savePaymentMethod", PEOPLE, "own"),
    Access("DELETE", "/api/payment-methods/{payment_method_id}", "removePaymentMethod", PEOPLE, "own"),
    Access("GET", "/api/plans", "listPlans"),
    Access("POST", "/api/subscriptions/create/preview", "previewSubscription", PEOPLE, "own"),
    Access("GET", "/api/subscriptions", "listSubscribers", ADMIN),
    Access("GET", "/api/customers", "listCustomers", ADMIN),
    Access("GET", "/api/stripe/{stripe_id}", "findByStripeId", BOOKS),
    Access("POST", "/api/subscriptions/create", "createSubscription", PEOPLE, "own"),
    Access("POST", "/api/subscriptions/preview", "previewSubscriptionChange", PEOPLE, "own_or_admin"),
    Access("PUT", "/api/subscriptions/update", "updateSubscription", PEOPLE, "own_or_admin"),
    Access(
        "PUT", "/api/subscriptions/payment-method", "changeSubscriptionPaymentMethod", PEOPLE, "own_or_admin"
    ),
    Access("POST", "/api/subscriptions/pause", "pauseSubscription", PEOPLE, "own_or_admin"),
    Access("POST", "/api/subscriptions/resume", "resumeSubscription", PEOPLE, "own_or_admin"),
    Access("POST", "/api/subscriptions/cancel", "cancelSubscription", PEOPLE, "own_or_admin"),
    Access("GET", "/api/subscriptions/current", "getCurrentPlan", PEOPLE, "own_or_admin"),
    Access("GET", "/api/features/{key}/check", "checkFeature", ANYBODY, "own_or_admin"),
    Access("GET", "/api/invoices", "listInvoices", PEOPLE, "own_or_admin"),
    Access("GET", "/api/invoices/{invoice_id}", "getInvoice", PEOPLE, "own_or_admin"),
    Access("GET", "/api/invoices/{invoice_id}/receipt", "getReceipt", PEOPLE, "own_or_admin"),
    Access("POST", "/api/invoices/{invoice_id}/pay", "payInvoice", PEOPLE, "own"),
    Access("POST", "/api/invoices/{invoice_id}/credit", "creditInvoice", ADMIN),
    Access("POST", "/api/invoices/{invoice_id}/off-stripe-payments", "recordInvoicePayment", ADMIN),
    Access("POST", "/api/courses/upload", "uploadCourse", AUTHORS, "own", feature="upload_courses"),
    Access("GET", "/api/courses/list", "listCourses"),
    Access("GET", "/api/courses/trending", "listTrendingCourses"),
    Access("GET", "/api/courses/{course_id}", "getCourse"),
    Access("PATCH", "/api/courses/{course_id}", "reviseCourse", PEOPLE, "own"),
    Access("POST", "/api/courses/{course_id}/submit", "submitCourse", PEOPLE, "own"),
    Access("POST", "/api/courses/{course_id}/approve", "approveCourse", ADMIN),
    Access("POST", "/api/courses/{course_id}/reject", "rejectCourse", ADMIN),
    Access("POST", "/api/courses/{course_id}/publish", "publishCourse", PEOPLE, "own"),
    Access("POST", "/api/courses/{course_id}/archive", "archiveCourse", PEOPLE, "own_or_admin"),
    Access("POST", "/api/courses/{course_id}/unarchive", "unarchiveCourse", PEOPLE, "own_or_admin"),
    Access("POST", "/api/courses/{course_id}/feature", "featureCourse", ADMIN),
    Access("POST", "/api/courses/{course_id}/unfeature", "unfeatureCourse", ADMIN),
    Access("POST", "/api/courses/{course_id}/invitation/accept", "acceptInvitation", PEOPLE, "own"),
    Access("POST", "/api/courses/{course_id}/invitation/decline", "declineInvitation", PEOPLE, "own"),
    Access("POST", "/api/courses/{course_id}/leave", "leaveCourse", PEOPLE, "own"),
    Access("GET", "/api/courses/{course_id}/price", "getCoursePrice", PEOPLE),
    Access("POST", "/api/courses/purchase", "purchaseCourse", BUYERS, "own"),
    Access("GET", "/api/courses/{course_id}/reviews", "listReviews"),
    Access("POST", "/api/courses/{course_id}/reviews", "postReview", PEOPLE, "own"),
    Access("PATCH", "/api/courses/{course_id}/reviews/{review_id}", "editReview", PEOPLE, "own"),
    Access("PUT", "/api/courses/{course_id}/reviews/{review_id}/reply", "replyToReview", PEOPLE),
    Access("POST", "/api/courses/{course_id}/reviews/{review_id}/helpful", "markHelpful", PEOPLE),
    Access("DELETE", "/api/courses/{course_id}/reviews/{review_id}/helpful", "unmarkHelpful", PEOPLE),
    Access("POST", "/api/courses/{course_id}/reviews/{review_id}/hide", "hideReview", ADMIN),
    Access("POST", "/api/courses/{course_id}/reviews/{review_id}/show", "showReview", ADMIN),
    Access("GET", "/api/enrolments", "listEnrolments", PEOPLE, "own_or_admin"),
    Access("GET", "/api/enrolments/given", "listGifts", PEOPLE, "own"),
    Access("GET", "/api/enrolments/{enrolment_id}", "getEnrolment", PEOPLE, "own_or_admin"),
    Access("POST", "/api/courses/{course_id}/progress", "reportProgress", ANYBODY, "own_or_admin"),
    Access("POST", "/api/courses/{course_id}/content", "openContent", PEOPLE, "own_or_admin"),
    Access("POST", "/api/courses/{course_id}/certificate", "claimCertificate", PEOPLE, "own"),
    Access("GET", "/api/certificates/{certificate_id}", "getCertificate"),
    Access("GET", "/api/certificates/{certificate_id}/pdf", "getCertificatePdf", PEOPLE, "own_or_admin"),
    Access("POST", "/api/coupons", "createCoupon", AUTHORS, "own"),
    Access("GET", "/api/coupons", "listCoupons", PEOPLE, "own_or_admin"),
    Access("GET", "/api/coupons/{code}", "getCoupon", PEOPLE, "own_or_admin"),
    Access("POST", "/api/coupons/{code}/end", "endCoupon", PEOPLE, "own_or_admin"),
    Access("GET", "/api/instructor/courses", "listOwnCourses", PEOPLE, "own_or_admin"),
    Access("GET", "/api/instructor/invitations", "listInvitations", PEOPLE, "own"),
    Access("GET", "/api/instructor/earnings", "getEarnings", PEOPLE, "own_or_admin"),
    Access("GET", "/api/instructor/earnings/movements", "listEarningsMovements", PEOPLE, "own_or_admin"),
    Access("GET", "/api/instructor/statements/{month}", "getStatement", PEOPLE, "own_or_admin"),
    Access("GET", "/api/earnings/owed", "getOwed", ADMIN),
    Access("POST", "/api/instructor/account", "openConnectedAccount", PAID, "own"),
    Access("GET", "/api/instructor/account", "getConnectedAccount", PAID, "own_or_admin"),
    Access("POST", "/api/instructor/account/onboarding", "onboardConnectedAccount", PAID, "own"),
    Access("POST", "/api/instructor/account/refresh", "refreshConnectedAccount", PAID, "own"),
    Access("POST", "/api/instructor/account/close", "closeConnectedAccount", PAID, "own"),
    Access("GET", "/api/instructor/accounts", "listConnectedAccounts", ADMIN),
    Access("POST", "/api/payouts", "requestPayout", PAID, "own_or_admin"),
    Access("GET", "/api/payouts", "listPayouts", PAID, "own_or_admin"),
    Access("GET", "/api/payouts/{payout_id}", "getPayout", PAID, "own_or_admin"),
    Access("POST", "/api/payouts/{payout_id}/retry", "retryPayout", PAID, "own_or_admin"),
    Access("POST", "/api/payouts/recalls", "recallPayouts", ADMIN),
    Access("GET", "/api/payouts/bank", "listBankPayouts", PAID, "own_or_admin"),
    Access("GET", "/api/leaderboard/global", "getLeaderboard", PEOPLE, "own", feature="global_leaderboard"),
    Access(
        "GET",
        "/api/leaderboard/friends",
        "getFriendsLeaderboard",
        PEOPLE,
        "own",
        feature="friend_leaderboard",
    ),
    Access("GET", "/api/friends", "listFriends", PEOPLE, "own"),
    Access("GET", "/api/friends/requests", "listFriendRequests", PEOPLE, "own"),
    Access("GET", "/api/friends/blocked", "listBlocked", PEOPLE, "own"),
    Access("POST", "/api/friends/requests", "askFriend", PEOPLE, "own"),
    Access("POST", "/api/friends/requests/{user_id}/accept", "acceptFriend", PEOPLE, "own"),
    Access("POST", "/api/friends/requests/{user_id}/decline", "declineFriend", PEOPLE, "own"),
    Access("POST", "/api/friends/requests/{user_id}/withdraw", "withdrawFriendRequest", PEOPLE, "own"),
    Access("DELETE", "/api/friends/{user_id}", "unfriend", PEOPLE, "own"),
    Access("POST", "/api/friends/{user_id}/block", "blockUser", PEOPLE, "own"),
    Access("POST", "/api/friends/{user_id}/unblock", "unblockUser", PEOPLE, "own"),
    Access("GET", "/api/tokens/balance", "getTokenBalance", PEOPLE, "own_or_admin"),
    Access("GET", "/api/tokens/history", "listTokenMovements", PEOPLE, "own_or_admin"),
    Access("GET", "/api/tokens/streak", "getStreak", PEOPLE, "own_or_admin"),
    Access("POST", "/api/tokens/award", "awardTokens", BOOKS),
    Access("GET", "/api/tokens/awards", "listAwardRequests", ADMIN),
    Access("POST", "/api/tokens/awards/{request_id}/confirm", "confirmAward", ADMIN),
    Access("POST", "/api/tokens/awards/{request_id}/decline", "declineAward", ADMIN),
    Access("GET", "/api/tokens/velocity", "listSuspiciousVelocity", ADMIN),
    Access("POST", "/api/tokens/penalise", "penaliseTokens", ADMIN),
    Access("GET", "/api/rewards", "listRewards", PEOPLE, "own"),
    Access("POST", "/api/tokens/redeem", "redeemTokens", PEOPLE, "own", feature="token_rewards"),
    Access("GET", "/api/tokens/redemptions", "listRedemptions", PEOPLE, "own_or_admin"),
    Access("GET", "/api/tokens/redemptions/waiting", "listWaitingRedemptions", ADMIN),
    Access("POST", "/api/tokens/redemptions/{redemption_id}/fulfil", "fulfilRedemption", ADMIN),
    Access("POST", "/api/tokens/redemptions/{redemption_id}/cancel", "cancelRedemption", ADMIN),
    Access("POST", "/api/enterprise/organisations", "createOrganisation", FOUNDERS, "own"),
    Access("GET", "/api/enterprise/organisations", "listOrganisations", PEOPLE, "own_or_admin"),
    Access("GET", _ORGANISATION, "getOrganisation", PEOPLE, "own_or_admin"),
    Access("PATCH", _ORGANISATION, "renameOrganisation", PEOPLE, "own"),
    Access("GET", _ORGANISATION + "/brand", "getBrand", PEOPLE, "own_or_admin"),
    Access("PUT", _ORGANISATION + "/brand", "setBrand", PEOPLE, "own_or_admin"),
    Access("POST", _ORGANISATION + "/close", "closeOrganisation", PEOPLE, "own_or_admin"),
    Access("POST", _ORGANISATION + "/leave", "leaveOrganisation", PEOPLE, "own"),
    Access("GET", _ORGANISATION + "/members", "listMembers", PEOPLE, "own_or_admin"),
    Access("PATCH", _ORGANISATION + "/members/{user_id}", "changeMemberRole", PEOPLE, "own"),
    Access("DELETE", _ORGANISATION + "/members/{user_id}", "removeMember", PEOPLE, "own"),
    Access("POST", _ORGANISATION + "/invitations", "inviteMember", PEOPLE, "own"),
    Access("GET", _ORGANISATION + "/invitations", "listMemberInvitations", PEOPLE, "own_or_admin"),
    Access(
        "POST", _ORGANISATION + "/invitations/{invitation_id}/accept", "acceptMemberInvitation", PEOPLE, "own"
    ),
    Access(
        "POST",
        _ORGANISATION + "/invitations/{invitation_id}/decline",
        "declineMemberInvitation",
        PEOPLE,
        "own",
    ),
    Access(
        "POST",
        _ORGANISATION + "/invitations/{invitation_id}/withdraw",
        "withdrawMemberInvitation",
        PEOPLE,
        "own",
    ),
    Access("GET", "/api/enterprise/invitations", "listOwnInvitations", PEOPLE, "own"),
    Access("POST", "/api/enterprise/invitations/accept", "joinByCode", PEOPLE, "own"),
    Access("POST", _ORGANISATION + "/classes", "createClass", PEOPLE, "own"),
    Access("GET", _ORGANISATION + "/classes", "listClasses", PEOPLE, "own_or_admin"),
    Access("GET", _CLASS, "getClass", PEOPLE, "own_or_admin"),
    Access("PATCH", _CLASS, "renameClass", PEOPLE, "own"),
    Access("POST", _CLASS + "/archive", "archiveClass", PEOPLE, "own"),
    Access("GET", _CLASS + "/members", "listClassMembers", PEOPLE, "own_or_admin"),
    Access("POST", _CLASS + "/members", "addToClass", PEOPLE, "own"),
    Access("DELETE", _CLASS + "/members/{user_id}", "removeFromClass", PEOPLE, "own"),
    Access(
        "GET",
        _CLASS + "/leaderboard",
        "getClassLeaderboard",
        PEOPLE,
        "own_or_admin",
        feature="class_leaderboard",
    ),
    Access("POST", "/api/enterprise/licenses/quote", "quoteLicence", ADMIN),
    Access("POST", "/api/enterprise/licenses/create", "issueLicence", ADMIN),
    Access("POST", "/api/enterprise/licenses/purchase", "purchaseLicence", MANAGERS, "own_or_admin"),
    Access("GET", "/api/enterprise/licenses", "listLicences", MANAGERS, "own_or_admin"),
    Access("GET", "/api/enterprise/licenses/{licence_id}", "getLicence", MANAGERS, "own_or_admin"),
    Access(
        "POST", "/api/enterprise/licenses/{licence_id}/accept", "acceptLicenceQuote", MANAGERS, "own_or_admin"
    ),
    Access(
        "POST", "/api/enterprise/licenses/{licence_id}/activate", "activateLicence", MANAGERS, "own_or_admin"
    ),
    Access("POST", "/api/enterprise/licenses/{licence_id}/suspend", "suspendLicence", ADMIN),
    Access("POST", "/api/enterprise/licenses/{licence_id}/reinstate", "reinstateLicence", ADMIN),
    Access("POST", "/api/enterprise/licenses/{licence_id}/renew", "renewLicence", MANAGERS, "own_or_admin"),
    Access(
        "GET",
        "/api/enterprise/licenses/{licence_id}/upgrade",
        "previewLicenceUpgrade",
        MANAGERS,
        "own_or_admin",
    ),
    Access(
        "POST", "/api/enterprise/licenses/{licence_id}/upgrade", "upgradeLicence", MANAGERS, "own_or_admin"
    ),
    Access(
        "POST", "/api/enterprise/licenses/{licence_id}/reveal", "revealLicenceKey", MANAGERS, "own_or_admin"
    ),
    Access("POST", "/api/enterprise/licenses/{licence_id}/file", "makeLicenceFile", MANAGERS, "own_or_admin"),
    Access(
        "POST", "/api/enterprise/licenses/{licence_id}/reissue", "reissueLicenceKey", MANAGERS, "own_or_admin"
    ),
    Access("GET", "/api/enterprise/tiers", "listLicenceTiers"),
    Access("GET", "/api/enterprise/licenses/validate", "validateLicence"),
    Access("POST", "/api/enterprise/licenses/activate", "activateSeat", ANYBODY, "own"),
    Access("POST", "/api/enterprise/licenses/heartbeat", "keepSeat", ANYBODY, "own"),
    Access("POST", "/api/enterprise/licenses/release", "releaseSeat", ANYBODY, "own"),
    Access("GET", "/api/enterprise/licenses/{licence_id}/seats", "listSeats", MANAGERS, "own_or_admin"),
    Access(
        "POST",
        "/api/enterprise/licenses/{licence_id}/seats/{seat_id}/deactivate",
        "deactivateSeat",
        MANAGERS,
        "own_or_admin",
    ),
    Access("POST", "/api/enterprise/licenses/usage", "recordUsage", ANYBODY, "own"),
    Access("GET", "/api/enterprise/usage", "getUsage", MANAGERS, "own_or_admin"),
    Access("POST", "/api/enterprise/licenses/{licence_id}/revoke", "revokeLicence", ADMIN),
    Access(
        "GET",
        "/api/enterprise/licenses/{licence_id}/invoices",
        "listLicenceInvoices",
        MANAGERS,
        "own_or_admin",
    ),
    Access(
        "POST",
        "/api/enterprise/licenses/{licence_id}/invoices/{invoice_id}/pay",
        "payLicenceInvoice",
        MANAGERS,
        "own_or_admin",
    ),
    Access(
        "POST",
        "/api/enterprise/licenses/{licence_id}/invoices/{invoice_id}/payments",
        "recordLicencePayment",
        ADMIN,
    ),
    Access(
        "POST",
        "/api/enterprise/licenses/{licence_id}/invoices/{invoice_id}/credit",
        "creditLicenceInvoice",
        ADMIN,
    ),
    Access(
        "POST",
        "/api/enterprise/licenses/{licence_id}/invoices/{invoice_id}/write-off",
        "writeOffLicenceInvoice",
        ADMIN,
    ),
    Access(
        "POST", "/api/enterprise/licenses/{licence_id}/credit-transfers", "recordLicenceCreditTransfer", ADMIN
    ),
    Access("POST", _ORGANISATION + "/enrolments/preview", "previewCourseOrder", MANAGERS, "own_or_admin"),
    Access("POST", _ORGANISATION + "/enrolments", "orderCourses", MANAGERS, "own_or_admin"),
    Access("GET", _ORGANISATION + "/orders", "listCourseOrders", MANAGERS, "own_or_admin"),
    Access("GET", _ORDERS, "listEveryCourseOrder", ADMIN),
    Access("GET", _ORDER, "getCourseOrder", MANAGERS, "own_or_admin"),
    Access("POST", _ORDER + "/items/{item_id}/return", "returnOrderItem", MANAGERS, "own_or_admin"),
    Access("POST", _ORDER + "/payments", "recordOrderPayment", ADMIN),
    Access("POST", _ORDER + "/write-off", "writeOffOrder", ADMIN),
    Access("POST", _ORDER + "/credit-transfers", "recordOrderCreditTransfer", ADMIN),
    Access("GET", "/api/me", "getContact", PEOPLE, "own"),
    Access("GET", "/api/me/export", "exportPerson", PEOPLE, "own"),
    Access("PUT", "/api/me", "putContact", PEOPLE, "own"),
    Access("DELETE", "/api/me", "eraseContact", PEOPLE, "own"),
    Access("GET", "/api/ledger/accounts", "listAccounts", BOOKS),
    Access("GET", "/api/ledger/entries", "listEntries", BOOKS),
    Access("GET", "/api/ledger/trial-balance", "getTrialBalance", BOOKS),
    Access("GET", "/api/ledger/explain", "explainBalance", BOOKS),
    Access("GET", "/api/ledger/tokens/breakage", "getTokenBreakage", BOOKS),
    Access("GET", "/api/ledger/tokens/liability", "getTokenLiability", BOOKS),
    Access("GET", "/api/revenue/mrr", "getMrr", BOOKS),
    Access("GET", "/api/revenue/churn", "getChurn", BOOKS),
    Access("GET", "/api/revenue/deferred", "getDeferredRevenue", BOOKS),
    Access("GET", "/api/revenue/receivables", "getReceivables", BOOKS),
    Access("GET", "/api/revenue/licenses", "getLicenceRollforward", BOOKS),
    Access("GET", "/api/events", "listEvents", TOLD),
    Access("GET", "/api/events/stream", "streamEvents", TOLD),
    Access("POST", _ENDPOINTS, "createEndpoint", MANAGERS, "own_or_admin"),
    Access("GET", _ENDPOINTS, "listEndpoints", MANAGERS, "own_or_admin"),
    Access("GET", _ENDPOINT, "getEndpoint", MANAGERS, "own_or_admin"),
    Access("PUT", _ENDPOINT, "changeEndpoint", MANAGERS, "own_or_admin"),
    Access("POST", _ENDPOINT + "/rotate-secret", "rotateEndpointSecret", MANAGERS, "own_or_admin"),
    Access("POST", _ENDPOINT + "/disable", "disableEndpoint", MANAGERS, "own_or_admin"),
    Access("POST", _ENDPOINT + "/enable", "enableEndpoint", MANAGERS, "own_or_admin"),
    Access("POST", _ENDPOINT + "/test", "testEndpoint", MANAGERS, "own_or_admin"),
    Access("GET", _ENDPOINT + "/deliveries", "listDeliveries", MANAGERS, "own_or_admin"),
    Access("GET", _ENDPOINT + "/deliveries/{event_id}", "getDelivery", MANAGERS, "own_or_admin"),
    Access(
        "POST", _ENDPOINT + "/deliveries/{event_id}/redeliver", "redeliverEvent", MANAGERS, "own_or_admin"
    ),
    Access("POST", _ENDPOINT + "/redeliver", "redeliverEvents", MANAGERS, "own_or_admin"),
    Access("DELETE", _ENDPOINT, "deleteEndpoint", MANAGERS, "own_or_admin"),
    Access("GET", "/api/audit", "listAudit", ADMIN),
    Access("GET", "/api/webhooks/deliveries", "listWebhookDeliveries", ADMIN),
    Access("GET", "/api/webhooks/sweeps", "listSweeps", ADMIN),
    Access("GET", "/api/effects", "listEffects", ADMIN),
    Access("GET", "/api/webhooks/unexplained", "listUnexplained", BOOKS),
    Access("GET", "/api/webhooks/unexplained/{movement_id}", "getUnexplained", BOOKS),
    Access("POST", "/api/webhooks/unexplained/{movement_id}/explain", "explainMovement", ADMIN),
    Access("POST", "/api/webhooks/unexplained/{movement_id}/withdraw", "withdrawExplanation", ADMIN),
    Access("POST", "/api/webhooks/stripe", "receiveStripeWebhook", signature=True),
    Access("GET", "/livez", "livez"),
    Access("GET", "/readyz", "readyz"),
    Access("GET", "/metrics", "metrics"),
    Access("GET", "/.well-known/jwks.json", "getJwks"),
    Access("GET", "/.well-known/license-keys", "getLicenceKeys"),
    Access("GET", "/schema", "getReference"),
    Access("GET", "/schema/openapi.json", "getOpenapi"),
    Access("GET", "/schema/reference.css", "getReferenceStyle"),
)
ACCESS: Mapping[str, Access] = {access.operation: access for access in TABLE}
_TAKE_FILES = [
    (access.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", access.path)).fullmatch, access.file)
    for access in TABLE
    if access.file is not None
]


def file_taken(method: str, path: str) -> FileBody | None:
    """What may be sent there that is larger than other bodies; before the request has found its route."""
    return next((file for of, matches, file in _TAKE_FILES if of == method and matches(path)), None)


class UndeclaredRoute(RuntimeError):
    """An address without a row, or a row without an address; found when the application starts."""


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Runs before anything of the request is read. `Admission` has put the principal there, if there is one.

    Async, as Litestar hands a plain function to a thread, which costs more than all else of a request.
    """
    if connection.scope.get("method") == "OPTIONS":
        return  # the answer says nothing but the methods
    access = ACCESS.get(operation_of(handler))
    if access is None:
        raise Forbidden("Nobody may call this.")
    principal: Principal | None = connection.scope.get("user")
    in_scope = principal is None or not principal.scopes or access.scope in principal.scopes
    if not access.roles:
        if not in_scope:
            connection.scope["user"] = None  # to be shown what everybody is
        return
    if principal is None:
        raise Unauthenticated("This needs a credential: send `Authorization: Bearer <credential>`.")
    if not in_scope:
        needed = f"This needs the scope {access.scope}" if access.scope else "No scope opens this"
        raise Forbidden(f"{needed}; the API key has {', '.join(sorted(principal.scopes))}.")
    if not access.roles & principal.roles:
        raise Forbidden(f"This needs one of the roles: {', '.join(sorted(access.roles))}.")


def operation_of(handler: BaseRouteHandler) -> str:
    return str(handler.operation_id or "") if isinstance(handler, HTTPRouteHandler) else ""


def check(app: Litestar) -> None:
    """`UndeclaredRoute` unless the application's addresses are exactly those of the table."""
    served = set(_served(app))
    declared = {(access.method, access.path, access.operation) for access in TABLE}
    if wrong := served ^ declared:
        lines = (f"{method} {path} ({operation})" for method, path, operation in sorted(wrong))
        raise UndeclaredRoute(f"served and declared access differ: {'; '.join(lines)}")
    if wrong_roles := {role for access in TABLE for role in access.roles} - ROLES:
        raise UndeclaredRoute(f"no such roles: {', '.join(sorted(wrong_roles))}")


def _served(app: Litestar) -> Iterator[tuple[str, str, str]]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            raise UndeclaredRoute(f"{route.path} is no HTTP route")
        for handler in route.route_handlers:
            yield from (
                (method, route.path_format, operation_of(handler))
                for method in handler.http_methods
                if method != "OPTIONS"
            )
