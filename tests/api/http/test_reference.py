"""The OpenAPI document tells the truth, and the page made from it needs nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import pytest

from api.http.access import TABLE
from api.http.auth import API_KEY_TTL_S, LEEWAY_S
from api.http.preconditions import IDEMPOTENT
from api.http.problems import STATUS, ApiError, status_of
from api.http.promises import below, problem_types
from api.http.reference import _type
from api.words import ACCOUNT, NO_NUL, PATTERNS
from ledger.errors import Forbidden, Invalid, LedgerError, NotFound, OperatorError, Refused
from tests.api.support import Running
from tests.service import ROOT


@pytest.fixture
async def document(app: Running) -> dict[str, Any]:
    answer = await app.client.get("/schema/openapi.json")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_every_operation_says_who_may_call_it_and_what_goes_wrong(document: dict[str, Any]) -> None:
    for access in TABLE:
        operation = document["paths"][access.path][access.method.lower()]
        assert operation["operationId"] == access.operation
        assert bool(operation["security"]) is bool(access.roles)
        for status, response in operation["responses"].items():
            assert "Ledger-Position" in response["headers"]
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (access, status)


async def test_bodies_refuse_unknown_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for access in TABLE:
        body = document["paths"][access.path][access.method.lower()].get("requestBody")
        if body is None or access.signature or access.file:
            continue
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert schemas[name]["additionalProperties"] is False, name


async def test_nothing_shows_what_it_was_made_with(document: dict[str, Any]) -> None:
    """Python's words for a status, names of modules, bounds as floats, null where there can be none."""
    stock = {status.description for status in HTTPStatus if status.description}
    for access in TABLE:
        operation = document["paths"][access.path][access.method.lower()]
        for response in operation["responses"].values():
            assert response["description"]
            assert response["description"] not in stock, access
        for parameter in operation.get("parameters", []):
            assert "null" not in str(parameter["schema"]), access
            assert None not in parameter["schema"].get("enum", []), access
    schemas = document["components"]["schemas"]
    assert {"PaymentPage", "EntryPage", "InvoicePage"} <= schemas.keys()
    for name, schema in schemas.items():
        assert name.isalnum(), name
        assert schema.get("title", name).isalnum(), name
    assert not re.search(r"imum': -?\d+\.0\b", str(document))


async def test_every_reference_leads_to_a_type(document: dict[str, Any]) -> None:
    found = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert found <= document["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 100}, "integer, ≥ 1, ≤ 100"),
        ({"enum": ["open", None]}, "<code>open</code> or null"),
        ({"type": "string", "pattern": ACCOUNT}, "string, the four digits of an account, such as 1010"),
        (
            {"type": "string", "maxLength": 9, "pattern": NO_NUL},
            "string, length ≤ 9, without the character NUL",
        ),
    ],
)
def test_a_type_is_shown_in_words(schema: dict[str, Any], shown: str) -> None:
    assert _type(schema) == shown


