"""Licence keys over HTTP: revealed, issued anew, made into files, and validated; kept nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg.sql import SQL, Identifier

from api.licence_keyring import keyring_path
from api.licences import holding
from api.settings import Settings
from ledger.ids import new_id
from ledger.licence_keys import file
from ledger.licence_keys.keyring import compromised, made
from ledger.licence_keys.published import published
from ledger.licence_keys.signing import key_of
from ledger.licences.events import LicenceKeyReissued, LicenceKeyRevealed
from ledger.licences.stream import stream_of
from ledger.store import conninfo
from ledger.verifier import KeyClaims, check_answer, check_file, check_key, keys_of
from tests.api.licences.keys import key_for
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

LICENSES = "/api/enterprise/licenses"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
_FIND = SQL("SELECT 1 FROM {} AS t WHERE t::text LIKE %s OR t::text LIKE %s LIMIT 1")


class Clock(FakeStripe):
    """Goes on when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 1, 1, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Desk:
    """An organisation with a licence, its manager, and an administrator."""

    def __init__(self, app: Running, clock: Clock, org_id: str, manager: Caller) -> None:
        self.app, self.clock, self.org_id, self.manager = app, clock, org_id, manager
        self.admin = app.caller("usr_admin", "admin")
        self.licence_id = ""

    async def ask(self, what: str, *, by: Caller | None = None, key: str = "", **body: Any) -> httpx.Response:
        path = f"{LICENSES}/{self.licence_id}/{what}"
        return await (by or self.admin)("POST", path, key=key or new_id("key"), json=body)

    async def do(self, what: str, **body: Any) -> dict[str, Any]:
        answer = await self.ask(what, **body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, what: str, **body: Any) -> tuple[int, str]:
        answer = await self.ask(what, **body)
        return answer.status_code, problem(answer)["code"]

    async def key(self) -> str:
        return str((await self.do("reveal"))["key"])

    async def validated(self, key: str, **asked: Any) -> dict[str, Any]:
        """By somebody without a credential."""
        query = {"nonce": "n1", **asked}
        answer = await self.app.client.get(f"{LICENSES}/validate", params=query, headers={"Licence-Key": key})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, Any] = answer.json()
        return found

    async def code(self, key: str, **asked: Any) -> str:
        return str((await self.validated(key, **asked))["code"])

    async def seat(self, key: str, device: str = "a") -> httpx.Response:
        headers = {**self.app.caller(f"usr_{device}", "student").headers, "Licence-Key": key}
        body = {"fingerprint": f"device-{device}"}
        return await self.app.client.post(f"{LICENSES}/activate", json=body, headers=headers)

    async def facts(self, kind: type[Any]) -> list[Any]:
        stream = await self.app.services.store.read_stream(stream_of(self.licence_id))
        return [one for one in stream if isinstance(one.event, kind)]

    def trusted(self) -> Any:
        return keys_of(msgspec.json.encode(published(self.app.services.licence_keyring.signing())))

    @property
    def now_s(self) -> int:
        return int(self.clock.at.timestamp())


@pytest.fixture(scope="module")
async def opened(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Running, Clock]]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("keys"), rate_limit_per_minute=1_000_000, rate_limit_burst=100_000
    )
    url, clock = clone(server, template), Clock()
    async with running(settings, url, clock) as app:
        yield app, clock
    drop(server, url)


@pytest.fixture
async def desk(opened: tuple[Running, Clock]) -> AsyncIterator[Desk]:
    """With a licence that is active; the clock is as it was afterwards."""
    app, clock = opened
    before = clock.at
    yield await desk_of(app, clock)
    clock.at = before


async def desk_of(app: Running, clock: Clock, *, active: bool = True, **custom: Any) -> Desk:
    owner = new_id("usr")
    admin = app.caller("usr_admin", "admin")
    founded = {"name": "Acme", "owner_id": owner}
    org = await admin("POST", "/api/enterprise/organisations", key=new_id("key"), json=founded)
    desk = Desk(app, clock, org.json()["org_id"], app.caller(owner, "enterprise"))
    numbers = {"year_minor": 1_000, "features": ["white_label"], "seats": 2, "grace_days": 7, **custom}
    body = {"org_id": desk.org_id, "tier": "custom", "custom": numbers}
    issued = await admin("POST", f"{LICENSES}/create", key=new_id("key"), json=body)
    assert issued.status_code == 201, issued.text
    assert "key/" not in issued.text, "its answer is kept for repeats"
    desk.licence_id = issued.json()["licence_id"]
    if active:
        await desk.do("activate")
    return desk


