"""Evidence is gathered, submitted once, and what the bank makes of it comes back; or the loss is accepted."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from api.disputes.fields import FILES, Evidence
from api.sandbox.resources import disputes, files
from ledger.ids import new_id
from tests.api.at_stripe import AtStripe
from tests.api.conftest import OpenApp
from tests.api.payments.test_cards_at_stripe import kept
from tests.api.support import Caller, Running, problem

PDF, PNG, JPEG = b"%PDF-1.7 secret words", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def refused(answer: httpx.Response, status: int) -> str:
    """With which code."""
    assert answer.status_code == status, answer.text
    return str(problem(answer)["code"])


class House:
    """An admin, and a dispute of what was paid."""

    def __init__(self, app: Running, stripe: AtStripe) -> None:
        self.app, self.stripe = app, stripe
        self.boss = app.caller("usr_boss", "admin")
        self.path = ""

    async def disputed(self, *, of_invoice: bool = False, **how: Any) -> str:
        ann = self.app.caller("usr_ann", "student")
        paid = await (ann.subscribe("pro", "pm_card_visa") if of_invoice else ann.pay("pm_card_visa"))
        assert paid.status_code == 201, paid.text
        charge = (await self.stripe.client.v1.charges.list_async()).data[0]
        opened = self.stripe.bench.dispute(charge.id, **how)
        await self.stripe.settle()
        self.path = f"/api/disputes/{opened}"
        return opened

    async def upload(
        self, content: bytes = PDF, media_type: str = "application/pdf", key: str = "file"
    ) -> httpx.Response:
        return await self.boss(
            "POST", f"{self.path}/files", key=key, content=content, headers={"Content-Type": media_type}
        )

    async def set(self, key: str = "set", **evidence: str) -> httpx.Response:
        return await self.boss("PUT", f"{self.path}/evidence", key=key, json=evidence)

    async def answer(self, verb: str = "submit", key: str = "answer") -> httpx.Response:
        return await self.boss("POST", f"{self.path}/{verb}", key=key, json={})

    async def evidence(self) -> dict[str, Any]:
        found = await self.boss.get(f"{self.path}/evidence")
        assert found.status_code == 200, found.text
        shown: dict[str, Any] = found.json()
        return shown

    async def status(self) -> str:
        await self.stripe.settle()
        return str((await self.boss.get(self.path)).json()["status"])


@pytest.fixture
async def house(open_at_stripe: OpenApp, at_stripe: AtStripe) -> House:
    return House(await open_at_stripe(), at_stripe)


def test_our_fields_and_limits_are_stripes() -> None:
    assert set(Evidence.__struct_fields__) == set(disputes.EVIDENCE)
    assert FILES == disputes.FILES
    shape = msgspec.json.schema(Evidence)["$defs"]["Evidence"]["properties"]
    longest = {name: one["anyOf"][0]["maxLength"] for name, one in shape.items()}
    assert {name for name, most in longest.items() if most == 20_000} == disputes.LONG
    assert {longest[name] for name in longest.keys() - disputes.LONG - FILES} == {disputes.SHORT}


async def test_a_dispute_of_a_payment_is_answered_once_and_won(house: House) -> None:
    dispute_id = await house.disputed()
    uploaded = await house.upload()
    assert uploaded.status_code == 201, uploaded.text
    file_id = uploaded.json()["file_id"]
    assert uploaded.json() == {"file_id": file_id, "media_type": "application/pdf", "size_bytes": len(PDF)}
    assert (await house.upload()).json() == uploaded.json()
    assert refused(await house.answer(), 409) == "nothing_to_submit"
    told = await house.set(receipt=file_id, customer_name="Ann Secret", uncategorized_text="winning_evidence")
    assert told.status_code == 200, told.text
    assert (told.json()["texts"], told.json()["files"]) == (
        {"customer_name": 10, "uncategorized_text": 16},
        {"receipt": file_id},
    )
    assert (await house.set(key="clear", customer_name="")).json()["texts"] == {"uncategorized_text": 16}
    assert await house.status() == "needs_response"
    first, second = await asyncio.gather(house.answer(key="a"), house.answer(key="b"))
    assert sorted([first.status_code, second.status_code]) == [200, 409]
    done, late = (first, second) if first.status_code == 200 else (second, first)
    assert refused(late, 409) in {"dispute_answered", "dispute_closed"}
    assert (done.json()["kind"], done.json()["status"], done.json()["by"]) == (
        "evidence",
        "answered",
        "usr_boss",
    )
    assert await house.status() == "won"
    shown = await house.evidence()
    assert (shown["submission_count"], shown["answer"]) == (1, done.json())
    assert [one["status"] for one in shown["changes"]] == ["set", "set"]
    assert shown["changes"][0] | {"at": ""} == {
        "fields": ["customer_name"],
        "by": "usr_boss",
        "at": "",
        "status": "set",
    }
    assert refused(await house.set(key="late", customer_name="Ann"), 409) == "dispute_closed"
    database = await kept(house.app)
    assert dispute_id in database
    for word in ("Ann Secret", "secret words", "winning_evidence"):
        assert word not in database
        assert word.encode().hex() not in database


async def test_a_dispute_of_an_invoice_is_answered_too_and_a_loss_is_accepted(house: House) -> None:
    await house.disputed(of_invoice=True)
    assert (await house.boss.get(house.path)).json()["invoice_id"].startswith("in_")
    accepted = await house.answer("accept")
    assert (accepted.status_code, accepted.json()["kind"]) == (200, "acceptance"), accepted.text
    assert (await house.answer("accept")).json() == accepted.json()
    assert refused(await house.answer(), 409) == "dispute_closed"
    assert await house.status() == "lost"


async def test_silence_loses_and_what_comes_late_is_refused(house: House) -> None:
    await house.disputed(inquiry=True)
    assert (await house.set(customer_name="Ann")).status_code == 200
    await house.stripe.goes_by(9)
    assert refused(await house.answer(), 409) == "evidence_past_due"
    assert refused(await house.upload(), 409) == "evidence_past_due"
    house.stripe.bench.escalate(house.path.rpartition("/")[2])
    await house.stripe.goes_by(9)
    assert refused(await house.answer(key="later"), 409) == "dispute_closed"
    assert await house.status() == "lost"


async def test_what_is_wrong_is_told_before_stripe_is_asked(house: House) -> None:
    await house.disputed()
    for content, media_type in ((b"MZ", "application/pdf"), (PDF, "image/png"), (b"", "image/jpeg")):
        assert refused(await house.upload(content, media_type), 422) == "invalid"
    assert refused(await house.upload(PDF, "text/html"), 415) == "unsupported_media_type"
    assert refused(await house.upload(PDF + bytes(files.LARGEST)), 413) == "body_too_large"
    bigger = await house.upload(PNG + bytes(3_000_000), "image/png", "png")
    assert bigger.status_code == 201, bigger.text
    big = bigger.json()["file_id"]
    other = (await house.upload(JPEG + bytes(1_500_000), "image/jpeg", "jpeg")).json()["file_id"]
    wrong: list[tuple[dict[str, str], str]] = [
        ({}, ""),
        ({"receipt": "file_none"}, "/receipt"),
        ({"customer_name": "a" * 5_001}, "/customer_name"),
        ({"receipt": big, "refund_policy": other}, "/receipt"),
        (dict.fromkeys(sorted(disputes.LONG), "a" * 20_000), "/access_activity_log"),
    ]
    for evidence, pointer in wrong:
        answer = await house.set(key=new_id("key"), **evidence)
        assert refused(answer, 422) == "invalid"
        assert answer.json()["errors"][0].get("pointer", "") == pointer
    assert await house.evidence() | {"due_at": ""} == {
        "dispute_id": house.path.rpartition("/")[2],
        "status": "needs_response",
        "due_at": "",
        "past_due": False,
        "has_evidence": False,
        "submission_count": 0,
        "texts": {},
        "files": {},
        "changes": [],
        "answer": None,
    }
    house.path = "/api/disputes/du_none"
    for unknown in (await house.upload(), await house.set(customer_name="A"), await house.answer()):
        assert refused(unknown, 404) == "not_found"


async def test_an_unclear_answer_is_found_out_by_looking(house: House) -> None:
    await house.disputed()
    bench = house.stripe.bench
    bench.fault("error_after", "/v1/files", "POST")
    assert refused(await house.upload(), 503) == "stripe_unavailable"
    assert (await house.upload()).status_code == 503, "Stripe repeats what it said"
    bench.fault("disconnect_after", "/v1/disputes", "POST")
    assert refused(await house.set(customer_name="Ann"), 503) == "stripe_unavailable"
    assert [one["status"] for one in (await house.evidence())["changes"]] == ["requested"]
    await house.stripe.settle()
    assert [one["status"] for one in (await house.evidence())["changes"]] == ["set"]
    assert (await house.set(customer_name="Ann")).status_code == 200
    bench.fault("disconnect_after", "/v1/disputes", "POST")
    later = await house.answer()
    assert (later.status_code, later.json()["status"]) == (202, "unknown")
    assert refused(await house.answer("accept"), 409) == "dispute_answered"
    await house.stripe.settle()
    assert (await house.answer()).json()["status"] == "answered"
    assert (await house.evidence())["submission_count"] == 1


async def test_what_never_came_can_be_sent_again(house: House) -> None:
    await house.disputed()
    bench = house.stripe.bench
    bench.fault("disconnect_before", "/v1/disputes", "POST")
    assert refused(await house.set(customer_name="Ann"), 503) == "stripe_unavailable"
    assert "who sent the evidence may still be sending it" in await house.stripe.settle()
    await house.stripe.goes_by(1)
    assert await house.stripe.settle() == []
    assert [one["status"] for one in (await house.evidence())["changes"]] == ["failed"]
    assert (await house.set(customer_name="Ann")).json()["changes"][0]["status"] == "set"


async def test_what_the_dashboard_answered_first_stands(house: House) -> None:
    dispute_id = await house.disputed()
    assert (await house.set(customer_name="Ann")).status_code == 200
    house.stripe.bench.fault("disconnect_before", "/v1/disputes", "POST")
    assert (await house.answer()).status_code == 202
    params = disputes.Update(submit=True)
    house.stripe.bench.does(lambda tx: disputes.update(tx, dispute_id, params))
    await house.stripe.settle()
    assert refused(await house.answer(), 409) == "dispute_answer_refused"
    assert (await house.evidence())["answer"]["code"] == "answered_elsewhere"


async def test_only_admins_answer(house: House) -> None:
    await house.disputed()
    service: Caller = house.app.caller("svc_books", "service")
    assert (await service.get(f"{house.path}/evidence")).status_code == 200
    house.boss = service
    for answer in (await house.upload(), await house.set(customer_name="A"), await house.answer("accept")):
        assert refused(answer, 403) == "forbidden"