async def test_what_is_hard_to_guess_is_said(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Checkout", "NewCheckout", "Sweep", "UnclaimedMovement", "MovementExplanation"):
        assert schemas[name].get("description"), name
    assert "needs_response" in schemas["DisputeItem"]["properties"]["status"]["enum"]
    tags = [document["paths"][f"/api/webhooks/{of}"]["get"]["tags"] for of in ("sweeps", "unexplained")]
    assert tags == [["webhooks"], ["webhooks"]]


async def test_what_must_be_done_once_needs_a_key(app: Running, document: dict[str, Any]) -> None:
    from api.app import HANDLERS  # importing it is what composes the application

    idempotent = {handler.operation_id for handler in HANDLERS if handler.opt.get(IDEMPOTENT)}
    assert idempotent == {
        "explainMovement",
        "withdrawExplanation",
        "quoteLicence",
        "issueLicence",
        "acceptLicenceQuote",
        "activateLicence",
        "deactivateSeat",
        "suspendLicence",
        "reinstateLicence",
        "renewLicence",
        "upgradeLicence",
        "revokeLicence",
        "reissueLicenceKey",
        "recordLicencePayment",
        "creditLicenceInvoice",
        "writeOffLicenceInvoice",
        "recordLicenceCreditTransfer",
        "orderCourses",
        "returnOrderItem",
        "recordOrderPayment",
        "writeOffOrder",
        "recordOrderCreditTransfer",
        "redeemTokens",
        "fulfilRedemption",
        "cancelRedemption",
        "processPayment",
        "openCheckout",
        "expireCheckout",
        "openBillingPortal",
        "refundPayment",
        "savePaymentMethod",
        "createSubscription",
        "updateSubscription",
        "changeSubscriptionPaymentMethod",
        "pauseSubscription",
        "resumeSubscription",
        "cancelSubscription",
        "creditInvoice",
        "recordInvoicePayment",
        "payInvoice",
        "cancelPayment",
        "setDisputeEvidence",
        "uploadDisputeFile",
        "submitDispute",
        "createEndpoint",
        "changeEndpoint",
        "rotateEndpointSecret",
        "acceptDispute",
        "purchaseCourse",
        "acceptInvitation",
        "declineInvitation",
        "leaveCourse",
        "uploadCourse",
        "reviseCourse",
        "submitCourse",
        "approveCourse",
        "rejectCourse",
        "publishCourse",
        "archiveCourse",
        "unarchiveCourse",
        "featureCourse",
        "unfeatureCourse",
        "createCoupon",
        "endCoupon",
        "openConnectedAccount",
        "onboardConnectedAccount",
        "closeConnectedAccount",
        "requestPayout",
        "retryPayout",
        "recallPayouts",
        "postReview",
        "editReview",
        "replyToReview",
        "markHelpful",
        "hideReview",
        "showReview",
        "reportProgress",
        "claimCertificate",
        "awardTokens",
        "askFriend",
        "acceptFriend",
        "declineFriend",
        "withdrawFriendRequest",
        "blockUser",
        "unblockUser",
        "confirmAward",
        "declineAward",
        "penaliseTokens",
        "createOrganisation",
        "renameOrganisation",
        "setBrand",
        "closeOrganisation",
        "leaveOrganisation",
        "changeMemberRole",
        "inviteMember",
        "acceptMemberInvitation",
        "declineMemberInvitation",
        "withdrawMemberInvitation",
        "joinByCode",
        "createClass",
        "renameClass",
        "archiveClass",
        "purchaseLicence",
        "payLicenceInvoice",
        "addToClass",
    }
    for access in TABLE:
        parameters = document["paths"][access.path][access.method.lower()].get("parameters", [])
        key = [each for each in parameters if each["name"] == "Idempotency-Key"]
        assert bool(key) is (access.operation in idempotent)
        assert all(each["required"] for each in key)


async def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for name, schema in document["components"]["schemas"].items():
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.meta.validate({**whole, "$schema": "https://json-schema.org/draft/2020-12/schema"})
        assert name


async def test_a_problem_that_has_members_of_its_own_is_a_problem_too(document: dict[str, Any]) -> None:
    """By `oneOf` it would be refused, as it fits both."""
    assert "oneOf" not in str(document)
    declined = document["paths"]["/api/payments/refund"]["post"]["responses"]["409"]["content"]
    schema = {**declined["application/problem+json"]["schema"], "components": document["components"]}
    problem = {"type": "/schema#problem-x", "title": "", "status": 409, "detail": "", "instance": "/"}
    refund = {
        **dict.fromkeys(document["components"]["schemas"]["Refund"]["required"], ""),
        "amount_minor": 1,
        "position": 1,
        "outside": False,
        "status": "failed",
        "reason": "requested_by_customer",
        "requested_at": "2026-01-01T00:00:00Z",
    }
    validate = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    validate.validate({**problem, "code": "refund_failed", "refund": refund})
    validate.validate({**problem, "code": "dispute_open"})
    assert not validate.is_valid({**problem, "code": "card_declined"})


async def test_a_media_type_is_refused_where_there_is_a_body_and_only_there(document: dict[str, Any]) -> None:
    refusing = {
        access.operation
        for access in TABLE
        if "415" in document["paths"][access.path][access.method.lower()]["responses"]
    }
    with_body = {access.operation for access in TABLE if access.method in {"POST", "PUT", "PATCH"}}
    assert refusing == with_body


async def test_every_problem_has_an_address_that_says_what_happened_and_what_to_do(app: Running) -> None:
    page = (await app.client.get("/schema")).text
    sections = dict(re.findall(r'<section id="problem-(\w+)">(.*?)</section>', page))
    errors = [error for error in _below(LedgerError) if hasattr(error, "code")]
    assert {error.code for error in errors} | set(STATUS) == set(sections)
    for error in errors:
        assert error.__doc__, error
        assert vars(error).get("remedy"), error
        shown = unescape(re.sub("<[^>]+>", "", sections[error.code]))
        assert str(status_of(error)) in shown
        for text in (error.__doc__, error.remedy):
            assert " ".join(text.replace("`", "").split()) in shown, error
    shared = re.findall("What to do:", sections["invalid_webhook"])
    assert len(shared) == 5, "errors of one code stand together"


def _below(error: type[LedgerError]) -> Iterator[type[LedgerError]]:
    """Without what other tests have made up."""
    for each in error.__subclasses__():
        if not (each.__module__.startswith("tests.") or issubclass(each, OperatorError)):
            yield each
            yield from _below(each)


async def test_how_long_a_credential_holds_is_told(document: dict[str, Any]) -> None:
    told = document["components"]["securitySchemes"]["bearer"]["description"]
    page = " ".join((ROOT / "docs" / "api.md").read_text(encoding="utf-8").split())
    for text in (told, page):
        assert f"holds until {LEEWAY_S} s after its `exp`" in text
        assert f"{API_KEY_TTL_S:.0f} s " in text


def test_every_code_that_is_answered_is_one_of_an_error() -> None:
    """None is made up where it is sent."""
    sent = [
        (file.name, written)
        for file in (ROOT / "api").rglob("*.py")
        for written in re.findall(r'\bproblem\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
    ]
    known = {error.code for error in _below(LedgerError) if hasattr(error, "code")}
    assert [each for each in sent if each[1] not in known] == []


def test_what_only_operators_meet_is_no_problem_of_a_request() -> None:
    codes = {each.code for each in problem_types()}
    assert codes.isdisjoint(error.code for error in OperatorError.__subclasses__())


def test_every_error_says_whether_it_is_kept_under_a_key() -> None:
    """Beside its code, or by a base that stands for one kind: deny by default is no answer to "was it
    thought of?" (docs/decisions/0034-what-is-kept-under-a-key.md).
    """
    undeclared = {LedgerError, Refused, ApiError}
    for error in below(LedgerError):
        if error in undeclared:
            continue
        says = [base for base in error.__mro__ if "passing" in vars(base)]
        assert says[0] is not LedgerError, f"{error.__name__} says whether it is `passing`"
        if issubclass(error, Invalid | NotFound | Forbidden) or status_of(error) not in {402, 409}:
            assert error.passing, f"{error.__name__}: nothing was decided"


async def test_the_page_says_which_problems_are_final(app: Running) -> None:
    page = (await app.client.get("/schema")).text
    sections = re.findall(r'<section id="problem-(\w+)">(.*?)</section>', page)
    final = {code for code, text in sections if "It is final" in text}
    assert {"already_refunded", "card_declined", "subscription_ended"} <= final
    assert final.isdisjoint(
        {"request_in_progress", "invalid", "not_found", "feature_missing", "rate_limited"}
    )


async def test_the_page_shows_everything_and_asks_nobody_else(app: Running) -> None:
    page = await app.client.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for access in TABLE:
        assert f'id="{access.operation}"' in page.text
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert set(loaded) == {"/schema/openapi.json", "/schema/reference.css"}
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert not [pattern for pattern in PATTERNS if escape(pattern) in page.text], "people read words"
    anchors = set(re.findall(r'href="#([^"]+)"', page.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page.text))
    style = await app.client.get("/schema/reference.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "http" not in style.text