async def test_who_manages_the_organisation_is_shown_the_key_each_time_and_it_is_told(desk: Desk) -> None:
    first, again = await desk.ask("reveal", by=desk.manager), await desk.ask("reveal")
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-store")
    assert first.json() == again.json()
    shown = first.json()
    checked = check_key(shown["key"], desk.trusted(), desk.now_s)
    assert (checked.valid, checked.kid) == (True, shown["kid"])
    assert checked.claims is not None
    assert (checked.claims.licence_id, checked.claims.org_id) == (desk.licence_id, desk.org_id)
    assert (checked.claims.features, checked.claims.seats) == (("white_label",), 2)
    told = await desk.facts(LicenceKeyRevealed)
    assert [(one.metadata.actor, one.event.serial) for one in told] == [
        (desk.manager.user_id, 1),
        ("usr_admin", 1),
    ]
    assert (await desk.seat(shown["key"])).status_code == 201
    assert await desk.code(shown["key"]) == "valid"


async def test_nobody_else_is_shown_it(desk: Desk) -> None:
    stranger = desk.app.caller("usr_stranger", "enterprise")
    for what, body in (("reveal", {}), ("file", {}), ("reissue", {"reason": "Mine"})):
        answer = await desk.ask(what, by=stranger, **body)
        assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
    assert await desk.facts(LicenceKeyRevealed) == []


async def test_no_key_is_kept_anywhere(desk: Desk) -> None:
    """Whoever has the whole database has no key, neither in facts nor in answers kept for repeats."""
    await desk.do("reissue", reason="A test")
    key, made_file = await desk.key(), (await desk.do("file"))["file"]
    assert (await desk.seat(key)).status_code == 201
    assert await desk.code(key) == "valid"
    await desk.app.projected()
    with psycopg.connect(conninfo(desk.app.services.database_url)) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [name for (name,) in tables.fetchall()]
        for text in (key, made_file):
            signature = text.rpartition(".")[2]
            patterns = (f"%{signature}%", f"%{signature.encode().hex()}%")
            kept = [
                name for name in names if conn.execute(_FIND.format(Identifier(name)), patterns).fetchone()
            ]
            assert kept == []
    assert "idempotency_keys" in names


async def test_no_key_is_shown_of_what_gives_nothing(opened: tuple[Running, Clock]) -> None:
    desk = await desk_of(*opened, active=False)
    assert await desk.refused("reveal") == (403, "licence_not_live")
    await desk.do("activate")
    await desk.do("suspend", reason="Unpaid")
    assert await desk.refused("reveal") == (403, "licence_not_live")
    assert await desk.refused("file") == (403, "licence_not_live")
    await desk.do("reinstate", reason="Paid")
    assert (await desk.ask("reveal")).status_code == 200, "also when it was paid later"
    await desk.do("revoke", reason="They closed", credit=False)
    assert await desk.refused("reveal") == (409, "licence_not_open")


async def test_an_old_key_ends_when_a_new_one_is_issued(desk: Desk) -> None:
    old, key = await desk.key(), new_id("key")
    first = await desk.ask("reissue", by=desk.manager, key=key, reason="A laptop was lost")
    again = await desk.ask("reissue", by=desk.manager, key=key, reason="A laptop was lost")
    assert (first.status_code, first.json()["serial"]) == (200, 2)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert len(await desk.facts(LicenceKeyReissued)) == 1
    refused = await desk.seat(old)
    assert (refused.status_code, problem(refused)["code"]) == (403, "licence_key_replaced")
    assert await desk.code(old) == "not_found"
    new = await desk.key()
    assert (await desk.seat(new)).status_code == 201
    assert await desk.code(new) == "valid"


async def test_an_old_key_may_work_until_a_time(desk: Desk) -> None:
    old = await desk.key()
    until = desk.clock.at + 5 * MINUTE
    assert (await desk.do("reissue", reason="Each year", old_ends_at=until.isoformat()))["serial"] == 2
    assert await desk.code(old) == "valid"
    desk.clock.at = until
    assert await desk.code(old) == "not_found"
    past = await desk.ask("reissue", reason="Each year", old_ends_at=(until - MINUTE).isoformat())
    assert (past.status_code, problem(past)["code"]) == (422, "invalid_licence")


