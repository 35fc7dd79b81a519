"""Pages of other sites: closed by default, and open to exactly those that the setting names."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.http.cors import Origins
from api.settings import SettingsError, load
from tests.api.conftest import OpenApp
from tests.api.support import Running

SHOP = "https://shop.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def test_without_the_setting_no_site_may_call(refusing: Running) -> None:
    for method, more in (("GET", {}), ("OPTIONS", ASKS)):
        answer = await refusing.client.request(method, "/api/plans", headers={"Origin": SHOP, **more})
        assert answer.status_code in {200, 204}
        assert not [name for name in answer.headers if name.startswith("access-control-")], method


async def test_a_page_of_a_site_that_is_named_asks_first_calls_and_reads_headers(open_app: OpenApp) -> None:
    app = await open_app(cors_origins=(SHOP, "http://localhost:3000"))
    asked = await app.client.options("/api/payments/process", headers={"Origin": SHOP, **ASKS})
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == SHOP
    assert "POST" in asked.headers["Access-Control-Allow-Methods"].split(", ")
    taken = asked.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "Idempotency-Key", "Ledger-Position"} <= set(taken)
    for path, status in (("/api/plans", 200), ("/api/payments/history", 401), ("/api/none", 404)):
        answer = await app.client.get(path, headers={"Origin": "http://localhost:3000"})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        shown = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Ledger-Position", "Idempotent-Replayed", "RateLimit", "Location", "ETag"} <= set(shown)
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://shop.example.org.evil.example", "http://shop.example.org", "null", ""]
)
def test_another_site_is_told_nothing(origin: str) -> None:
    """But that the answer depends on who asks, for caches on the way."""
    origins = Origins([SHOP])
    given = {b"origin": origin.encode(), b"access-control-request-method": b"POST"}
    assert origins.answered(given) == [(b"vary", b"Origin")]
    assert origins.preflight("OPTIONS", given) is None


@pytest.mark.parametrize(
    "origin", ["*", "null", "https://*.example.org", "https://Shop.example.org", f"{SHOP}/"]
)
def test_sites_are_named_one_by_one(origin: str, tmp_path: Path) -> None:
    environ = {"LIBERATION_DATA_DIR": str(tmp_path), "LIBERATION_CORS_ORIGINS": f"{SHOP}, {origin}"}
    with pytest.raises(SettingsError, match="CORS_ORIGINS cannot be used: must be a site as browsers"):
        load(environ)
