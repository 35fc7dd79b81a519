"""Credentials: what holds, what does not, and how keys change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from api.http.api_keys import create_api_key, revoke_api_key
from api.http.auth import LEEWAY_S, ApiKey, Authenticator, mint
from api.http.jwks import parse_key_file
from api.http.problems import Unauthenticated
from api.http.signing_keys import LocalKeys, RemoteKeys, open_keys, parse_jwks
from api.settings import Settings, SettingsError
from ledger.errors import Invalid, NotFound
from ledger.store import conninfo
from tests.api.support import Caller, Running, problem


class Issuer:
    """Somebody else who makes credentials."""

    def __init__(self, kid: str, algorithm: str = "EdDSA") -> None:
        self.kid, self.algorithm = kid, algorithm
        self.key: Any = (
            Ed25519PrivateKey.generate()
            if algorithm == "EdDSA"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    def jwk(self) -> dict[str, Any]:
        convert = OKPAlgorithm.to_jwk if self.algorithm == "EdDSA" else RSAAlgorithm.to_jwk
        return {**convert(self.key.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}

    def pem(self) -> bytes:
        public: bytes = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return public

    def private_pem(self) -> bytes:
        private: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return private

    def sign(self, **claims: Any) -> str:
        whole = {
            "sub": "usr_1",
            "roles": ["student"],
            "aud": "liberation",
            "iss": "liberation",
            "exp": time.time() + 600,
            **claims,
        }
        kept = {name: value for name, value in whole.items() if value is not None}
        headers = {"kid": self.kid} if self.kid else None
        return jwt.encode(kept, self.key, algorithm=self.algorithm, headers=headers)


def jwks(*issuers: Issuer) -> bytes:
    return msgspec.json.encode({"keys": [issuer.jwk() for issuer in issuers]})


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


async def nobody(_: bytes) -> ApiKey | None:
    return None


def authenticator(tmp_path: Path, *issuers: Issuer, clock: Any = time.time) -> Authenticator:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(*issuers))
    settings = Settings(jwks=str(file))
    return Authenticator(settings, open_keys(settings), nobody, clock)


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_a_credential_of_the_issuer_holds(tmp_path: Path, algorithm: str) -> None:
    issuer = Issuer("k1", algorithm)
    principal = await authenticator(tmp_path, issuer).authenticate(f"Bearer {issuer.sign()}")
    assert (principal.id, principal.roles) == ("usr_1", frozenset({"student"}))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"aud": "another"}, "[Aa]udience"),
        ({"iss": "another"}, "[Ii]ssuer"),
        ({"iss": None}, "iss"),
        ({"sub": "stripe"}, "opaque id"),
        ({"sub": "ada@example.org"}, "e-mail"),
        ({"sub": "a\0b"}, "opaque id"),
        ({"roles": "admin"}, "list of strings"),
        ({"nbf": time.time() + 3600}, "not yet valid"),
        ({"exp": "99999999999"}, "must be a number"),
        ({"exp": True}, "expired"),
        ({"exp": ["99999999999"]}, "no JWT"),
        ({"exp": float("inf")}, "no JWT"),
        ({"iat": {}}, "integer"),
    ],
)
async def test_a_credential_that_does_not_hold_says_why(
    tmp_path: Path, claims: Mapping[str, Any], reason: str
) -> None:
    issuer = Issuer("k1")
    with pytest.raises(Unauthenticated, match=reason):
        await authenticator(tmp_path, issuer).authenticate(f"Bearer {issuer.sign(**claims)}")


async def test_nobody_can_give_themselves_the_systems_role(tmp_path: Path) -> None:
    issuer = Issuer("k1")
    principal = await authenticator(tmp_path, issuer).authenticate(
        f"Bearer {issuer.sign(roles=['system', 'student', 'root'])}"
    )
    assert principal.roles == {"student"}


async def test_the_key_decides_the_algorithm_and_never_the_credential(tmp_path: Path) -> None:
    issuer = Issuer("k1")
    check = authenticator(tmp_path, issuer)
    unsigned = jwt.encode({"sub": "usr_1"}, "", algorithm="none", headers={"kid": "k1"})
    symmetric = jwt.encode({"sub": "usr_1"}, "x" * 64, algorithm="HS256", headers={"kid": "k1"})
    forged = Issuer("k1").sign()
    signed = issuer.sign()
    flipped = signed[:-40] + ("A" if signed[-40] != "A" else "B") + signed[-39:]
    for credential in (unsigned, symmetric, forged, flipped, "nonsense", "a.b.c", "é.b.c"):
        with pytest.raises(Unauthenticated):
            await check.authenticate(f"Bearer {credential}")
    for header in ("", "Bearer", "Basic abc", issuer.sign()):
        with pytest.raises(Unauthenticated):
            await check.authenticate(header)


async def test_a_verified_credential_is_remembered_as_long_as_it_holds(tmp_path: Path) -> None:
    issuer, clock = Issuer("k1"), Clock()
    check = authenticator(tmp_path, issuer, clock=clock)
    expires = int(clock.now) + 100
    header = f"Bearer {issuer.sign(exp=expires + 0.9)}"
    first = await check.authenticate(header)
    for clock.now in (expires, expires + LEEWAY_S - 0.1):
        assert check.recall(header) is first
    clock.now = expires + LEEWAY_S
    assert check.recall(header) is None


@pytest.mark.parametrize(("past", "holds"), [(1, True), (LEEWAY_S - 2, True), (LEEWAY_S + 1, False)])
async def test_a_new_credential_holds_as_long_past_its_expiry_as_a_remembered_one(
    tmp_path: Path, past: int, *, holds: bool
) -> None:
    issuer, expired = Issuer("k1"), time.time() - past
    check = authenticator(tmp_path, issuer)
    header = f"Bearer {issuer.sign(exp=expired)}"
    if holds:
        await check.authenticate(header)
        assert check.recall(header) is not None
    else:
        with pytest.raises(Unauthenticated, match="expired"):
            await check.authenticate(header)


async def test_keys_rotate_and_a_withdrawn_one_is_forgotten(tmp_path: Path) -> None:
    old, new = Issuer("old"), Issuer("new")
    published, clock = [old], Clock()

    async def fetch() -> bytes:
        return jwks(*published)

    keys = RemoteKeys(fetch, clock)
    check = Authenticator(Settings(), keys, nobody)
    header = f"Bearer {old.sign()}"
    await check.authenticate(header)
    published[:] = [new]
    clock.now += 31
    await check.authenticate(f"Bearer {new.sign()}")
    with pytest.raises(Unauthenticated, match="not known"):
        await check.authenticate(header)


async def test_an_unknown_key_asks_the_issuer_only_now_and_then_and_an_outage_keeps_the_keys() -> None:
    issuer, clock, asked = Issuer("k1"), Clock(), 0

    async def fetch() -> bytes:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise TimeoutError
        return jwks(issuer)

    keys = RemoteKeys(fetch, clock)
    assert await keys.find("k1")
    for _ in range(5):
        assert await keys.find("forged") is None
    assert asked == 1
    clock.now += 3600
    assert await keys.find("k1")
    assert asked == 2


def test_a_key_set_may_hold_keys_for_other_things() -> None:
    usable = Issuer("k1").jwk()
    others = [
        {**usable, "kid": "enc", "use": "enc"},
        {"kty": "EC", "kid": "p256", "crv": "P-256"},
        {"kty": "oct"},
    ]
    assert set(parse_jwks(msgspec.json.encode({"keys": [usable, *others]}))) == {"k1"}
    for wrong in (
        b"",
        b"[]",
        b"{}",
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k"}]}',
    ):
        with pytest.raises(ValueError, match="JWKS"):
            parse_jwks(wrong)


# https://www.rfc-editor.org/rfc/rfc8037#appendix-A.2 and its thumbprint in A.3
RFC_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RFC_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_file_is_a_set_or_one_key_or_pem() -> None:
    issuer, other = Issuer("k1"), Issuer("k2", "RS256")
    assert set(parse_key_file(jwks(issuer, other))) == {"k1", "k2"}
    assert set(parse_key_file(msgspec.json.encode(issuer.jwk()))) == {"k1"}
    assert set(parse_key_file(msgspec.json.encode(RFC_KEY))) == {RFC_THUMBPRINT}
    assert len(parse_key_file(issuer.pem() + b"\n" + other.pem())) == 2


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_with_one_key_in_the_file_a_credential_need_not_name_it(tmp_path: Path, algorithm: str) -> None:
    nameless, file = Issuer("", algorithm), tmp_path / "issuer.pem"
    file.write_bytes(nameless.pem())
    settings = Settings(jwks=str(file))
    assert (
        await Authenticator(settings, open_keys(settings), nobody).authenticate(f"Bearer {nameless.sign()}")
    ).id
    stranger = Issuer("", algorithm)
    with pytest.raises(Unauthenticated, match="does not hold"):
        await Authenticator(settings, open_keys(settings), nobody).authenticate(f"Bearer {stranger.sign()}")
    nameless.kid = "another"
    with pytest.raises(Unauthenticated, match="not known"):
        await Authenticator(settings, open_keys(settings), nobody).authenticate(f"Bearer {nameless.sign()}")
    file.write_bytes(nameless.pem() + Issuer("").pem())
    nameless.kid = ""
    with pytest.raises(Unauthenticated, match="not known"):
        await Authenticator(settings, open_keys(settings), nobody).authenticate(f"Bearer {nameless.sign()}")


def _elliptic() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither a JWK set"),
        (b"[]", "neither a JWK set"),
        (b'{"keys": 1}', "neither a JWK set"),
        (b'{"keys": []}', "no key for signatures"),
        (b"{}", "no key for signatures"),
        (b'{"kty": "OKP", "crv": "Ed25519", "x": "AA"}', "no JWKS"),
        (b'{"kty": "OKP", "crv": "Ed25519", "x": 1}', "no key for signatures"),
        (Issuer("k1").private_pem(), "private key"),
        (msgspec.json.encode(OKPAlgorithm.to_jwk(Issuer("").key, as_dict=True)), "private key"),
        (_elliptic(), "no key for signatures"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "PEM cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "holds CERTIFICATE"),
    ],
)
def test_a_key_file_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=words) as error:
        open_keys(Settings(jwks=str(file)))
    assert "\n" not in str(error.value)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{tmp_path / 'no'}, which cannot be read: No such file"):
        open_keys(Settings(jwks=str(tmp_path / "no")))


LIVE = pytest.mark.parametrize("live", ["sk_live_1", "rk_live_1"])


@LIVE
def test_with_a_live_key_nothing_is_made_and_the_issuer_must_be_named(tmp_path: Path, live: str) -> None:
    with pytest.raises(SettingsError, match="Set LIBERATION_JWKS"):
        open_keys(Settings(stripe_api_key=live, data_dir=tmp_path))
    with pytest.raises(SettingsError, match="live key"):
        mint(Settings(stripe_api_key=live, data_dir=tmp_path), "usr_1", ["admin"])
    assert list(tmp_path.iterdir()) == []


@LIVE
@pytest.mark.parametrize("renamed", [False, True])
def test_a_live_service_takes_no_key_that_was_made_for_development(
    tmp_path: Path, live: str, *, renamed: bool
) -> None:
    made = LocalKeys(tmp_path / "data").jwks()["keys"][0]
    if renamed:
        made["kid"] = "production"
    file = tmp_path / "jwks.json"
    file.write_bytes(msgspec.json.encode({"keys": [Issuer("k1").jwk(), made]}))
    settings = Settings(stripe_api_key=live, jwks=str(file), data_dir=tmp_path / "data")
    with pytest.raises(SettingsError, match="made for development"):
        open_keys(settings)
    open_keys(msgspec.structs.replace(settings, stripe_api_key="sk_test_1"))
    if not renamed:  # another directory's key is known by the name that is made of it
        with pytest.raises(SettingsError, match="made for development"):
            open_keys(msgspec.structs.replace(settings, data_dir=tmp_path / "elsewhere"))


@LIVE
async def test_no_credential_minted_before_holds_at_a_live_service(tmp_path: Path, live: str) -> None:
    data, file = tmp_path / "data", tmp_path / "issuer.pem"
    minted = mint(Settings(data_dir=data), "usr_1", ["admin"])
    local, issuer = LocalKeys(data), Issuer("k1")
    settings = Settings(stripe_api_key=live, jwks="https://issuer.example/jwks", data_dir=data)
    file.write_bytes(issuer.pem())
    of_a_file = open_keys(msgspec.structs.replace(settings, jwks=str(file)))

    async def fetch() -> bytes:
        return msgspec.json.encode({"keys": [*local.jwks()["keys"], issuer.jwk()]})

    of_a_url = open_keys(settings)
    assert isinstance(of_a_url, RemoteKeys)
    of_a_url._fetch = fetch
    for keys in (of_a_file, of_a_url):
        with pytest.raises(Unauthenticated, match="not known"):
            await Authenticator(settings, keys, nobody).authenticate(f"Bearer {minted}")
    assert await of_a_url.find("k1")
    in_test_mode = msgspec.structs.replace(settings, stripe_api_key="sk_test_1")
    tried = open_keys(in_test_mode)
    assert isinstance(tried, RemoteKeys)
    tried._fetch = fetch
    assert (await Authenticator(in_test_mode, tried, nobody).authenticate(f"Bearer {minted}")).id == "usr_1"


def test_the_local_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first, second = LocalKeys(tmp_path), LocalKeys(tmp_path)
    assert first.kid == second.kid
    assert (tmp_path / "jwt-ed25519.pem").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "jwt-ed25519.pem"]


def test_minting_refuses_what_would_not_be_accepted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such role: boss"):
        mint(Settings(data_dir=tmp_path), "usr_1", ["boss"])
    with pytest.raises(SettingsError, match="e-mail"):
        mint(Settings(data_dir=tmp_path), "ada@example.org", ["student"])
    with pytest.raises(SettingsError, match="issuer"):
        mint(Settings(data_dir=tmp_path, jwks="https://issuer.example/jwks"), "usr_1", ["student"])


async def test_the_public_key_is_published(app: Running) -> None:
    key = (await app.client.get("/.well-known/jwks.json")).json()["keys"][0]
    assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")
    assert "d" not in key


async def test_an_api_key_holds_until_it_is_revoked(app: Running, database_url: str) -> None:
    with psycopg.connect(conninfo(database_url, role=None), autocommit=True) as owner:
        made = create_api_key(owner, "reports", ["service"])
        assert made.key not in repr(made)
        stored = owner.execute("SELECT hash, roles FROM api_keys").fetchone()
        assert stored is not None
        assert made.key.encode() not in stored[0]
        caller = Caller(app.client, made.key_id, made.key)
        assert (await caller.get("/api/ledger/accounts")).status_code == 200
        assert (await caller.get("/api/audit")).status_code == 403
        revoke_api_key(owner, made.key_id)
    app.services.authenticator._verified.clear()  # ten seconds later
    answer = await caller.get("/api/ledger/accounts")
    assert (answer.status_code, problem(answer)["code"]) == (401, "unauthenticated")


async def test_api_keys_expire_and_unknown_ones_do_not_hold(app: Running, database_url: str) -> None:
    with psycopg.connect(conninfo(database_url, role=None), autocommit=True) as owner:
        late = create_api_key(owner, "old", ["service"], datetime.now(UTC) - timedelta(seconds=1))
        with pytest.raises(Invalid):
            create_api_key(owner, "wrong", ["system"])
        with pytest.raises(NotFound):
            revoke_api_key(owner, "key_none")
    for key in (late.key, "lk_unknown"):
        assert (await Caller(app.client, "", key).get("/api/ledger/accounts")).status_code == 401


async def test_the_application_cannot_make_api_keys(app: Running) -> None:
    async with app.services.reading() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("UPDATE api_keys SET revoked_at = NULL")
