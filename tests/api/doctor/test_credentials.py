"""The keys that credentials are checked with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from api.doctor import credentials
from api.doctor.finding import Finding
from api.http.signing_keys import LocalKeys
from api.settings import Settings

LIVE = "rk_live_1"


def jwk(kid: str = "k1") -> dict[str, Any]:
    return {**OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key(), as_dict=True), "kid": kid}


@pytest.mark.parametrize(("key", "level"), [("", "ok"), ("sk_test_1", "worrying"), (LIVE, "wrong")])
async def test_a_key_made_here_is_for_development(key: str, level: str, tmp_path: Path) -> None:
    [found] = await credentials.examine(Settings(stripe_api_key=key, data_dir=tmp_path))
    assert found.level == level
    assert os.listdir(tmp_path) == [], "looking makes none"  # noqa: PTH208  an empty folder


async def test_a_file_is_looked_into(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    settings = Settings(stripe_api_key=LIVE, jwks=str(file), data_dir=tmp_path / "data")
    [missing] = await credentials.examine(settings)
    assert (missing.level, str(file) in missing.said) == ("wrong", True)
    file.write_bytes(msgspec.json.encode(jwk()))
    [found] = await credentials.examine(settings)
    assert (found.level, "1 key" in found.said) == ("ok", True)
    made = LocalKeys(tmp_path / "data").jwks()["keys"][0]
    file.write_bytes(msgspec.json.encode({"keys": [jwk(), made]}))
    assert [one.level for one in await credentials.examine(settings)] == ["ok", "wrong"]
    tried = msgspec.structs.replace(settings, stripe_api_key="sk_test_1")
    assert [one.level for one in await credentials.examine(tried)] == ["ok", "worrying"]


@pytest.mark.parametrize(
    ("answer", "levels"),
    [
        ({"keys": [jwk()]}, ["ok", "worrying"]),
        ({"keys": []}, ["wrong", "worrying"]),
        ({"no": "keys"}, ["wrong"]),
        (TimeoutError(), ["wrong"]),
        (aiohttp.ClientError(), ["wrong"]),
    ],
)
async def test_an_issuer_is_asked(answer: Any, levels: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch() -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return msgspec.json.encode(answer)

    monkeypatch.setattr("api.http.signing_keys._fetcher", lambda _: fetch)
    url = "http://user:hunter2@issuer.example/jwks"
    found: list[Finding] = await credentials.examine(Settings(stripe_api_key=LIVE, jwks=url))
    assert [finding.level for finding in found] == levels
    assert found[0].reached is not isinstance(answer, Exception)
    assert "hunter2" not in repr(found)