async def test_a_key_of_a_compromised_signing_key_is_to_be_issued_anew(opened: tuple[Running, Clock]) -> None:
    app, clock = opened
    desk = await desk_of(app, clock)
    old = await desk.do("reveal")
    clock.at += MINUTE
    path = keyring_path(app.services.settings)
    file.change(path, lambda keyring: compromised(keyring, old["kid"], clock.at))
    assert await desk.code(old["key"]) == "not_found"
    assert await desk.refused("reveal") == (409, "licence_key_compromised")
    assert (await desk.do("file"))["kid"] != old["kid"], "a file is of its own time"
    await desk.do("reissue", reason="The signing key leaked")
    new = await desk.do("reveal")
    assert new["kid"] != old["kid"]
    assert await desk.code(new["key"]) == "valid"


async def test_a_file_is_good_offline_for_as_long_as_was_asked_and_never_longer_than_the_licence(
    desk: Desk,
) -> None:
    answer = await desk.ask("file", by=desk.manager, days=10)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    ten_days = int((desk.clock.at + 10 * DAY).timestamp())
    text, keys = answer.json()["file"], desk.trusted()
    assert check_file(text, keys, ten_days - 1).valid
    assert check_file(text, keys, ten_days).code == "outdated"
    (told,) = await desk.facts(LicenceKeyRevealed)
    assert (told.event.form, told.metadata.actor) == ("file", desk.manager.user_id)
    assert await desk.refused("file", days=91) == (422, "invalid")
    desk.clock.at += 360 * DAY
    late = await desk.do("file", days=90)
    assert late["valid_until"] == late["expires_at"]


async def test_an_answer_is_signed_repeats_the_nonce_and_outlives_nothing(desk: Desk) -> None:
    key = await desk.key()
    said = await desk.validated(key, nonce="q7Zr0-vK.1~x_9", feature="white_label")
    assert (said["valid"], said["code"], said["nonce"]) == (True, "valid", "q7Zr0-vK.1~x_9")
    asked = {"nonce": said["nonce"], "subject": desk.licence_id, "feature": "white_label"}
    assert check_answer(said["answer"], desk.trusted(), desk.now_s, **asked).valid
    assert check_answer(said["answer"], desk.trusted(), desk.now_s + 300, **asked).code == "outdated"
    desk.clock.at += 365 * DAY + 7 * DAY - MINUTE
    last = await desk.validated(key)
    assert (last["code"], last["valid_until"]) == ("valid", last["expires_at"])
    assert check_answer(last["answer"], desk.trusted(), desk.now_s + 60, nonce="n1").code == "expired"
    desk.clock.at += MINUTE
    assert await desk.code(key) == "expired"


async def test_a_question_consumes_nothing_and_needs_a_nonce(desk: Desk) -> None:
    key, head = await desk.key(), await desk.app.services.store.head()
    for _ in range(3):
        assert await desk.code(key) == "valid"
    assert await desk.app.services.store.head() == head
    for query in ({}, {"nonce": "with space"}, {"nonce": "n" * 129}, {"nonce": "n", "feature": "White"}):
        answer = await desk.app.client.get(f"{LICENSES}/validate", params=query, headers={"Licence-Key": key})
        assert (answer.status_code, problem(answer)["code"]) == (422, "invalid"), query
    answer = await desk.app.client.get(f"{LICENSES}/validate", params={"nonce": "n1"})
    told = problem(answer)
    assert (answer.status_code, told["detail"]) == (422, "Licence-Key: is required.")
    assert told["errors"] == [{"detail": "is required", "parameter": "Licence-Key"}]


async def test_a_key_of_nothing_is_not_found_whatever_is_wrong_with_it(desk: Desk) -> None:
    key, claims = await desk.key(), _claims_of(desk)
    unactivated = await desk_of(desk.app, desk.clock, active=False)
    for wrong in (
        "key",
        key[:-1],
        key[:-2] + ("AA" if key[-2:] != "AA" else "BA"),
        key.replace("key/", "file/"),
        key_of(claims, made(desk.clock.at)),
        key_for(desk.app.services, "lic_nobodys"),
        key_for(desk.app.services, desk.licence_id, serial=2),
        key_for(desk.app.services, unactivated.licence_id),
    ):
        said = await desk.validated(wrong)
        assert (said["valid"], said["code"], said["licence_id"]) == (False, "not_found", None)
        checked = check_answer(said["answer"], desk.trusted(), desk.now_s, nonce="n1", subject="lic_any")
        assert checked.code == "not_found"


def _claims_of(desk: Desk) -> KeyClaims:
    return KeyClaims(
        licence_id=desk.licence_id,
        org_id=desk.org_id,
        tier="custom",
        features=(),
        seats=None,
        serial=1,
        issued_at=desk.now_s,
        expires_at=desk.now_s + 1_000,
    )


