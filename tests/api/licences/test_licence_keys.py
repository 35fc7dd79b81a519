"""Licence keys over HTTP: revealed, issued anew, made into files, and validated; kept nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from api.http.client_address import ClientAddresses
from api.http.ratelimit import RateLimit
from api.licence_keyring import keyring_path
from api.licences import holding, validating
from api.networks import Network
from api.settings import Settings
from ledger.ids import new_id
from ledger.licence_keys import file
from ledger.licence_keys.keyring import compromised, made
from ledger.licence_keys.published import published
from ledger.licence_keys.signing import answer_of, key_of
from ledger.licences.events import LicenceKeyReissued, LicenceKeyRevealed
from ledger.licences.stream import stream_of
from ledger.store import conninfo
from ledger.verifier import KeyClaims, check_answer, check_file, check_key, checks, keys_of
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
    assert await desk.code(old["key"]) == "valid"
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


async def test_an_answer_ends_with_what_it_says(desk: Desk) -> None:
    key = await desk.key()
    ends_at = desk.clock.at + timedelta(seconds=30)
    await desk.do("reissue", reason="It leaked", old_ends_at=ends_at.isoformat())
    assert (await desk.validated(key))["valid_until"] == ends_at.isoformat().replace("+00:00", "Z")


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


class Work:
    """What a question costs: signatures that are checked or made, and streams that are read."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self._desk, self._done = desk, Counter[str]()
        store, read = desk.app.services.store, desk.app.services.store.state

        async def reading(decider: Any, stream: str) -> Any:
            self._done[stream.partition("-")[0]] += 1
            return await read(decider, stream)

        def public(content: bytes) -> SimpleNamespace:
            return SimpleNamespace(verify=self._counted("verified", real_public(content).verify))

        real_public = Ed25519PublicKey.from_public_bytes
        monkeypatch.setattr(store, "state", reading)
        monkeypatch.setattr(store, "states", self._counted("use", store.states))
        for module in (holding, checks):
            monkeypatch.setattr(module, "Ed25519PublicKey", SimpleNamespace(from_public_bytes=public))
        monkeypatch.setattr(validating, "answer_of", self._counted("signed", answer_of))

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any) -> Any:
            self._done[name] += 1
            return call(*arguments)

        return counting

    async def of(self, key: str) -> tuple[str, dict[str, int]]:
        """The code that came of it, and what it cost."""
        self._done.clear()
        code = await self._desk.code(key)
        return code, dict(self._done)


async def test_a_wrong_key_costs_the_same_whatever_is_wrong_with_it_and_what_a_new_right_one_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, claims, work = await desk.key(), _claims_of(desk), Work(desk, monkeypatch)
    foreign, nobodys = key_of(claims, made(desk.clock.at)), key_for(desk.app.services, "lic_nobodys")
    never_issued = key_for(desk.app.services, desk.licence_id, serial=2)
    early = key_for(desk.app.services, desk.licence_id, issued_at=desk.now_s + 3_600)
    cost = {"verified": 1, "licence": 1, "signed": 1}
    wrong = ("key", f"{key}x", key[:-1], altered(key), foreign, nobodys, never_issued, early)
    for one in (*wrong, *wrong):
        assert await work.of(one) == ("not_found", cost), one
    assert await work.of(key) == ("valid", {**cost, "use": 1})


async def test_a_signature_that_was_found_good_is_checked_once_and_all_else_each_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is replaced: then it costs what any wrong one does, but for the first time."""
    key, work = await desk.key(), Work(desk, monkeypatch)
    assert (await work.of(key))[1]["verified"] == 1
    assert await work.of(key) == ("valid", {"licence": 1, "use": 1, "signed": 1})
    await desk.do("suspend", reason="Unpaid")
    assert (await work.of(key))[0] == "suspended"
    await desk.do("reinstate", reason="Paid")
    await desk.do("reissue", reason="A laptop was lost")
    assert await work.of(key) == ("not_found", {"licence": 1, "signed": 1})
    assert await work.of(key) == ("not_found", {"verified": 1, "licence": 1, "signed": 1})


def altered(key: str) -> str:
    """Of the same form, with another signature."""
    return f"{key[:-3]}{'B' if key[-3] == 'A' else 'A'}{key[-2:]}"


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


async def asked(desk: Desk, key: str, **headers: str) -> httpx.Response:
    query = {"nonce": "n1"}
    return await desk.app.client.get(
        f"{LICENSES}/validate", params=query, headers={"Licence-Key": key, **headers}
    )


async def test_an_address_may_ask_so_often_with_whatever_keys(opened: tuple[Running, Clock]) -> None:
    """Also who has a credential, as one costs nothing to have."""
    app, clock = opened
    desk, other = await desk_of(app, clock), await desk_of(app, clock)
    key, others, before = await desk.key(), await other.key(), app.services.validations
    app.replace(validations=RateLimit(1, 3, name="validate"))
    first = await asked(desk, key)
    assert '"validate";q=3;w=180' in first.headers["ratelimit-policy"]
    assert '"validate";r=2;' in first.headers["ratelimit"]
    assert [(await asked(desk, one)).status_code for one in ("wrong", others)] == [200, 200]
    by_name = app.caller("usr_student", "student").headers
    for stopped in (await asked(desk, key), await asked(desk, "wrong"), await asked(desk, key, **by_name)):
        assert (stopped.status_code, problem(stopped)["code"]) == (429, "rate_limited")
        assert "an answer that you have is good until its `valid_until`" in problem(stopped)["detail"]
        assert 0 < int(stopped.headers["retry-after"]) <= 60
    assert (await desk.seat(key)).status_code == 201, "who works goes on"
    app.replace(validations=before)


async def test_a_licence_may_be_asked_about_so_often_from_wherever(opened: tuple[Running, Clock]) -> None:
    """A key that is of none is its address's, so that who guesses keeps nobody else waiting."""
    app, clock = opened
    desk, other = await desk_of(app, clock), await desk_of(app, clock)
    key, others = await desk.key(), await other.key()
    before, addresses = app.services.licence_validations, app.services.client_addresses
    app.replace(
        licence_validations=RateLimit(1, 2, name="licence"),
        client_addresses=ClientAddresses((Network("127.0.0.1"),)),
    )
    asgi: Any = app.asgi
    state, door = asgi.app.state, asgi.app.state.door
    state.door = replace(door, addresses=app.services.client_addresses)

    async def status(key: str, address: int) -> int:
        answer = await asked(desk, key, **{"X-Forwarded-For": f"192.0.2.{address}"})
        return answer.status_code

    assert [await status(key, address) for address in (1, 2, 3)] == [200, 200, 429]
    assert await status(others, 3) == 200
    assert [await status(f"wrong{number}", 4) for number in range(3)] == [200, 200, 429]
    assert [await status("wrong", 5), await status(others, 4)] == [200, 200]
    app.replace(licence_validations=before, client_addresses=addresses)
    state.door = door


def test_what_is_set_lets_five_hundred_devices_behind_one_address_ask_each_minute_in_the_same_second() -> (
    None
):
    now, settings = [0.0], Settings()
    limit = RateLimit(settings.validate_per_minute, settings.validate_burst, lambda: now[0])
    for minute in range(10):
        now[0] = minute * 60.0
        assert all(limit.take("address").allowed for _ in range(500)), minute
    assert settings.validate_per_minute < settings.rate_limit_per_minute
