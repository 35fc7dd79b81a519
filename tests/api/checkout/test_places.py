from __future__ import annotations

from pathlib import Path

import pytest

from api.checkout.places import check_places
from api.http.problems import Unprocessable
from api.settings import Settings

SHOP = "https://shop.example.org"


def allowed(url: str, *origins: str, live: bool = True) -> bool:
    key = "sk_live_x" if live else "sk_test_x"
    settings = Settings(data_dir=Path("unused"), stripe_api_key=key, return_origins=origins)
    try:
        check_places(settings, [("success_url", url)])
    except Unprocessable:
        return False
    return True


def test_no_site_is_allowed_unless_the_operator_names_it() -> None:
    assert not allowed(f"{SHOP}/paid")
    assert allowed(f"{SHOP}/paid?of=1#top", SHOP)
    assert allowed("https://SHOP.example.org:443/paid", SHOP)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.org/paid",
        "https://shop.example.org:8443/paid",
        "https://shop.example.org.evil.example/",
        "https://shop.example.org@evil.example/",
        "https://evil.example\\@shop.example.org/",
        "https://evil.example/?https://shop.example.org",
        "https://shop.example.org\t.evil.example/",
        "//shop.example.org/paid",
        "/paid",
        "javascript:alert(1)//shop.example.org",
        "https://shop.example.org:port/",
        "https://[shop/",
        "https://somebody@shop.example.org/paid",
        " https://shop.example.org/paid",
        "https://shop.example.org/pa\nid",
    ],
)
def test_another_site_is_never_taken_for_an_allowed_one(url: str) -> None:
    assert not allowed(url, SHOP)


def test_a_developers_own_machine_is_allowed_where_no_real_money_moves() -> None:
    for url in ("http://127.0.0.1:3000/paid", "http://localhost/paid", "http://[::1]:8000/"):
        assert allowed(url, live=False)
        assert not allowed(url)