async def test_a_wrong_key_costs_a_signature_and_a_stream_as_a_right_one_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, store, read = await desk.key(), desk.app.services.store, []
    state = store.state

    async def counting(decider: Any, stream: str) -> Any:
        read.append(stream.partition("-")[0])
        return await state(decider, stream)

    monkeypatch.setattr(store, "state", counting)
    weighed = Mock(wraps=Ed25519PublicKey.from_public_bytes)
    monkeypatch.setattr(holding, "Ed25519PublicKey", SimpleNamespace(from_public_bytes=weighed))
    for wrong in ("key", key[:-1], key_of(_claims_of(desk), made(desk.clock.at))):
        assert await desk.code(wrong) == "not_found"
    assert (read, weighed.call_count) == (["licence"] * 3, 3), "none of them has a key of ours"
    assert await desk.code(key) == "valid"
    assert weighed.call_count == 3, "the verifier has weighed it"


async def test_the_first_that_applies_is_the_code(opened: tuple[Running, Clock]) -> None:
    """Everything is wrong with it in the end, one thing after the other in the order of the codes."""
    app, clock = opened
    before = clock.at
    limits: dict[str, Any] = {"allowances": [{"metric": "courses_created", "limit": 2}]}
    desk = await desk_of(app, clock, **limits)
    key = await desk.key()
    usage = [{"metric": "courses_created", "user_id": "usr_a", "sequence": 1, "quantity": 2}]
    headers = {**app.caller("usr_service", "service").headers, "Licence-Key": key}
    body = {"source": "eu-1", "month": f"{clock.at:%Y-%m}", "items": usage}
    counted = await app.client.post(f"{LICENSES}/usage", json=body, headers=headers)
    assert counted.json()["counted"] == 1, counted.text
    assert [(await desk.seat(key, device)).status_code for device in "ab"] == [201, 201]
    assert await desk.code(key) == "valid", "at its limits"
    smaller = {"year_minor": 1_000, "seats": 1, "grace_days": 7}
    found = {}
    clock.at += 372 * DAY - MINUTE
    await desk.do("renew", term=2, tier="custom", custom=smaller)
    found["fewer seats"] = await desk.code(key)
    found["another feature"] = await desk.code(key, feature="sso")
    clock.at += 400 * DAY
    found["over"] = await desk.code(key, feature="sso")
    await desk.do("suspend", reason="Unpaid")
    found["suspended"] = await desk.code(key, feature="sso")
    await desk.do("revoke", reason="They closed", credit=False)
    found["revoked"] = await desk.code(key, feature="sso")
    clock.at = before
    assert found == {
        "fewer seats": "seats_exceeded",
        "another feature": "feature_missing",
        "over": "expired",
        "suspended": "suspended",
        "revoked": "revoked",
    }


async def test_use_beyond_a_limit_that_was_lowered_is_exceeded(opened: tuple[Running, Clock]) -> None:
    """A level goes on from term to term."""
    app, clock = opened
    before, clock.at = clock.at, datetime(2026, 5, 1, 9, tzinfo=UTC)
    desk = await desk_of(app, clock, allowances=[{"metric": "storage", "limit": 100}])
    key = await desk.key()
    headers = {**app.caller("usr_service", "service").headers, "Licence-Key": key}
    items = [{"metric": "storage", "sequence": 1, "quantity": 100}]
    body = {"source": "eu-1", "month": "2026-05", "items": items}
    counted = await app.client.post(f"{LICENSES}/usage", json=body, headers=headers)
    assert counted.json()["counted"] == 1, counted.text
    assert await desk.code(key) == "valid", "the limit itself"
    smaller = {"year_minor": 1_000, "seats": 2, "allowances": [{"metric": "storage", "limit": 99}]}
    await desk.do("renew", term=2, tier="custom", custom=smaller)
    clock.at = datetime(2027, 5, 2, tzinfo=UTC)
    code = await desk.code(key)
    clock.at = before
    assert code == "usage_exceeded"


async def test_a_floating_seat_that_lapsed_exceeds_nothing(opened: tuple[Running, Clock]) -> None:
    app, clock = opened
    before = clock.at
    desk = await desk_of(app, clock, floating=True)
    key = await desk.key()
    clock.at += 365 * DAY - MINUTE
    assert [(await desk.seat(key, device)).status_code for device in "ab"] == [201, 201]
    await desk.do("renew", term=2, tier="custom", custom={"year_minor": 1_000, "seats": 1, "floating": True})
    clock.at += 2 * MINUTE
    held = await desk.code(key)
    clock.at += 10 * MINUTE
    lapsed = await desk.code(key)
    clock.at = before
    assert (held, lapsed) == ("seats_exceeded", "valid")
