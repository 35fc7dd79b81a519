from __future__ import annotations

from typing import Any

import pytest

from api.sandbox.errors import StripeError
from api.sandbox.forms import parse


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"", {}),
        (b"a=1&b=x+y%26z", {"a": "1", "b": "x y&z"}),
        (b"m[k]=v&m[l]=", {"m": {"k": "v", "l": ""}}),
        (b"e[0]=a&e[1]=b", {"e": ["a", "b"]}),
        (b"e[]=a&e[]=b", {"e": ["a", "b"]}),
        (b"i[1][p]=b&i[0][p]=a", {"i": [{"p": "a"}, {"p": "b"}]}),
        (b"m%5Bk%5D=v", {"m": {"k": "v"}}),
    ],
)
def test_nested_parameters(encoded: bytes, expected: dict[str, Any]) -> None:
    assert parse(encoded) == expected


@pytest.mark.parametrize(
    "encoded",
    [
        b"a=1&a[b]=2",
        b"a[b]=2&a=1",
        b"a[b=1",
        b"[a]=1",
        b"a[b]c=1",
        b"a=%00",
        b"\xff=1",
        b"a" + b"[b]" * 9 + b"=1",
    ],
)
def test_nonsense_is_refused(encoded: bytes) -> None:
    with pytest.raises(StripeError):
        parse(encoded)
