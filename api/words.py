"""What is wrong with a value, in words: what is expected and an example, never a regular expression.

The patterns that requests are held to stand here beside their words, as msgspec's message is all that tells
which of them did not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_END = r"$(?!\n)"
"""In Python `$` alone matches before a newline at the end, too."""
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text cannot hold it."""
CURRENCY = "^[A-Za-z]{3}" + _END
PAYMENT_METHOD = "^pm_[A-Za-z0-9_]{1,200}" + _END
PAYMENT = "^pay_[0-9a-f]{32}" + _END
ACCOUNT = "^[0-9]{4}" + _END
EMAIL = r"^[^\s@\x00]+@[^\s@\x00]+\.[^\s@\x00]+" + _END
CATEGORY = "^[a-z0-9]+(-[a-z0-9]+)*" + _END
LANGUAGE = "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?" + _END
RATING = r"^([1-4](\.[0-9]{1,2})?|5(\.0{1,2})?)" + _END
SHA256 = "^[0-9a-f]{64}" + _END
COUPON = "^[A-Za-z0-9_-]{4,40}" + _END
PROMOTION_CODE = "^[A-Za-z0-9-]{1,100}" + _END
INVITATION_CODE = "^oic_[A-Za-z0-9_-]{54}" + _END
NONCE = "^[A-Za-z0-9._~-]{1,128}" + _END
FEATURE = "^[a-z][a-z0-9_]{0,99}" + _END
COLOUR = "^#[0-9A-Fa-f]{6}" + _END
ORGANISATION = "^org_[0-9a-z_]{1,100}" + _END
USER = r"^(?!(stripe|worker|operator)$)[A-Za-z0-9_.:|-]{1,128}" + _END
"""What a credential can have as `sub`, so that nothing is given to what can be nobody."""
POSITION = "^[0-9]{1,18}" + _END
WEBHOOK_URL = "^https?://[!-~]+" + _END
DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}" + _END
MONTH = "^[0-9]{4}-(0[1-9]|1[0-2])" + _END
COUNTRY = "^[A-Za-z]{2}" + _END
TIME_ZONE = "^[A-Za-z0-9_+/-]+" + _END

PATTERNS: Mapping[str, str] = {
    NO_NUL: "holds the character NUL (U+0000), which cannot be stored: leave it out",
    CURRENCY: "must be the three letters of a currency by ISO 4217, such as usd",
    PAYMENT_METHOD: "must be Stripe's id of a payment method: pm_ and then letters, digits and underscores, "
    "such as pm_card_visa",
    PAYMENT: "must be the id of a payment: pay_ and then 32 hexadecimal digits in lower case, such as "
    "pay_0199f3a2c4d87b1e9f20a1b2c3d4e5f6",
    NONCE: "must be from 1 to 128 letters, digits and . _ ~ -, drawn anew for each question",
    FEATURE: "must be the name of a feature, such as white_label",
    ACCOUNT: "must be the four digits of an account, such as 1010",
    EMAIL: "must be an e-mail address, such as ada@example.org",
    CATEGORY: "must be words in lower case joined by hyphens, such as data-science",
    LANGUAGE: "must be a language by BCP 47, such as pt-BR",
    RATING: "must be stars from 1 to 5 with two decimals at most, such as 4.5",
    SHA256: "must be a SHA-256 as 64 hexadecimal digits in lower case",
    COUPON: "must be the code of a coupon: from 4 to 40 letters, digits, hyphens and underscores, such as "
    "SPRING-20",
    PROMOTION_CODE: "must be a promotion code: from 1 to 100 letters, digits and hyphens, such as SPRING-20",
    INVITATION_CODE: "must be the code of an invitation, whole, as it was shown when that was made",
    COLOUR: "must be a colour as # and six hexadecimal digits, such as #1f4e79",
    POSITION: "must be a position, which is a whole number such as 12",
    WEBHOOK_URL: "must be an address that begins with https:// and has no spaces, such as "
    "https://example.org/webhooks",
    ORGANISATION: "must be the id of an organisation: org_ and then small letters and digits, such as "
    "org_0199f3a2c4d87b1e9f20a1b2c3d4e5f6",
    USER: "must be the opaque id of a user: from 1 to 128 letters, digits and _ . : | - and none of stripe, "
    "worker and operator, such as usr_ann",
    DAY: "must be a day, such as 2026-01-31",
    MONTH: "must be a month, such as 2026-01",
    COUNTRY: "must be the two letters of a country by ISO 3166-1, such as US",
    TIME_ZONE: "must be the IANA name of a time zone, such as Europe/Berlin",
}
TIME = "must be a time with a zone, such as 2026-01-31T00:00:00Z"
TIME_OUT_OF_RANGE = "must be a time that is from the year 1 to the year 9999 in UTC"

_WANTED: Mapping[str, str] = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_GOT: Mapping[str, str] = {
    **_WANTED,
    "float": "a number with a point or an exponent",
    "bool": "a boolean",
}
_TYPES = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_BOUND = re.compile(r"Expected `(\w+)` (of length )?(<=|>=|<|>) (\S+)")
_PARTS: Mapping[str, str] = {"array": "item", "object": "member"}
"""What is counted of each; of all else it is characters."""
_BOUNDS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


def in_words(message: str, kind: Any = Any, *, from_text: bool = False) -> str:
    """A message of msgspec about a value of `kind`, an annotation. `from_text`: it was written as text, as
    all parameters are, so that it is no news that it is a string.
    """
    if values := allowed(kind):
        return f"must be one of {', '.join(values)}"
    for pattern, words in PATTERNS.items():
        if repr(pattern) in message:
            return words
    if "encoded date" in message or "datetime" in message:
        return TIME if "datetime" in message else PATTERNS[DAY]
    if bound := _BOUND.match(message):
        return _bound(*bound.groups())
    if types := _TYPES.match(message):
        wanted = " or ".join(_WANTED.get(name, name) for name in types[1].split(" | "))
        return f"must be {wanted}" + ("" if from_text else f", not {_GOT.get(types[2], types[2])}")
    return "is out of range" if "out of range" in message else message


def described(pattern: str) -> str:
    """What a text is that the pattern fits, as a type is described."""
    return "without the character NUL" if pattern == NO_NUL else PATTERNS[pattern].removeprefix("must be ")


def _bound(kind: str, length: str | None, sign: str, number: str) -> str:
    if length is None:
        return f"must be {_BOUNDS[sign]} {number}"
    return f"must have {_BOUNDS[sign]} {number} {_PARTS.get(kind, 'character')}{'s' if number != '1' else ''}"


def allowed(kind: Any) -> list[str]:
    """The values of a `Literal`, of one that may be null too; none of any other type."""
    found = (get_args(each) for each in kinds_in(kind) if get_origin(each) is Literal)
    return [str(value) for values in found for value in values]


def kinds_in(kind: Any) -> Iterator[Any]:
    """Those that a value may be of, without their bounds: of `Annotated[int, …] | None` `int` and `None`."""
    if get_origin(kind) is Annotated:
        yield from kinds_in(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for each in get_args(kind):
            yield from kinds_in(each)
    else:
        yield kind
